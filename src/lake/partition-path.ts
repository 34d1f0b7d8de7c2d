import type { PartitionValues } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { limits } from '../limits.ts'

/** How Hive folders write NULL. */
export const nullFolder = '__HIVE_DEFAULT_PARTITION__'

/**
 * The Hive folders of a partition, `a=1/b=x%2Fy/`; empty for a table without partitions. Escapes exactly what Spark escapes, so
 * that plain readers of the folder get the values back: spaces and non-ASCII stay raw (DuckDB's own PARTITION_BY would
 * escape them, and Spark would read mojibake). NULL and '' share a folder.
 */
export function partitionFolder(columns: readonly string[], values: PartitionValues): string {
  return columns.map((column) => `${folderOf(column, values[column] ?? null)}/`).join('')
}

function folderOf(column: string, value: string | null): string {
  const folder = `${escapeFolder(column)}=${folderValue(value)}`
  const bytes = new TextEncoder().encode(folder).length
  if (bytes <= limits.partitionFolderBytes) return folder
  throw new DmscdcError(
    'bad-landing',
    `partition column "${column}": a value of it makes a folder name of ${String(bytes)} bytes, expected at most ${String(limits.partitionFolderBytes)}`,
    { hint: 'partition by a column of short values: dmscdc set <table> --partition-key <column>' },
  )
}

/** The values that the folders of a data file's path name. (Text equal to Hive's null folder cannot be told from NULL.) */
export function parsePartitionFolder(path: string): PartitionValues {
  const folders = path.split('/').slice(0, -1)
  return Object.fromEntries(folders.filter((folder) => folder.includes('=')).map(parseFolder))
}

/** `add.path` of an object key below the table's folder: each segment percent-encoded once more, `=` left readable. */
export function encodeAddPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeURIComponent(segment).replaceAll('%3D', '='))
    .join('/')
}

/** The object key below the table's folder that an `add.path` names. Throws URIError on malformed text. */
export function decodeAddPath(encoded: string): string {
  return encoded.split('/').map(decodeURIComponent).join('/')
}

function folderValue(value: string | null): string {
  return value === null || value === '' ? nullFolder : escapeFolder(value)
}

function parseFolder(folder: string): [string, string | null] {
  const equals = folder.indexOf('=')
  const value = folder.slice(equals + 1)
  return [unescapeFolder(folder.slice(0, equals)), value === nullFolder ? null : unescapeFolder(value)]
}

function escapeFolder(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f"#%'*/:=?\\{[\]^]/gu, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

function unescapeFolder(text: string): string {
  return text.replace(/%([0-9a-f]{2})/giu, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}
