import { describe, expect, test } from 'vitest'
import type { TableId } from '../src/domain.ts'
import { discoverTables } from '../src/landing/discover.ts'
import { listingDigest, listTable } from '../src/landing/listing.ts'
import { memoryObjects } from '../src/objects/memory-objects.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'

const orders: TableId = { schema: 'sales', table: 'orders' }
const nowMs = Date.parse('2024-06-12T12:00:00Z')

describe('listTable', () => {
  test('tells loads, changes, transaction files and the rest apart', async () => {
    const landing = await landingOf([
      'sales/orders/LOAD00000002.parquet',
      'sales/orders/LOAD00000001.parquet',
      'sales/orders/p1/LOAD00000001.parquet',
      'sales/orders/2024/06/12/20240612-103127367.parquet',
      'sales/orders/20240612-103127366.csv',
      'sales/orders/CDC_TXN-20201117153046033.csv',
      'sales/orders/_SUCCESS',
      'sales/orders/tmp/20240612-103127367.parquet',
      'sales/orders2/LOAD00000001.parquet',
      'sales/order/LOAD00000001.parquet',
    ])
    const table = await listTable(landing, orders)
    expect(table.id).toEqual(orders)
    expect(table.loads.map((file) => file.key)).toEqual([
      'LOAD00000001.parquet',
      'LOAD00000002.parquet',
      'p1/LOAD00000001.parquet',
    ])
    expect(table.changes).toEqual([
      expect.objectContaining({ key: '20240612-103127366.csv', format: 'csv' }),
      {
        kind: 'change',
        name: '20240612-103127367.parquet',
        key: '2024/06/12/20240612-103127367.parquet',
        path: 'sales/orders/2024/06/12/20240612-103127367.parquet',
        format: 'parquet',
        sizeBytes: 4,
        modifiedMs: nowMs,
        etag: expect.any(String),
      },
    ])
    expect(table).toMatchObject({ ignored: 2, transactionFiles: 1 })
  })

  test('changes come in the order in which they apply, whatever their folders', async () => {
    const december = '12/2023/31/20231231-235959999.parquet'
    const january = '01/2024/01/20240101-000000000.parquet'
    const table = await listTable(await landingOf([december, january].map((key) => `sales/orders/${key}`)), orders)
    expect(table.changes.map((file) => file.key)).toEqual([december, january])
  })

  test('an empty object is ignored, whatever its name', async () => {
    const landing = await landingOf([])
    for (const key of ['', 'LOAD00000001.parquet', '20240612-103127366.csv', 'CDC_TXN-20201117153046033.csv'])
      await landing.put(`sales/orders/${key}`, new Uint8Array(), { kind: 'any' })
    const table = await listTable(landing, orders)
    expect(table).toEqual({ id: orders, loads: [], changes: [], ignored: 4, transactionFiles: 0, pages: 1 })
  })

  test('reads every page', async () => {
    const time = (i: number) =>
      new Date(nowMs + i)
        .toISOString()
        .replace(/[-:.Z]/g, '')
        .replace('T', '-')
    const keys = Array.from({ length: 2_345 }, (_, i) => `sales/orders/${time(i)}.parquet`)
    const table = await listTable(await landingOf(keys), orders)
    expect(table.changes.map((file) => file.path)).toEqual(keys)
  })

  test('a table that has not landed is empty', async () => {
    expect(await listTable(await landingOf([]), orders)).toMatchObject({ loads: [], changes: [], ignored: 0 })
  })
})

describe('listingDigest', () => {
  const keys = ['sales/orders/LOAD00000001.parquet', 'sales/orders/20240612-103127366.csv']
  const digestOf = async (landing: ObjectStore) => listingDigest(await listTable(landing, orders))

  test('is equal for equal listings, also when ignored objects come and go', async () => {
    const digest = await digestOf(await landingOf(keys))
    expect(digest).toMatch(/^[0-9a-f]{64}$/)
    expect(await digestOf(await landingOf([...keys].reverse()))).toBe(digest)
    expect(await digestOf(await landingOf([...keys, 'sales/orders/_SUCCESS']))).toBe(digest)
  })

  test('differs when a file comes, goes or has other content', async () => {
    const changed = await landingOf(keys)
    await changed.put(keys[0] as string, new TextEncoder().encode('5678'), { kind: 'any' })
    const digests = [
      await digestOf(await landingOf(keys)),
      await digestOf(await landingOf(keys.slice(1))),
      await digestOf(await landingOf([...keys, 'sales/orders/20240612-103127367.csv'])),
      await digestOf(changed),
    ]
    expect(new Set(digests).size).toBe(digests.length)
  })
})

