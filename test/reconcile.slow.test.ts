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
