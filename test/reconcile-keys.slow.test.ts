import { afterAll, describe, expect } from 'vitest'
import { rowsOf, withConnection } from '../sample-db/connection.ts'
import { systemClock } from '../src/clock.ts'
import { interceptPorts } from './support/faulty-ports.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { startMariadb } from './support/mariadb.ts'
import { openShop, type Shop } from './support/reconcile-bench.ts'

const server = await startMariadb()
afterAll(() => server?.stop())

/** A table of these rows, loaded and compared; then `spoil` changes the source behind the lake's back. */
async function spoilt(
  lab: Lab,
  how: { readonly create: string; readonly key: string; readonly spoil: string },
): Promise<Shop> {
  const shop = await openShop(lab, server!)
  await shop.run(how.create)
  await shop.load({ ParquetTimestampInMillisecond: false })
  await lab.set('shop.t', { active: true, primaryKey: how.key })
  expect(await lab.runOne('shop.t')).toMatchObject({ error: null })
  expect(await shop.reconcile('shop.t')).toMatchObject({ ok: true, differences: { inFlight: 0 } })
  await shop.run(how.spoil)
  return shop
}

describe.skipIf(server === null)('keys', () => {
  test('of text, by their bytes: neither case nor trailing blanks make two keys one', async ({ lab }) => {
    const shop = await spoilt(lab, {
      create: `create table t (k varchar(40) collate utf8mb4_nopad_bin primary key, v int);
        insert into t select concat('key ', seq), seq from seq_1_to_3000;
        insert into t values ('a', 1), ('A', 2), ('a ', 3), ('é', 4), ('😀', 5), ('', 6), ('x,"y', 7), ('b\\\\''c', 8)`,
      key: 'k',
      spoil: `update t set v = 0 where k in ('A', '😀', 'x,"y', 'b\\\\''c', 'é'); delete from t where k = 'a '; insert into t values ('B ', 9)`,
    })
    const told = await shop.reconcile('shop.t')
    expect(told).toMatchObject({ differences: { missing: 1, extra: 1, different: 5 }, ranges: { compared: 1 } })
    expect(told.examples.different.map(({ key }) => key[0])).toEqual(['A', 'b\\'.concat("'c"), 'x,"y', 'é', '😀'])
    expect(told.examples.extra).toEqual([{ key: ['a '] }])
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({ ok: true })
    expect(await lab.verify()).toMatchObject([{ ok: true }])
  })

  test('of text in a collation that ignores case, where the source has an index in that order', async ({ lab }) => {
    const shop = await spoilt(lab, {
      create: `create table t (k char(36) character set latin1 primary key, v int);
        insert into t select uuid(), seq from seq_1_to_2000; insert into t values ('Zoë', 1)`,
      key: 'k',
      spoil: `update t set v = -1 where k = 'Zoë'; update t set v = -2 limit 3`,
    })
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({ ok: true })
  })

  test.for([
    ['a text', 'k varchar(40) collate utf8mb4_general_ci', 'k'],
    ['a uuid', 'k uuid', 'k'],
    ['a number, a text and a time', 'n int, k varchar(40) character set latin1, at datetime(6)', 'n,k,at'],
  ])('with a unique index are read along it in short statements: %s', async ([_, columns, key], { lab }) => {
    const values = ['seq % 5', 'uuid()', `'2024-01-01' + interval seq % 97 * 1001 microsecond`]
    const shop = await spoilt(lab, {
      create: `create table t (${columns}, v int, primary key (${key}));
        insert into t select ${key === 'k' ? 'uuid()' : values.join(', ')}, seq from seq_1_to_1000`,
      key: key ?? '',
      spoil: 'update t set v = -v where v % 100 = 0; delete from t where v = 7',
    })
    const whole = await shop.reconcile('shop.t')
    const walked = await shop.reconcile('shop.t', { rowsPerStatement: 64 })
    expect(walked).toMatchObject({
      rows: { source: 999, lake: 1000 },
      differences: { extra: 1, different: 10, inFlight: 0 },
    })
    expect(walked.examples).toEqual(whole.examples)
    // Fifteen cuts, and each of the sixteen pieces read twice.
    expect(walked.queries - whole.queries).toBe(45)
    expect(await shop.reconcile('shop.t', { repair: true, rowsPerStatement: 64 })).toMatchObject({ ok: true })
  })

  test('of several columns, NULL among them, without any index in the source', async ({ lab }) => {
    const shop = await spoilt(lab, {
      create: `create table t (a int, b date, c varbinary(8), d decimal(8,3), v text);
        insert into t select seq % 7, '2024-01-01' + interval seq day, unhex(hex(seq)), seq / 8, 'x' from seq_1_to_2000;
        insert into t values (null, null, null, null, 'none'), (1, null, x'00', 0, 'some')`,
      key: 'a,b,c,d',
      spoil: `update t set v = 'other' where a is null; update t set v = null where c = x'00'; delete from t where d = 0.125;
        insert into t values (5, '2031-05-05', x'ffee', -0.5, 'new')`,
    })
    const told = await shop.reconcile('shop.t')
    expect(told.examples).toEqual({
      missing: [{ key: ['5', '2031-05-05', 'ffee', '-0.5'] }],
      extra: [{ key: ['1', '2024-01-02', '01', '0.125'] }],
      different: [
        { key: ['1', null, '00', '0'], columns: ['v'] },
        { key: [null, null, null, null], columns: ['v'] },
      ],
    })
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({ ok: true })
  })

  test.for([
    ['datetime(6)', `'2024-01-01' + interval seq * 1001 microsecond`],
    ['date', `'1999-12-31' + interval seq day`],
    ['decimal(12,4)', 'seq / 16 - 50'],
    ['binary(4)', `unhex(lpad(hex(seq * 256), 8, '0'))`],
    ['bigint unsigned', '18446744073709551615 - seq'],
    ['double', 'seq / 7 - 100'],
    ['time(3)', 'sec_to_time(seq * 1.5)'],
    ['bit(20)', 'seq'],
    ["enum('a','b','c')", 'elt(seq, "a", "b", "c")'],
    ['inet6', `inet6_ntoa(unhex(lpad(hex(seq), 32, '0')))`],
  ])('of type %s', async ([type, values], { lab }) => {
    const shop = await spoilt(lab, {
      create: `create table t (k ${type ?? ''} primary key, v int); insert into t select ${values ?? ''}, seq from seq_1_to_${type?.startsWith('enum') ? '3' : '1500'}`,
      key: 'k',
      spoil: `update t set v = -v where v % 3 = 0; delete from t where v = 2`,
    })
    const count = type?.startsWith('enum') ? 1 : 500
    const told = await shop.reconcile('shop.t', { repair: true, limit: 1 })
    expect(told).toMatchObject({ ok: true, differences: { missing: 0, extra: 1, different: count, inFlight: 0 } })
    expect(await shop.reconcile('shop.t')).toMatchObject({ ok: true })
  })

  test('none: whole rows are counted, none is named, and nothing can be repaired', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(`create table t (a int, v text); insert into t select seq % 10, 'x' from seq_1_to_1000`)
    await shop.load()
    await lab.set('shop.t', { active: true })
    await lab.runOne('shop.t')
    expect(await shop.reconcile('shop.t')).toMatchObject({ ok: true, key: [], rows: { source: 1000, lake: 1000 } })
    await shop.run(
      `delete from t where a = 3 limit 2; insert into t values (4, 'x'), (77, null); update t set v = 'y' limit 1`,
    )
    expect(await shop.reconcile('shop.t')).toMatchObject({
      ok: false,
      rows: { source: 1000, lake: 1000 },
      differences: { missing: 3, extra: 3, different: 0 },
    })
    await expect(shop.reconcile('shop.t', { repair: true })).rejects.toMatchObject({ kind: 'invalid-config' })
  })

  test('in many ranges: each is read once, and only those that differ again', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(
      `create table t (id bigint primary key, v int); insert into t select seq * 3, seq from seq_1_to_300000`,
    )
    await lab.land('shop/t/LOAD00000001.parquet', 'select i * 3 as id, i::integer as v from range(1, 300001) as r(i)')
    await lab.set('shop.t', { active: true, primaryKey: 'id' })
    await lab.runOne('shop.t')
    const equal = await shop.reconcile('shop.t')
    expect(equal).toMatchObject({ ok: true, ranges: { compared: 5, different: 0 } })
    await shop.run(`update t set v = 0 where id in (3, 6, 900000); delete from t where id = 300000;
      insert into t values (-5, 1), (5, 1), (5000000, 1)`)
    const told = await shop.reconcile('shop.t')
    expect(told).toMatchObject({
      ranges: { compared: 5, different: 3 },
      differences: { missing: 3, extra: 1, different: 3 },
      examples: { missing: [{ key: ['-5'] }, { key: ['5'] }, { key: ['5000000'] }], extra: [{ key: ['300000'] }] },
    })
    expect(told.queries - equal.queries).toBe(4)
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({ ok: true })
  })
})

