import { beforeEach, describe, expect, test } from 'vitest'
import type { Catalog, CatalogTable } from '../src/catalog/catalog.ts'
import { memoryCatalog } from '../src/catalog/memory-catalog.ts'
import { type CatalogEntry, dropTable, ownedBy, syncTable } from '../src/catalog/sync-table.ts'

const name = { database: 'sales', table: 'orders' }
const owner = ownedBy('sales.orders', 's3://lake/')
const table: CatalogTable = {
  format: 'parquet',
  location: 's3://lake/sales/orders/',
  columns: [{ name: 'id', type: 'bigint' }],
  partitionKeys: [{ name: 'day', type: 'string' }],
  parameters: { classification: 'parquet', ...owner },
}

function entry(days: readonly string[], more: Partial<CatalogTable> = {}): CatalogEntry {
  const described = { ...table, ...more }
  const partitions = days.map((day) => ({
    values: [day],
    location: `${described.location}day=${day}/`,
    parameters: { 'dmscdc.columns': String(described.columns.length) },
  }))
  return { name, table: described, partitions }
}

let catalog: Catalog
let writes: string[]
beforeEach(() => {
  writes = []
  catalog = counted(memoryCatalog())
})

/** Notes each call that writes. */
function counted(of: Catalog): Catalog {
  return {
    ...of,
    createDatabase: (database) => note('createDatabase', () => of.createDatabase(database)),
    createTable: (...args) => note('createTable', () => of.createTable(...args)),
    updateTable: (...args) => note('updateTable', () => of.updateTable(...args)),
    deleteTable: (...args) => note('deleteTable', () => of.deleteTable(...args)),
    changePartitions: (...args) => note('changePartitions', () => of.changePartitions(...args)),
  }
}

function note<T>(call: string, proceed: () => Promise<T>): Promise<T> {
  writes.push(call)
  return proceed()
}

const newest = async () => true
const sync = (of: CatalogEntry, through = catalog) => syncTable(through, of, newest)
const days = async () => (await catalog.listPartitions(name)).map(({ values }) => values.join()).sort()

describe('a table and its partitions', () => {
  test('are made, with the database, and not written again', async () => {
    expect(await sync(entry(['a', 'b']))).toEqual({ kind: 'synced' })
    expect(await catalog.getTable(name)).toMatchObject(table)
    expect(await days()).toEqual(['a', 'b'])
    writes = []
    expect(await sync(entry(['b', 'a']))).toEqual({ kind: 'synced' })
    expect(writes).toEqual([])
  })

  test('lose the partitions that are gone and get the new, the table is left as it is', async () => {
    await sync(entry(['a', 'b']))
    writes = []
    await sync(entry(['b', 'c']))
    expect(await days()).toEqual(['b', 'c'])
    expect(writes).toEqual(['changePartitions'])
  })

  test('are described anew with their columns, table first', async () => {
    await sync(entry(['a']))
    writes = []
    await sync(entry(['a'], { columns: [...table.columns, { name: 'note', type: 'string' }] }))
    expect(writes).toEqual(['updateTable', 'changePartitions'])
    expect(await catalog.listPartitions(name)).toMatchObject([{ parameters: { 'dmscdc.columns': '2' } }])
  })

  test('get other partition keys after the old partitions are gone', async () => {
    await sync(entry(['a']))
    writes = []
    const months = { ...entry([], { partitionKeys: [{ name: 'month', type: 'int' }] }) }
    const partitions = [{ values: ['7'], location: `${table.location}month=7/`, parameters: {} }]
    expect(await sync({ ...months, partitions })).toEqual({ kind: 'synced' })
    expect(writes).toEqual(['changePartitions', 'updateTable', 'changePartitions'])
    expect(await days()).toEqual(['7'])
  })

  test('keep what others wrote: comments, descriptions and parameters of their own', async () => {
    await sync(entry([]))
    const found = (await catalog.getTable(name))!
    const columns = [{ name: 'id', type: 'bigint', comment: 'the key' }]
    const parameters = { ...found.parameters, team: 'sales' }
    await catalog.updateTable(name, { ...table, columns, parameters }, { ...found, description: 'orders' })
    writes = []
    expect(await sync(entry([]))).toEqual({ kind: 'synced' })
    expect(writes).toEqual([])
    await sync(entry([], { columns: [{ name: 'id', type: 'decimal(20,0)' }] }))
    expect(await catalog.getTable(name)).toMatchObject({
      description: 'orders',
      columns: [{ name: 'id', type: 'decimal(20,0)', comment: 'the key' }],
      parameters,
    })
  })

  test('lose what another format has said', async () => {
    const parameters = { table_type: 'DELTA', 'spark.sql.sources.provider': 'delta', ...owner }
    await sync(entry([], { format: 'delta', parameters }))
    await sync(entry([]))
    expect((await catalog.getTable(name))?.parameters).toEqual(table.parameters)
  })

  test('that somebody changed by hand are mended', async () => {
    await sync(entry(['a']))
    const found = (await catalog.getTable(name))!
    await catalog.updateTable(name, { ...table, columns: [] }, found)
    await catalog.changePartitions(name, table, { create: [], update: [], remove: [['a']] })
    await sync(entry(['a']))
    expect(await catalog.getTable(name)).toMatchObject(table)
    expect(await days()).toEqual(['a'])
  })
})

