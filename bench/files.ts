import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { listLiteral, literal } from '../src/engine/sql.ts'
import { type Batch, batchFile, loadFile, type TableKind, tableHash } from './workload.ts'

const loadFiles = 16
const sql = await (await DuckDBInstance.create(':memory:', { memory_limit: '4GB' })).connect()

/** The table's full load as local files, named as DMS names them. */
export async function writeLoad(folder: string, kind: TableKind, rows: number): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true })
  const paths = Array.from({ length: loadFiles }, (_, file) => join(folder, loadName(file + 1)))
  for (const [file, path] of paths.entries())
    await copyTo(loadFile(kind, rows, loadFiles, file), path, 'compression zstd')
  return paths
}

/** A batch's change files. */
export async function writeBatch(
  folder: string,
  kind: TableKind,
  batch: Batch,
  rows: number,
): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true })
  const paths = Array.from({ length: batch.files }, (_, file) => join(folder, `${batch.name}-${String(file)}.parquet`))
  for (const [file, path] of paths.entries())
    await copyTo(batchFile(kind, batch, rows, file), path, 'compression snappy')
  return paths
}

export async function hashOf(kind: TableKind, relation: string): Promise<string> {
  return String((await sql.runAndReadAll(tableHash(kind, relation))).getRows()[0]?.[0])
}

export const parquet = (paths: readonly string[]) => `read_parquet(${listOf(paths)}, hive_partitioning = true)`

export const listOf = (paths: readonly string[]) => listLiteral(paths.map((path) => literal(path)))

async function copyTo(select: string, path: string, settings: string): Promise<void> {
  await sql.run(`copy (${select}) to ${literal(path)} (format parquet, row_group_size 122880, ${settings})`)
}

const loadName = (file: number) => `LOAD${file.toString(16).toUpperCase().padStart(8, '0')}.parquet`