describe.skipIf(server === null)('columns', () => {
  test('that one side alone has are named and left as they are by a repair', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(
      `create table t (id int primary key, old int, V varchar(9)); insert into t values (1, 7, 'a'), (2, 8, 'b'), (3, 9, 'c')`,
    )
    await shop.load({ TimestampColumnName: 'landed_at' })
    await lab.set('shop.t', { active: true, primaryKey: 'id', keepOp: true })
    await lab.runOne('shop.t')
    const before = await lab.rows('shop.t', 'id')
    await shop.run(`alter table t drop column old, add column fresh int default 1, rename column V to v, add column place point;
      update t set v = 'B' where id = 2; insert into t values (4, 'd', 1, null)`)
    const told = await shop.reconcile('shop.t', { repair: true })
    expect(told.leftOut.map(({ column }) => column)).toEqual(['Op', 'landed_at', 'old', 'fresh', 'place'])
    expect(told).toMatchObject({ ok: true, differences: { missing: 1, different: 1 }, columns: { V: 1 } })
    expect(await lab.rows('shop.t', 'id')).toEqual([
      before[0],
      { ...before[1], V: 'B' },
      before[2],
      { Op: 'I', id: 4, old: null, V: 'd', landed_at: null },
    ])
  })

  test('of times that DMS cut to milliseconds are compared so, and the report says it', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(`create table t (id int primary key, at datetime(6));
      insert into t values (1, '2024-01-01 00:00:00.123456'), (2, '1960-01-01 00:00:00.000999')`)
    await shop.load()
    await lab.set('shop.t', { active: true, primaryKey: 'id' })
    await lab.runOne('shop.t')
    const told = await shop.reconcile('shop.t')
    expect(told.ok).toBe(true)
    expect(told.notes).toEqual([expect.stringContaining('"at"')])
    await shop.run(`update t set at = '2024-01-01 00:00:00.124456' where id = 1`)
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({ ok: true, columns: { at: 1 } })
    expect(await lab.rows('shop.t', 'id')).toMatchObject([{ at: '2024-01-01 00:00:00.124+00' }, {}])
  })

  test('of partitions are compared, and a repair moves rows between them', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(
      `create table t (id int primary key, place varchar(9)); insert into t values (1, 'a'), (2, ''), (3, null), (4, 'b/c')`,
    )
    await shop.load()
    await lab.set('shop.t', { active: true, primaryKey: 'id', partitionKey: 'place' })
    await lab.runOne('shop.t')
    expect(await shop.reconcile('shop.t')).toMatchObject({ ok: true })
    await shop.run(`update t set place = 'b/c' where id = 1; update t set place = '' where id = 4`)
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({
      ok: true,
      repaired: { changes: { updated: 2 } },
    })
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: 4 }])
  })

  test('whose new values the lake’s type cannot hold are told, and not repaired', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(`create table t (id int primary key, v smallint); insert into t values (1, 1), (2, 2)`)
    await shop.load()
    await lab.set('shop.t', { active: true, primaryKey: 'id' })
    await lab.runOne('shop.t')
    await shop.run(`alter table t modify v int; update t set v = 100000 where id = 2`)
    expect(await shop.reconcile('shop.t')).toMatchObject({ ok: false, columns: { v: 1 } })
    await expect(shop.reconcile('shop.t', { repair: true })).rejects.toMatchObject({ kind: 'invalid-config' })
    expect(await lab.verify()).toMatchObject([{ ok: true, version: 0 }])
  })
})

