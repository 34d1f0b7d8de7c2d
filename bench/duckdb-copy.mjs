import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

// The floor of every rewrite: each file read and written again by one COPY, as we write data files. `<target folder> <file>…`
const [target = '', ...files] = process.argv.slice(2)
const sql = await (await DuckDBInstance.create(':memory:')).connect()
mkdirSync(target, { recursive: true })
for (const file of files)
  await sql.run(
    `copy (from read_parquet('${file}')) to '${join(target, basename(file))}' (format parquet, compression zstd, compression_level 1, row_group_size 122880)`,
  )
