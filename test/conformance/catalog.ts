import { beforeEach, describe, expect, test } from 'vitest'
import type { Catalog, CatalogPartition, CatalogTable, FoundTable } from '../../src/catalog/catalog.ts'

export type CatalogSubject = {
  readonly name: string
  readonly open: () => Promise<Catalog>
  /** moto takes any update, whatever version it was made from. */
  readonly ignoresVersions?: boolean
}

const table: CatalogTable = {
  format: 'parquet',
  location: 's3://lake/sales/orders/',
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'price', type: 'decimal(10,2)', comment: 'gross' },
  ],
  partitionKeys: [{ name: 'day', type: 'string' }],
  parameters: { classification: 'parquet', 'dmscdc.table': 'sales.orders' },
}

const partition = (day: string, note = ''): CatalogPartition => ({
  values: [day],
  location: `${table.location}day=${day}/`,
  parameters: { note },
})

const nothing = { create: [], update: [], remove: [] }
let databases = 0

/** What every catalog does (see `Catalog`). */
export function describeCatalog({ name: subject, open, ignoresVersions = false }: CatalogSubject): void {
  describe(`the catalog ${subject}`, () => {
    let catalog: Catalog
    let name: { database: string; table: string }
    beforeEach(async () => {
      catalog = await open()
      name = { database: `sales_${String(++databases)}`, table: 'orders' }
    })

    const created = async (of = table): Promise<FoundTable> => {
      await catalog.createDatabase(name.database)
      await catalog.createTable(name, of)
      return (await catalog.getTable(name)) as FoundTable
    }
    const partitions = async () =>
      [...(await catalog.listPartitions(name))].sort((a, b) => (a.values.join() < b.values.join() ? -1 : 1))

    test('has no table, and no partition of it, before it was made', async () => {
      expect(await catalog.getTable(name)).toBeNull()
      expect(await catalog.listPartitions(name)).toEqual([])
      await catalog.deleteTable(name)
    })

    test('makes a table only in a database that is there, and only once', async () => {
      expect(await catalog.createTable(name, table)).toBe('no-database')
      await catalog.createDatabase(name.database)
      await catalog.createDatabase(name.database)
      expect(await catalog.createTable(name, table)).toBe('created')
      expect(await catalog.createTable(name, { ...table, location: 's3://other/' })).toBe('exists')
      expect(await catalog.getTable(name)).toMatchObject(table)
    })

    test.each(['parquet', 'symlink', 'delta'] as const)('gives a table back as it was made: %s', async (format) => {
      const parameters = { ...table.parameters, ...(format === 'delta' ? { table_type: 'DELTA' } : {}) }
      const made = { ...table, format, parameters }
      expect(await created(made)).toEqual({ ...made, versionId: expect.any(String), description: null })
    })

    test('keeps an empty list of partition keys', async () => {
      expect(await created({ ...table, partitionKeys: [] })).toMatchObject({ partitionKeys: [] })
    })

    test('replaces a definition, which has another version then', async () => {
      const found = await created()
      const wider = { ...table, columns: [...table.columns, { name: 'note', type: 'string' }] }
      expect(await catalog.updateTable(name, wider, found)).toBe('updated')
      const again = await catalog.getTable(name)
      expect(again).toMatchObject(wider)
      expect(again?.versionId).not.toBe(found.versionId)
    })

    if (!ignoresVersions)
      test('replaces no definition at a version that is not the newest', async () => {
        const found = await created()
        await catalog.updateTable(name, { ...table, location: 's3://newer/' }, found)
        expect(await catalog.updateTable(name, table, found)).toBe('conflict')
        expect(await catalog.getTable(name)).toMatchObject({ location: 's3://newer/' })
      })

    test('says so where the table to replace is gone', async () => {
      const found = await created()
      await catalog.deleteTable(name)
      expect(await catalog.updateTable(name, table, found)).toBe('conflict')
    })

    test('makes, replaces and removes partitions', async () => {
      await created()
      const first = [partition('a'), partition('b'), partition('c')]
      expect(await catalog.changePartitions(name, table, { ...nothing, create: first })).toEqual([])
      expect(await partitions()).toEqual(first)
      const changes = { create: [partition('d')], update: [partition('b', 'new')], remove: [['a']] }
      expect(await catalog.changePartitions(name, table, changes)).toEqual([])
      expect(await partitions()).toEqual([partition('b', 'new'), partition('c'), partition('d')])
    })

    test('takes more partitions than one call of Glue', async () => {
      await created()
      const many = Array.from({ length: 230 }, (_, at) => partition(String(at).padStart(3, '0')))
      expect(await catalog.changePartitions(name, table, { ...nothing, create: many })).toEqual([])
      expect(await partitions()).toEqual(many)
      const update = many.map((one) => ({ ...one, parameters: { note: 'new' } }))
      expect(await catalog.changePartitions(name, table, { ...nothing, update })).toEqual([])
      expect(await partitions()).toEqual(update)
      const remove = many.slice(1).map(({ values }) => values)
      expect(await catalog.changePartitions(name, table, { ...nothing, remove })).toEqual([])
      expect(await partitions()).toEqual(update.slice(0, 1))
    })

    test('answers each partition that it refuses, and changes the others', async () => {
      await created()
      await catalog.changePartitions(name, table, { ...nothing, create: [partition('a')] })
      const changes = {
        create: [partition('a', 'twice'), partition('b')],
        update: [partition('x'), partition('a', 'new')],
        remove: [['y']],
      }
      expect(await catalog.changePartitions(name, table, changes)).toEqual([
        { change: 'remove', code: 'EntityNotFoundException' },
        { change: 'create', code: 'AlreadyExistsException' },
        { change: 'update', code: 'EntityNotFoundException' },
      ])
      expect(await partitions()).toEqual([partition('a', 'new'), partition('b')])
    })

    test('deletes a table with its partitions', async () => {
      await created()
      await catalog.changePartitions(name, table, { ...nothing, create: [partition('a')] })
      await catalog.deleteTable(name)
      expect(await catalog.getTable(name)).toBeNull()
      expect(await catalog.listPartitions(name)).toEqual([])
    })
  })
}
