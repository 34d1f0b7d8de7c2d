import { describe, expect, test } from 'vitest'
import { ownedBy } from '../src/catalog/sync-table.ts'
import type { Column, LakeType, Snapshot, View } from '../src/domain.ts'
import { catalogType, catalogView } from '../src/lake/catalog-view.ts'
import { commitTo, dataFile, newStore, place, staged } from './support/lake-fixtures.ts'

const glueTypes: Readonly<Record<LakeType['kind'], string>> = {
  boolean: 'boolean',
  byte: 'tinyint',
  short: 'smallint',
  integer: 'int',
  long: 'bigint',
  float: 'float',
  double: 'double',
  string: 'string',
  binary: 'binary',
  date: 'date',
  timestamp: 'timestamp',
  decimal: 'decimal(20,3)',
}

test.each(Object.entries(glueTypes))('the type %s is called %s', (kind, name) => {
  const type = kind === 'decimal' ? { kind, precision: 20, scale: 3 } : { kind }
  expect(catalogType(type as LakeType)).toBe(name)
})

describe('a head in a catalog', () => {
  const view = (head: Snapshot, publish: readonly View[], lakePlace = 'lake-bucket/lake/') =>
    catalogView({ head, place, lakePlace, publish, owner: ownedBy('sales.orders', `s3://${lakePlace}`) })
  const head = (days: readonly string[], columns?: readonly Column[]) => {
    const add = days.map((day) => dataFile(`day=${day}/part-T0.parquet`, 'T0'))
    const schema = columns === undefined ? {} : { schema: { columns, partitionColumns: ['day'] } }
    return commitTo(newStore(), staged(null, 'T0', { add, ...schema }))
  }

  test.each([
    [['glue'], 'parquet', 's3://lake-bucket/lake/sales/orders/', 2],
    [['manifest', 'glue'], 'symlink', 's3://lake-bucket/lake/sales/orders/_symlink_format_manifest/', 2],
    [['delta', 'glue'], 'delta', 's3://lake-bucket/lake/sales/orders/', 0],
    [['delta', 'manifest', 'glue'], 'delta', 's3://lake-bucket/lake/sales/orders/', 0],
  ] as const)('published as %s is of format %s', async (publish, format, location, partitions) => {
    const found = view(await head(['1', '2']), publish)
    expect(found.table).toMatchObject({ format, location, partitionKeys: [{ name: 'day', type: 'string' }] })
    expect(found.partitions.map((one) => one.location)).toEqual(
      ['1', '2'].slice(0, partitions).map((day) => `${location}day=${day}/`),
    )
  })

  test('writes places as they are, not percent-encoded', async () => {
    const { partitions } = view(await head(['a b%2Fü']), ['glue'], '/a lake/')
    expect(partitions).toMatchObject([{ location: 'file:///a lake/sales/orders/day=a b%2Fü/' }])
  })

  test('has other parameters on its partitions where columns differ, and the same where they do not', async () => {
    const columns: readonly Column[] = [
      { name: 'ID', type: { kind: 'long' }, fieldId: 1 },
      { name: 'day', type: { kind: 'string' }, fieldId: 2 },
    ]
    const wider = [...columns, { name: 'Note', type: { kind: 'string' }, fieldId: 3 } as const]
    const [first, same, other] = await Promise.all([
      head(['1'], columns),
      head(['1', '2'], columns),
      head(['1'], wider),
    ])
    const parameters = (of: Snapshot) => view(of, ['glue']).partitions[0]?.parameters
    expect(parameters(same)).toEqual(parameters(first))
    expect(parameters(other)).not.toEqual(parameters(first))
    expect(view(other, ['glue']).table.columns).toEqual([
      { name: 'id', type: 'bigint' },
      { name: 'note', type: 'string' },
    ])
  })
})
