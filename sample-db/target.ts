import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { dmsCsv } from './csv.ts'
import type { FileColumn } from './layout.ts'
import { arrowParquet } from './parquet-arrow.ts'
import { dmsExactParquet } from './parquet-dms-exact.ts'
import type { DmsSettings } from './settings.ts'

/** Writes a target file that appears whole or not at all: it grows under a hidden name at the target's root. */
export async function writeTargetFile(
  target: string,
  key: string,
  columns: readonly FileColumn[],
  settings: DmsSettings,
): Promise<void> {
  const path = join(target, key)
  const growing = join(target, `.${key.replaceAll('/', '.')}.growing`)
  await mkdir(dirname(path), { recursive: true })
  const file = await open(growing, 'w')
  await file.writeFile(encode(columns, settings))
  await file.close()
  await rename(growing, path)
}

/** Removes all objects of a table; an empty schema folder goes with its last table, as on S3. */
export async function removeTable(target: string, schema: string, table: string): Promise<void> {
  await rm(join(target, schema, table), { recursive: true, force: true })
  const left = await readdir(join(target, schema)).catch(() => null)
  if (left?.length === 0) await rm(join(target, schema), { recursive: true })
}

/** `parquet`, `csv` or `csv.gz`. */
export function extension(settings: DmsSettings): string {
  if (settings.DataFormat === 'parquet') return 'parquet'
  return settings.CompressionType === 'GZIP' ? 'csv.gz' : 'csv'
}

function encode(columns: readonly FileColumn[], settings: DmsSettings): Uint8Array {
  if (settings.DataFormat === 'csv') return dmsCsv(columns, settings)
  return settings.parquetWriter === 'dms-exact' ? dmsExactParquet(columns, settings) : arrowParquet(columns, settings)
}
