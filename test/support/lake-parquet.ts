import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { CheckpointEngine } from '../../src/lake/checkpoint.ts'
import { checkpointReadSql, checkpointWriteSql } from '../../src/lake/checkpoint-sql.ts'
import { newScratch } from './lake-fixtures.ts'

export type DuckDb = {
  readonly engine: CheckpointEngine
  rows(sql: string): Promise<readonly (readonly unknown[])[]>
  close(): void
}

/** DuckDB with the checkpoint's SQL, and nothing else of the real engine. */
export async function openDuckDb(): Promise<DuckDb> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const scratch = newScratch()
  let files = 0
  return {
    engine: {
      writeCheckpoint: async (actions) => {
        const [from, to] = [join(scratch, `it's ${files++}.json`), join(scratch, `${files++}.checkpoint.parquet`)]
        await writeFile(from, actions)
        const longest = Math.max(...actions.split('\n').map((line) => Buffer.byteLength(line)))
        await connection.run(checkpointWriteSql(from, to, longest))
        return { scratchFile: to, sizeBytes: (await readFile(to)).length }
      },
      readCheckpoint: async (localPath) => {
        const rows = await connection.runAndReadAll(checkpointReadSql(localPath))
        return rows.getRows().map(([line]) => line as string)
      },
    },
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRowsJson(),
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}