describe('discoverTables', () => {
  test('finds the folders two levels deep, in the order of the listing', async () => {
    const landing = await landingOf([
      'sales/orders/LOAD00000001.parquet',
      'sales/orders/2024/06/12/20240612-103127367.parquet',
      'sales/customers/LOAD00000001.parquet',
      'hr/people/20240612-103127367.parquet',
    ])
    const tables = ['hr.people', 'sales.customers', 'sales.orders']
    expect(await discoverTables(landing)).toEqual({
      tables: tables.map(tableOf),
      ignored: 0,
      transactionFiles: 0,
      tooLong: 0,
    })
  })

  test('a schema or table may be named by almost any text', async () => {
    const names = ['my.schema/Größe mit Leerzeichen', '日本/🚀', "o'hara/a=b", 'public/...', '#$%/-']
    const landing = await landingOf(names.map((name) => `${name}/LOAD00000001.parquet`))
    const found = (await discoverTables(landing)).tables.map(({ schema, table }) => `${schema}/${table}`)
    expect(found.toSorted()).toEqual(names.toSorted())
  })

  test('leaves alone and counts what cannot be a table', async () => {
    const landing = await landingOf([
      'sales/orders/LOAD00000001.parquet',
      'sales/awsdms_status/20240612-103127367.parquet',
      'sales/awsdms_history/20240612-103127367.parquet',
      '_dmscdc/sales/orders/_delta_log/00000000000000000000.json',
      'README.txt',
      'sales/notes.txt',
      './orders/LOAD00000001.parquet',
      'sales/../LOAD00000001.parquet',
      'sales/a\nb/LOAD00000001.parquet',
      'sa\u0000les/orders/LOAD00000001.parquet',
      'sales//LOAD00000001.parquet',
      '/orders/LOAD00000001.parquet',
    ])
    expect(await discoverTables(landing)).toEqual({ tables: [orders], ignored: 11, transactionFiles: 0, tooLong: 0 })
  })

  test('a table may be called _dmscdc and a schema awsdms_…: only the other way round they are taken', async () => {
    const landing = await landingOf(['sales/_dmscdc/LOAD00000001.parquet', 'awsdms_x/orders/LOAD00000001.parquet'])
    expect(await discoverTables(landing)).toMatchObject({ tables: ['awsdms_x.orders', 'sales._dmscdc'].map(tableOf) })
  })

  test('counts the transaction files that lie beside the tables', async () => {
    const landing = await landingOf(['cdc/CDC_TXN-20201117153046033.csv', 'CDC_TXN-20201117153046034.csv'])
    expect(await discoverTables(landing)).toEqual({ tables: [], ignored: 0, transactionFiles: 2, tooLong: 0 })
  })

  test('an empty landing has no tables', async () => {
    expect(await discoverTables(await landingOf([]))).toEqual({
      tables: [],
      ignored: 0,
      transactionFiles: 0,
      tooLong: 0,
    })
  })

  test('reads every page of schemas and of tables', async () => {
    const wide = Array.from({ length: 1_100 }, (_, i) => `wide/t${String(i).padStart(5, '0')}`)
    const schemas = Array.from({ length: 1_100 }, (_, i) => `s${String(i).padStart(5, '0')}/t`)
    const landing = await landingOf([...wide, ...schemas].map((name) => `${name}/LOAD00000001.parquet`))
    expect((await discoverTables(landing)).tables).toHaveLength(2_200)
  })
})

async function landingOf(keys: readonly string[]): Promise<ObjectStore> {
  const landing = memoryObjects({ now: () => nowMs, scratchDir: '' })
  for (const key of keys) await landing.put(key, new TextEncoder().encode('1234'), { kind: 'any' })
  return landing
}

function tableOf(name: string): TableId {
  const [schema = '', table = ''] = name.split('.')
  return { schema, table }
}
