import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect } from 'vitest'
import { skipFile } from '../src/controller/landing-commands.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { parseTableName, type TableId } from '../src/domain.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { startMariadb } from './support/mariadb.ts'
import { openShop } from './support/reconcile-bench.ts'

const server = await startMariadb()
afterAll(() => server?.stop())

describe.skipIf(server === null)('the lake against a real database', () => {
  test('equal after a load and after merged changes, different where a change file was passed over, equal again once repaired', async ({
    lab,
  }) => {
    const shop = await openShop(lab, server!)
    await shop.run(`create table orders (id int primary key, item varchar(40), price decimal(9,2), at datetime(3));
      insert into orders select seq, concat('item ', seq), seq / 7, '2024-01-01' + interval seq minute from seq_1_to_5000`)
    await shop.load()
    await lab.set('shop.orders', { active: true, primaryKey: 'id' })
    expect((await lab.runOne('shop.orders')).status).toBe('initial')
    expect(await shop.reconcile('shop.orders')).toMatchObject({
      ok: true,
      rows: { source: 5000, lake: 5000 },
      leftOut: [],
      differences: { missing: 0, extra: 0, different: 0, inFlight: 0 },
      lake: { version: 0, pending: 0 },
    })

    await shop.run(`update orders set item = 'other' where id in (17, 4000); delete from orders where id = 23;
      insert into orders values (6000, null, null, null)`)
    await shop.follow()
    expect(await shop.reconcile('shop.orders')).toMatchObject({ ok: false, lake: { pending: 1 } })
    expect((await lab.runOne('shop.orders')).status).toBe('incremental')
    const merged = await shop.reconcile('shop.orders')
    expect(merged).toMatchObject({ ok: true, rows: { source: 5000, lake: 5000 } })
    expect(merged.lake.freshThrough).toMatch(/^20\d\d-/u)

    await shop.run(`update orders set item = 'lost', price = null where id = 18; update orders set price = 1 where id in (19, 20);
      delete from orders where id in (100, 3000); insert into orders values (6001, 'lost', 1.5, '2024-05-05 05:05:05.005')`)
    await shop.follow()
    await skipNewest(lab, 'shop.orders')
    await shop.run(`update orders set item = 'seen' where id = 19`)
    await shop.follow()
    expect((await lab.runOne('shop.orders')).changes).toMatchObject({ updated: 1 })
    const wrong = {
      differences: { missing: 1, extra: 2, different: 2, inFlight: 0 },
      columns: { item: 1, price: 2 },
      examples: {
        missing: [{ key: ['6001'] }],
        extra: [{ key: ['100'] }, { key: ['3000'] }],
        different: [
          { key: ['18'], columns: ['item', 'price'] },
          { key: ['20'], columns: ['price'] },
        ],
      },
    }
    expect(await shop.reconcile('shop.orders')).toMatchObject({ ok: false, repaired: null, ...wrong })
    const before = await head(lab, 'shop.orders')
    const repaired = await shop.reconcile('shop.orders', { repair: true })
    expect(repaired).toMatchObject({ ok: true, ...wrong })
    expect(repaired.repaired?.changes).toEqual({ inserted: 1, updated: 2, deleted: 2, unchanged: 0, ignored: 0 })
    const after = await head(lab, 'shop.orders')
    expect(after?.operation).toBe('REPAIR')
    expect(after?.version).toBe((before?.version ?? 0) + 1)
    expect(await lab.verify()).toMatchObject([{ ok: true, version: after?.version }])
    expect(await shop.reconcile('shop.orders', { repair: true })).toMatchObject({ ok: true, repaired: null })

    await shop.run(
      `update orders set item = 'later' where id in (18, 6001); insert into orders values (100, 'again', 0, null)`,
    )
    await shop.follow()
    expect((await lab.runOne('shop.orders')).changes).toMatchObject({ inserted: 1, updated: 2 })
    expect(await shop.reconcile('shop.orders')).toMatchObject({ ok: true, rows: { source: 5000, lake: 5000 } })
  })
})