describe.skipIf(server === null)('changes in flight', () => {
  test('are no differences once a run has merged them', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(`create table t (id int primary key, v int); insert into t select seq, seq from seq_1_to_100`)
    await shop.load()
    await lab.set('shop.t', { active: true, primaryKey: 'id' })
    await lab.runOne('shop.t')
    await shop.run(`update t set v = 0 where id < 4; delete from t where id = 9`)
    await shop.follow()
    const { ports } = lab
    const sleeps: number[] = []
    const sleep = async (ms: number) => {
      sleeps.push(ms)
      await lab.runOne('shop.t')
    }
    const options = { ports: { ...ports, clock: { ...systemClock, sleep } } }
    expect(await shop.reconcile('shop.t', options)).toMatchObject({
      ok: false,
      lake: { pending: 1, upTo: null },
      differences: { different: 3, extra: 1, inFlight: 0 },
    })
    expect(sleeps).toEqual([])
    expect(await shop.reconcile('shop.t', { ...options, settleMs: 10_000 })).toMatchObject({
      ok: true,
      differences: { different: 0, extra: 0, inFlight: 4 },
    })
    expect(sleeps.length).toBe(1)
  })

  test('that a repair overtook leave the table right when they are merged', async ({ lab }) => {
    const shop = await openShop(lab, server!)
    await shop.run(`create table t (id int primary key, v int); insert into t select seq, seq from seq_1_to_20`)
    await shop.load({ BeforeImage: 'pk-only' })
    await lab.set('shop.t', { active: true, primaryKey: 'id' })
    await lab.runOne('shop.t')
    await shop.run(`update t set v = 100 where id = 1; update t set v = 101 where id = 1; delete from t where id = 2;
      insert into t values (2, 200); insert into t values (30, 1); delete from t where id = 30; update t set id = 40 where id = 3;
      insert into t values (3, 300); update t set id = 41 where id = 4`)
    await shop.follow()
    await shop.run(`update t set v = 102 where id = 1`)
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({ ok: true })
    await lab.runOne('shop.t')
    await shop.follow()
    await lab.runOne('shop.t')
    expect(await shop.reconcile('shop.t')).toMatchObject({ ok: true, rows: { source: 21, lake: 21 } })
  })
})

