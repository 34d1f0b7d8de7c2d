import { parquetOf } from './parquet-bytes.ts'

/** Stands in rows; in no log, error, report or state row may it be found. */
export const rowCanary = 'rOwVaLuE4711'
/** Stands in files beside the landing and the lake; nothing of it may get into the lake. */
export const outsideCanary = 'oUtSiDe0815'
/** Stands in the environment as a credential. */
export const credentialCanary = 'cReDeNtIaL2342'

/** Files around the four folders, paths below the root: each is read by who follows a name or a link out of its folder. */
export async function plantedFiles(): Promise<readonly (readonly [string, Uint8Array])[]> {
  const secretRows = await parquetOf(`select 'I' as "Op", 4711 as id, '${outsideCanary}' as v`)
  const text = Buffer.from(`I,4711,${outsideCanary}\n`)
  return [
    ['LOAD00000001.parquet', secretRows],
    ['t/LOAD00000001.parquet', secretRows],
    ['outside/LOAD00000001.parquet', secretRows],
    ['outside/20240101-000000005.parquet', secretRows],
    ['outside/20240101-000000005.csv', text],
    ['outside/t/LOAD00000001.parquet', secretRows],
    ['outside/keep.txt', text],
    ['landing-beside/s/t/LOAD00000001.parquet', secretRows],
    ['lake-beside/keep.parquet', secretRows],
  ]
}
