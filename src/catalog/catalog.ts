/** Both lower case. */
export type CatalogName = { readonly database: string; readonly table: string }

/** `type` is Hive's name of it: `bigint`, `decimal(20,0)`. A comment is whoever's wrote it; we write none. */
export type CatalogColumn = { readonly name: string; readonly type: string; readonly comment?: string }

/** How readers find the data: the Parquet files of a folder, symlink manifests that name them, or a Delta log beside them. */
export type CatalogFormat = 'parquet' | 'symlink' | 'delta'

export type CatalogTable = {
  readonly format: CatalogFormat
  /** The URI of a folder; ends with a slash. */
  readonly location: string
  /** Without the partition keys. */
  readonly columns: readonly CatalogColumn[]
  readonly partitionKeys: readonly CatalogColumn[]
  readonly parameters: { readonly [name: string]: string }
}

export type CatalogPartition = {
  /** In the order of the partition keys. */
  readonly values: readonly string[]
  readonly location: string
  readonly parameters: { readonly [name: string]: string }
}

/** A table as it stands. `other`: what describes it is none of our formats. */
export type FoundTable = Omit<CatalogTable, 'format'> & {
  readonly format: CatalogFormat | 'other'
  /** Changes with every update; null where the catalog keeps none. */
  readonly versionId: string | null
  readonly description: string | null
}

export type PartitionChanges = {
  readonly create: readonly CatalogPartition[]
  readonly update: readonly CatalogPartition[]
  /** Their values. */
  readonly remove: readonly (readonly string[])[]
}

/** One partition that was not changed; `code` is the catalog's own word for why. */
export type RefusedPartition = { readonly change: 'create' | 'update' | 'remove'; readonly code: string }

/**
 * A catalog of databases, tables and partitions, with the verbs of the Glue Data Catalog. Every adapter passes
 * `test/conformance/catalog.ts`. A call throws `unavailable` or `invalid-config`; what is missing, or there already, is an answer.
 */
export type Catalog = {
  /** Null also where the database is missing. */
  getTable(name: CatalogName): Promise<FoundTable | null>
  /** One that exists is fine. */
  createDatabase(database: string): Promise<void>
  createTable(name: CatalogName, table: CatalogTable): Promise<'created' | 'exists' | 'no-database'>
  /** Replaces the definition, only if the table still is at the version that `found` was read at. */
  updateTable(name: CatalogName, table: CatalogTable, found: FoundTable): Promise<'updated' | 'conflict'>
  /** With its partitions. One that is missing is fine. */
  deleteTable(name: CatalogName): Promise<void>
  /** All of them. Empty where the table is missing. */
  listPartitions(name: CatalogName): Promise<readonly CatalogPartition[]>
  /** The partitions get the format and the columns of `table`. Not one step: what was refused is the answer. */
  changePartitions(
    name: CatalogName,
    table: CatalogTable,
    changes: PartitionChanges,
  ): Promise<readonly RefusedPartition[]>
}