describe.skipIf(server === null)('a source that fails', () => {
  test('in the middle is unavailable, and nothing is repaired', async ({ lab }) => {
    const shop = await spoilt(lab, {
      create: 'create table t (id int primary key, v int); insert into t select seq, seq from seq_1_to_100',
      key: 'id',
      spoil: 'update t set v = 0 where id = 5',
    })
    let fetches = 0
    const ports = interceptPorts(lab.ports, async (call, proceed) => {
      // The lake is read after the connection was made.
      if (call.port === 'lake' && call.verb === 'fetch' && fetches++ === 0) await endOtherConnections()
      return proceed()
    })
    await expect(shop.reconcile('shop.t', { ports, repair: true })).rejects.toMatchObject({ kind: 'unavailable' })
    expect(fetches).toBeGreaterThan(0)
    expect(await lab.verify()).toMatchObject([{ ok: true, version: 0 }])
    expect(await shop.reconcile('shop.t', { repair: true })).toMatchObject({ ok: true, repaired: { version: 1 } })
  })
})

describe.skipIf(server === null)('a run between the comparison and the repair', () => {
  test('leaves the repair what is still different then, here nothing', async ({ lab }) => {
    const shop = await spoilt(lab, {
      create: 'create table t (id int primary key, v int); insert into t select seq, seq from seq_1_to_100',
      key: 'id',
      spoil: 'update t set v = 0 where id = 5',
    })
    await shop.follow()
    let runs = 0
    const ports = interceptPorts(lab.ports, async (call, proceed) => {
      if (call.port === 'state' && call.writes && runs++ === 0)
        expect(await lab.runOne('shop.t')).toMatchObject({ changes: { updated: 1 } })
      return proceed()
    })
    expect(await shop.reconcile('shop.t', { ports, repair: true })).toMatchObject({
      ok: true,
      differences: { different: 1 },
      repaired: null,
    })
    expect(runs).toBeGreaterThan(0)
    expect(await lab.verify()).toMatchObject([{ ok: true, version: 1 }])
  })
})

async function endOtherConnections(): Promise<void> {
  await withConnection({ socket: server!.socket, user: 'root' }, async (connection) => {
    const rows = await rowsOf(
      connection,
      `select id from information_schema.processlist where id <> connection_id() and user = 'root'`,
    )
    for (const { id } of rows) await connection.query(`kill ${String(id)}`)
  })
}
