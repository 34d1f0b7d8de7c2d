import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { listLiteral, literal } from '../../src/engine/sql.ts'
import type { World } from './world.ts'

let connection: Promise<DuckDBConnection> | null = null

/** The rows of a table's bare folder as `id|v`, in order; read by a DuckDB that is not the one under test. */
export async function rowsOf(world: World, prefix: string): Promise<readonly string[]> {
  const rows = await queried(
    world,
    prefix,
    (files) => `select id::varchar || '|' || v as text from ${files} order by text`,
  )
  return rows.map((row) => String(row.text))
}

/** Whether a text stands anywhere in the lake: in a key, an object that is text, or a row. */
export async function lakeHolds(world: World, text: string): Promise<boolean> {
  const keys = await world.lakeKeys('')
  if (keys.some((key) => key.includes(text))) return true
  for (const key of keys.filter((one) => !one.endsWith('.parquet')))
    if (Buffer.from((await world.ports.lake.get(key))?.body ?? []).includes(text)) return true
  for (const key of keys.filter((one) => one.endsWith('.parquet') && !one.includes('/_delta_log/'))) {
    const found = await queried(
      world,
      key,
      (file) => `select count(*) as n from ${file} as t where t::varchar like '%${text}%'`,
    )
    if (Number(found[0]?.n ?? 0) > 0) return true
  }
  return false
}

async function queried(world: World, prefix: string, query: (files: string) => string) {
  connection ??= DuckDBInstance.create(':memory:', { threads: '1' }).then((instance) => instance.connect())
  const keys = (await world.lakeKeys(prefix)).filter((key) => key.endsWith('.parquet') && !key.includes('/_delta_log/'))
  if (keys.length === 0) return []
  const folder = await mkdtemp(join(tmpdir(), 'dmscdc-fuzz-read-'))
  try {
    const paths: string[] = []
    for (const [at, key] of keys.entries()) {
      const path = join(folder, `${String(at)}.parquet`)
      await writeFile(path, (await world.ports.lake.get(key))?.body ?? new Uint8Array())
      paths.push(path)
    }
    const files = `read_parquet(${listLiteral(paths.map(literal))}, union_by_name = true, hive_partitioning = false)`
    return (await (await connection).runAndReadAll(query(files))).getRowObjectsJson()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
