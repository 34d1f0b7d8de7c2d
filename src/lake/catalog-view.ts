import { createHash } from 'node:crypto'
import type { CatalogColumn, CatalogFormat, CatalogPartition, CatalogTable } from '../catalog/catalog.ts'
import type { Column, DataFile, LakeType, Snapshot, View } from '../domain.ts'
import { manifestPrefix, type TablePlace, uriOf } from './keys.ts'
import { folderOf } from './manifest.ts'
import { nullFolder } from './partition-path.ts'

export type CatalogViewRequest = {
  readonly head: Snapshot
  readonly place: TablePlace
  /** The lake store's `place`. */
  readonly lakePlace: string
  readonly publish: readonly View[]
  /** The parameters by which the table is known as ours. */
  readonly owner: CatalogTable['parameters']
}

/**
 * A head as a catalog describes it: a native Delta table where there is a Delta view, else a table of symlink manifests
 * where there are manifests, else the plain Parquet folder. Names are lower case, as Hive's catalogs want them. Pure.
 */
export function catalogView(request: CatalogViewRequest): {
  readonly table: CatalogTable
  readonly partitions: readonly CatalogPartition[]
} {
  const { head, place, lakePlace, publish, owner } = request
  const format: CatalogFormat = publish.includes('delta')
    ? 'delta'
    : publish.includes('manifest')
      ? 'symlink'
      : 'parquet'
  const location = uriOf(lakePlace, format === 'symlink' ? manifestPrefix(place) : place.dataPrefix)
  const isKey = ({ name }: Column) => head.partitionColumns.includes(name)
  const keys = head.partitionColumns.flatMap((name) => head.columns.filter((column) => column.name === name))
  const table = {
    format,
    location,
    columns: head.columns.filter((column) => !isKey(column)).map(catalogColumn),
    partitionKeys: keys.map(catalogColumn),
    parameters: { ...formatParameters[format], ...owner },
  }
  // Delta's partitions stand in its log.
  return { table, partitions: format === 'delta' ? [] : partitionsOf(head, keys, table) }
}

/** The name of a type in Hive's words, for each that the lake holds. */
export function catalogType(type: LakeType): string {
  switch (type.kind) {
    case 'byte':
      return 'tinyint'
    case 'short':
      return 'smallint'
    case 'integer':
      return 'int'
    case 'long':
      return 'bigint'
    case 'decimal':
      return `decimal(${String(type.precision)},${String(type.scale)})`
    default:
      return type.kind
  }
}

const formatParameters: Readonly<Record<CatalogFormat, CatalogTable['parameters']>> = {
  parquet: { classification: 'parquet' },
  symlink: { classification: 'parquet' },
  delta: { table_type: 'DELTA', 'spark.sql.sources.provider': 'delta', classification: 'delta' },
}

function catalogColumn({ name, type }: Column): CatalogColumn {
  return { name: name.toLowerCase(), type: catalogType(type) }
}

/** The digest of the table's columns tells a partition that was described before they changed. */
function partitionsOf(head: Snapshot, keys: readonly Column[], table: CatalogTable): readonly CatalogPartition[] {
  if (keys.length === 0) return []
  const { format, columns, partitionKeys } = table
  const digest = createHash('sha256')
    .update(JSON.stringify([format, columns, partitionKeys]))
    .digest('hex')
    .slice(0, 16)
  const files = new Map(head.files.map((file) => [folderOf(file.path), file]))
  return [...files].map(([folder, file]) => ({
    values: keys.map((column) => partitionValue(column, file)),
    location: `${table.location}${folder}`,
    parameters: { 'dmscdc.columns': digest },
  }))
}

/** As Hive reads it, which differs from the folder's name only for moments. */
function partitionValue({ name, type }: Column, { partition }: DataFile): string {
  const value = partition[name] ?? null
  if (value === null || value === '') return nullFolder
  return type.kind === 'timestamp' ? value.replace('T', ' ').replace('Z', '') : value
}
