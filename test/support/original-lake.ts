import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { literal } from '../../src/engine/sql.ts'
import type { Lab } from './lab.ts'
import { readRow, writeRow } from './row-file.ts'

/** What the original's Glue jobs leave: a file of the lake folder as Spark writes it, snappy and without field ids. */
export async function writeOriginal(lab: Lab, name: string, select: string, folder = 's/t'): Promise<string> {
  const path = join(lab.lake, folder, name)
  await mkdir(dirname(path), { recursive: true })
  await lab.sql(`copy (${select}) to ${literal(path)} (format parquet, compression snappy)`)
  return path
}

export async function writeOriginalBytes(lab: Lab, name: string, body: string | Uint8Array): Promise<void> {
  const path = join(lab.lake, 's/t', name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, body)
}

/** The row as the original keeps it: its own attributes and no others. */
export async function makeOriginalRow(
  lab: Lab,
  cursors: { readonly file: string; readonly date: string },
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const registered = await readRow(lab)
  const { path, bucket, prefix, folder, out_path } = registered
  await writeRow(lab, {
    ...{ path, bucket, prefix, folder, out_path, PrimaryKey: 'id', PartitionKey: 'null', ActiveFlag: 'true' },
    ...{ LastIncrementalFile: `${String(path)}${cursors.file}`, LastFullLoadDate: cursors.date },
    ...options,
  })
}

/**
 * A Parquet file with timestamps as INT96 and decimals as fixed bytes, as Spark before 3 writes them (made by pyarrow with
 * `use_deprecated_int96_timestamps`). Columns `Op`, `id` int32, `price` decimal(9,2), `at` timestamp, `name` string; ids 1 to 3.
 */
export const sparkFile = Buffer.from(
  'UEFSMRUAFSoVLiwVBhUAFQYVBhw2ACgBVRgBSRERAAAAFVACAAAABgEBAAAASQEAAABJAQAAAFUVABUkFSgsFQYVABUGFQYcGAQDAAAAGAQBAAAAFgAoBAMAAAAYBAEAAAAREQAAABJEAgAAAAYBAQAAAAIAAAADAAAAFQAVHBUgLBUGFQAVBhUGHBgEAAAAlhgE///4FxYCKAQAAACWGAT///gXEREAAAAONAIAAAADAwAAAJb///gXFQAVVBVOLBUGFQAVBhUGHAAAACpEAgAAAAYBAEoDUEonAACXiiUAEQE8UkQaAAA2tFWUTgAALP5RABUAFSAVJCwVBhUAFQYVBhw2AigBYhgBYRERAAAAEDwCAAAAAwMBAAAAYQEAAABiFQQZbDUAGAZzY2hlbWEVCgAVDCUCGAJPcCUATBwAAAAVAiUCGAJpZAAVDhUIFQIYBXByaWNlJQoVBBUSLFwVBBUSAAAAFQYlAhgCYXQAFQwlAhgEbmFtZSUATBwAAAAWBhkcGVwmABwVDBklBgAZGAJPcBUCFgYWZBZoJgg8NgAoAVUYAUkREQAZHBUAFQAVAgA8FgYZBhkmAAYAAAAmABwVAhklBgAZGAJpZBUCFgYWggEWhgEmcDwYBAMAAAAYBAEAAAAWACgEAwAAABgEAQAAABERABkcFQAVABUCADwpBhkmAAYAAAAmABwVDhklBgAZGAVwcmljZRUCFgYWehZ+JvYBPBgEAAAAlhgE///4FxYCKAQAAACWGAT///gXEREAGRwVABUAFQIAPCkGGSYCBAAAACYAHBUGGSUGABkYAmF0FQIWBhZ6FnQm9AJJHBUAFQAVAgA8KQYZJgAGAAAAJgAcFQwZJQYAGRgEbmFtZRUCFgYWWhZeJugDPDYCKAFiGAFhEREAGRwVABUAFQIAPBYEGQYZJgIEAAAAFrQEFgYmCBa+BAAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGVwcAAAcAAAcAAAcAAAcAAAA3QEAAFBBUjE=',
  'base64',
)