/** One column of each type, its values those that a text could get wrong. */
const types: readonly (readonly [name: string, type: string, values: readonly string[]])[] = [
  ['flag', 'tinyint(1)', ['0', '1', '-128', '127']],
  ['bit1', 'bit(1)', ["b'0'", "b'1'"]],
  ['bits', 'bit(12)', ["b'0'", "b'111100001111'", "b'1'"]],
  ['tiny', 'tinyint unsigned', ['0', '255']],
  ['small', 'smallint', ['-32768', '32767']],
  ['usmall', 'smallint unsigned', ['65535', '0']],
  ['medium', 'mediumint', ['-8388608', '8388607']],
  ['umedium', 'mediumint unsigned zerofill', ['16777215', '42']],
  ['whole', 'int', ['-2147483648', '2147483647']],
  ['uwhole', 'int unsigned', ['4294967295', '0']],
  ['big', 'bigint', ['-9223372036854775808', '9007199254740993']],
  ['ubig', 'bigint unsigned', ['18446744073709551615', '0']],
  ['money', 'decimal(9,2)', ['-0.10', '1234567.89', '0', '100', '-1.5']],
  ['wide', 'decimal(38,10)', ['1234567890123456789012345678.0123456789', '-0.0000000001', '1e20']],
  ['round', 'decimal(20,0) unsigned', ['100', '18446744073709551615']],
  ['single', 'float', ['0.1', '-3.4e38', '1e-38', '16777217', '0', '123456.7']],
  [
    'twice',
    'double',
    [
      '0.1 + 0.2',
      '1.7976931348623157e308',
      '2.2250738585072014e-308',
      '1e15',
      '123456789012345680',
      '100',
      '-1e-7',
      '5e-324',
      '-0e0',
      '1e22',
      '0.001',
    ],
  ],
  ['day', 'date', ["'0001-01-01'", "'9999-12-31'", "'2024-02-29'"]],
  ['stamp', 'timestamp(6) null', ["'1970-01-02 00:00:01.000001'", "'2038-01-19 03:14:07.999999'"]],
  ['moment', 'datetime', ["'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2024-03-31 02:30:00'"]],
  ['moment6', 'datetime(6)', ["'0001-01-01 00:00:00.000001'", "'1969-12-31 23:59:59.999999'"]],
  ['clock', 'time', ["'-838:59:59'", "'12:34:56'", "'00:00:00'"]],
  ['clock6', 'time(6)', ["'12:34:56.789000'", "'00:00:00.000001'"]],
  ['annum', 'year', ['1901', '2155', '0']],
  ['fixed', 'char(8)', ["'a  '", "''", "'é'"]],
  ['words', 'varchar(40)', ["'a  '", "''", "'x,y\"\n\\z'", "'😀'", "' '", "'-'", "'NULL'"]],
  ['latin', 'varchar(20) character set latin1', ["'éß'", "'plain'"]],
  ['story', 'longtext', ["repeat('long ', 50000)", "''"]],
  ['colour', "enum('red','green blue','')", ["'red'", "'green blue'", "''"]],
  ['tags', "set('a','b','c')", ["'a,c'", "''"]],
  ['doc', 'json', ['\'{"b": [1, 2.50], "a": null}\'', "'[]'"]],
  ['ident', 'uuid', ["'123e4567-e89b-12d3-a456-426655440000'"]],
  ['address', 'inet6', ["'2001:db8::ff00:42:8329'"]],
  ['raw', 'varbinary(20)', ["x'00ff00'", "''", "x'610000'"]],
  ['padded', 'binary(4)', ["x'61'", "x'00000000'", "x'ffffffff'"]],
  ['lump', 'mediumblob', ["x'000102'", "repeat('z', 70000)"]],
]

describe.skipIf(server === null)('every type', () => {
  for (const settings of [{ parquetWriter: 'arrow' }, { parquetWriter: 'dms-exact' }, { DataFormat: 'csv' }] as const)
    test(`is equal after a load and after changes, and told when it differs: ${JSON.stringify(settings)}`, async ({
      lab,
    }) => {
      const shop = await openShop(lab, server!)
      const rows = Math.max(...types.map(([, , values]) => values.length))
      const insert = (offset: number, row: number) =>
        `insert into every values (${String(offset + row)}, ${types.map(([, , values]) => values[row % (values.length + 1)] ?? 'null').join(', ')});`
      const insertAll = (offset: number) => Array.from({ length: rows + 1 }, (_, row) => insert(offset, row)).join('\n')
      await shop.run(`create table every (id int primary key, ${types.map(([name, type]) => `\`${name}\` ${type}`).join(', ')});
        ${insertAll(0)}`)
      await shop.load({ ParquetTimestampInMillisecond: false, ...settings })
      await lab.set('shop.every', { active: true, primaryKey: 'id', ...('DataFormat' in settings ? csvOptions : {}) })
      await lab.runOne('shop.every')
      expect(await shop.reconcile('shop.every')).toMatchObject({
        ok: true,
        leftOut: [],
        columns: {},
        differences: { inFlight: 0 },
      })
      await shop.run(insertAll(1000))
      await shop.follow()
      expect(await lab.runOne('shop.every')).toMatchObject({ status: 'incremental', warnings: [], error: null })
      expect(await shop.reconcile('shop.every')).toMatchObject({ ok: true, columns: {}, differences: { inFlight: 0 } })

      // Row 0 has the first value of each column.
      const other = (values: readonly string[]) => (values.length > 1 ? values.at(-1) : 'null')
      await shop.run(types.map((_, at) => insert(2000 + at, 0)).join('\n'))
      await shop.follow()
      await lab.runOne('shop.every')
      await shop.run(
        types
          .map(
            ([name, , values], at) =>
              `update every set \`${name}\` = ${other(values) ?? ''} where id = ${String(2000 + at)};`,
          )
          .join('\n'),
      )
      await shop.follow()
      await skipNewest(lab, 'shop.every')
      const told = await shop.reconcile('shop.every', { limit: 100 })
      expect(told.columns).toEqual(Object.fromEntries(types.map(([name]) => [name, 1])))
      expect(told.examples.different.map(({ columns }) => columns?.join())).toEqual(types.map(([name]) => name))
      const repaired = await shop.reconcile('shop.every', { repair: true })
      expect(repaired).toMatchObject({
        ok: true,
        repaired: { changes: { updated: types.length, inserted: 0, deleted: 0 } },
      })
    })
})

const csvOptions = { csvColumns: `id bigint, ${types.map(([name]) => `${name} string`).join(', ')}`, rfc4180: true }

const idOf = (table: string) => parseTableName(table) as TableId

async function head(lab: Lab, table: string) {
  const [newest] = await tableHistory(lab.ports, idOf(table))
  return newest
}

/** Its changes never reach the lake. */
async function skipNewest(lab: Lab, table: string): Promise<void> {
  const { schema, table: name } = idOf(table)
  const newest = readdirSync(join(lab.landing, schema, name))
    .filter((file) => /^\d/u.test(file))
    .sort()
    .at(-1)
  await skipFile(lab.ports, idOf(table), newest ?? '', 'a test')
}
