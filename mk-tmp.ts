import { mkdirSync, existsSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import { batches, batchFile, loadFile } from './bench/workload.ts'
const rows = 10_000_000
const c = await (await DuckDBInstance.create(':memory:', { memory_limit: '3GB' })).connect()
mkdirSync('/tmp/sp/b/load', { recursive: true })
for (let f = 0; f < 16; f++) {
  const p = `/tmp/sp/b/load/LOAD${(f + 1).toString(16).toUpperCase().padStart(8, '0')}.parquet`
  if (!existsSync(p)) await c.run(`copy (${loadFile(rows, 16, f)}) to '${p}' (format parquet, row_group_size 122880, compression zstd)`)
}
for (const batch of batches) {
  mkdirSync(`/tmp/sp/b/${batch.name}`, { recursive: true })
  for (let f = 0; f < batch.files; f++) await c.run(`copy (${batchFile(batch, rows, f)}) to '/tmp/sp/b/${batch.name}/20260101-00000000${f}.parquet' (format parquet, row_group_size 122880, compression snappy)`)
}
