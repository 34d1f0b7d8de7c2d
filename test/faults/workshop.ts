import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duckdbEngine } from '../../src/engine/duckdb-engine.ts'
import { type RowReader, rowReader } from './auditor.ts'
import { type RememberingEngine, rememberingEngine } from './remembering-engine.ts'

/** What all cases of a process share: the engine, its memory, and a folder for what it reads. */
export type Workshop = {
  readonly engine: RememberingEngine
  readonly scratch: string
  readonly reader: RowReader
  readonly close: () => Promise<void>
}

export async function openWorkshop(): Promise<Workshop> {
  const folder = mkdtempSync(join(tmpdir(), 'dmscdc-certify-'))
  const scratch = join(folder, 'files')
  const duckdb = await duckdbEngine({ memoryBytes: 1e9, threads: 1, temp: join(folder, 'work'), readable: [folder] })
  const engine = rememberingEngine(duckdb, scratch)
  return {
    engine,
    scratch,
    reader: await rowReader(engine, scratch),
    async close() {
      await engine.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