describe('a table of somebody else', () => {
  test.each([
    ['something else', {}, null],
    ['another table of ours', ownedBy('sales.Orders', 's3://lake/'), 'sales.Orders'],
    ['another lake', ownedBy('sales.orders', 's3://other/'), 'sales.orders'],
  ])('is left alone: %s', async (_whose, parameters, expected) => {
    await catalog.createDatabase('sales')
    await catalog.createTable(name, { ...table, location: 's3://theirs/', parameters })
    writes = []
    expect(await sync(entry(['a']))).toEqual({ kind: 'foreign', owner: expected })
    await dropTable(catalog, name, owner)
    expect(writes).toEqual([])
    expect(await catalog.getTable(name)).toMatchObject({ location: 's3://theirs/' })
  })

  test('is not ours to delete, our own is', async () => {
    await sync(entry(['a']))
    await dropTable(catalog, name, owner)
    expect(await catalog.getTable(name)).toBeNull()
    await dropTable(catalog, name, owner)
  })
})

describe('two runs at once', () => {
  /** Lets another run work just before the first call of a kind. */
  function justBefore(call: 'createTable' | 'updateTable' | 'changePartitions', work: () => Promise<unknown>): Catalog {
    let done = false
    const first = async () => {
      if (!done) {
        done = true
        await work()
      }
    }
    const intercepted = { ...catalog }
    if (call === 'createTable') intercepted.createTable = (...args) => first().then(() => catalog.createTable(...args))
    if (call === 'updateTable') intercepted.updateTable = (...args) => first().then(() => catalog.updateTable(...args))
    if (call === 'changePartitions')
      intercepted.changePartitions = (...args) => first().then(() => catalog.changePartitions(...args))
    return intercepted
  }

  test('both make the table, and both end well', async () => {
    const through = justBefore('createTable', () => sync(entry(['a'])))
    expect(await sync(entry(['a']), through)).toEqual({ kind: 'synced' })
    expect(await days()).toEqual(['a'])
  })

  test('one that slept does not put back its older definition', async () => {
    await sync(entry([]))
    const newer = entry(['a'], { columns: [...table.columns, { name: 'newer', type: 'string' }] })
    const older = entry([], { columns: [{ name: 'id', type: 'int' }] })
    let isNewest = true
    const through = justBefore('updateTable', async () => {
      await sync(newer)
      isNewest = false
    })
    expect(await syncTable(through, older, async () => isNewest)).toEqual({ kind: 'overtaken' })
    expect(await catalog.getTable(name)).toMatchObject({ columns: newer.table.columns })
  })

  test('partitions that the other has made meanwhile are no trouble', async () => {
    await sync(entry([]))
    const through = justBefore('changePartitions', () => sync(entry(['a', 'b'])))
    expect(await sync(entry(['a', 'b']), through)).toEqual({ kind: 'synced' })
    expect(await days()).toEqual(['a', 'b'])
  })

  test('one that is overtaken writes nothing', async () => {
    expect(await syncTable(catalog, entry(['a']), async () => false)).toEqual({ kind: 'overtaken' })
    expect(writes).toEqual([])
  })
})

test('partitions that are refused again and again are told by their codes, not by their values', async () => {
  await sync(entry([]))
  const refusing: Catalog = {
    ...catalog,
    changePartitions: async () => [{ change: 'create', code: 'InternalServiceException' }],
  }
  const thrown = await sync(entry(['secret-day']), refusing).catch((error: unknown) => error)
  expect(thrown).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('InternalServiceException') })
  expect(String(thrown)).not.toContain('secret')
})
