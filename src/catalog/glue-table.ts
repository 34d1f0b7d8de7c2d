import type { Column, PartitionInput, StorageDescriptor, Table, TableInput } from '@aws-sdk/client-glue'
import type { CatalogColumn, CatalogFormat, CatalogPartition, CatalogTable, FoundTable } from './catalog.ts'

/** A definition as Glue takes it. What others wrote and we have no word for (owner, description) is kept from `found`. */
export function tableInput(name: string, table: CatalogTable, found: FoundTable | null): TableInput {
  return {
    Name: name,
    TableType: 'EXTERNAL_TABLE',
    ...(found?.description == null ? {} : { Description: found.description }),
    Parameters: { EXTERNAL: 'TRUE', ...table.parameters },
    PartitionKeys: table.partitionKeys.map(glueColumn),
    StorageDescriptor: storage(table, table.location),
  }
}

export function partitionInput(
  table: CatalogTable,
  { values, location, parameters }: CatalogPartition,
): PartitionInput {
  return { Values: [...values], Parameters: { ...parameters }, StorageDescriptor: storage(table, location) }
}

export function foundTable({ StorageDescriptor, PartitionKeys, Parameters, ...table }: Table): FoundTable {
  const { EXTERNAL: _, ...parameters } = Parameters ?? {}
  return {
    format: formatOf(StorageDescriptor, parameters),
    location: StorageDescriptor?.Location ?? '',
    columns: (StorageDescriptor?.Columns ?? []).map(catalogColumn),
    partitionKeys: (PartitionKeys ?? []).map(catalogColumn),
    parameters,
    versionId: table.VersionId ?? null,
    description: table.Description ?? null,
  }
}

type Layout = { readonly input: string; readonly output: string; readonly serde: string }

const parquetSerde = 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'

/** A Delta table's are what Spark writes for one: readers that know Delta look at the log alone. */
const layouts: Readonly<Record<CatalogFormat, Layout>> = {
  parquet: {
    input: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
    serde: parquetSerde,
  },
  symlink: {
    input: 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
    serde: parquetSerde,
  },
  delta: {
    input: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
    serde: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
  },
}

function storage({ format, columns }: CatalogTable, location: string): StorageDescriptor {
  const { input, output, serde } = layouts[format]
  return {
    Columns: columns.map(glueColumn),
    Location: location,
    InputFormat: input,
    OutputFormat: output,
    SerdeInfo: {
      SerializationLibrary: serde,
      Parameters: { 'serialization.format': '1', ...(format === 'delta' ? { path: location } : {}) },
    },
  }
}

function formatOf(descriptor: StorageDescriptor | undefined, parameters: Readonly<Record<string, string>>) {
  const isDelta = parameters.table_type?.toLowerCase() === 'delta'
  for (const format of ['parquet', 'symlink', 'delta'] as const) {
    const { input, output, serde } = layouts[format]
    const { InputFormat, OutputFormat, SerdeInfo } = descriptor ?? {}
    if ((format === 'delta') === isDelta && InputFormat === input && OutputFormat === output)
      return SerdeInfo?.SerializationLibrary === serde ? format : 'other'
  }
  return 'other'
}

function glueColumn({ name, type, comment }: CatalogColumn): Column {
  return { Name: name, Type: type, ...(comment === undefined ? {} : { Comment: comment }) }
}

function catalogColumn({ Name, Type, Comment }: Column): CatalogColumn {
  return { name: Name ?? '', type: Type ?? '', ...(Comment === undefined ? {} : { comment: Comment }) }
}
