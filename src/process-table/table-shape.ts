import type { Column, TableConfig } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import type { TableShape } from '../lake/write-data.ts'

/** The table's shape under its configuration; what the row names must be in the data. */
export function shapeOf(config: TableConfig, columns: readonly Column[]): TableShape {
  const named = [
    ...(config.primaryKey ?? []).map((name) => ['PrimaryKey', name]),
    ...config.partitionKey.map((name) => ['PartitionKey', name]),
  ]
  for (const [attribute, name] of named) {
    if (columns.length === 0 || columns.some((column) => column.name === name)) continue
    throw new DmscdcError(
      'invalid-config',
      `${attribute ?? ''} names column "${name ?? ''}", which the data has not; it has ${columns.map((column) => `"${column.name}"`).join(', ')}`,
      {
        hint: `correct the row: dmscdc set <table> --${attribute === 'PrimaryKey' ? 'primary-key' : 'partition-key'} <columns>`,
      },
    )
  }
  if (columns.length > 0 && columns.every(({ name }) => config.partitionKey.includes(name)))
    throw new DmscdcError('invalid-config', 'PartitionKey names every column, which leaves none for the files', {
      hint: 'correct the row: dmscdc set <table> --partition-key <fewer columns>',
    })
  refuseBinaryPartition(config, columns)
  return { columns, partitionColumns: config.partitionKey, keyColumns: config.primaryKey ?? [] }
}

/** A partition value is text in folders and logs, and no two readers take bytes out of it alike. */
function refuseBinaryPartition(config: TableConfig, columns: readonly Column[]): void {
  const binary = columns.find(({ name, type }) => type.kind === 'binary' && config.partitionKey.includes(name))
  if (binary === undefined) return
  throw new DmscdcError(
    'invalid-config',
    `PartitionKey names column "${binary.name}", which is binary; a partition is of any other type`,
    {
      hint: 'correct the row: dmscdc set <table> --partition-key <columns>',
    },
  )
}
