import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TableId } from '../../src/domain.ts'
import type { StateRow, StateStore } from '../../src/state/state-store.ts'

/**
 * What an adapter's suite needs. `lose` deletes a row behind the store's back, as an operator does; `damage` leaves
 * something in its place that is no row. An adapter whose rows cannot be damaged has none of it, and says so.
 */
export type StateUnderTest = {
  readonly store: StateStore
  readonly landingPlace: string
  readonly lose: (id: TableId) => Promise<void>
  readonly damage?: (id: TableId) => Promise<void>
}

const orders: TableId = { schema: 'sales', table: 'orders' }

/** What every adapter of StateStore keeps. `make` gives an empty store; `scratch` is a folder of the test. */
export function describeStateStore(
  name: string,
  make: (scratch: string) => Promise<StateUnderTest>,
  { rowsCanBeDamaged = true }: { readonly rowsCanBeDamaged?: boolean } = {},
): void {
  describe(`StateStore, ${name}`, () => {
    let scratch: string
    let made: StateUnderTest
    let store: StateStore

    beforeEach(async () => {
      scratch = await mkdtemp(join(tmpdir(), 'dmscdc-state-'))
      made = await make(scratch)
      store = made.store
    })
    afterEach(() => rm(scratch, { recursive: true, force: true }))

    const rowFor = (id: TableId, more: StateRow = {}) => ({
      path: `${made.landingPlace}${id.schema}/${id.table}/`,
      ...more,
    })
    const rowOf = async (id: TableId) => (await store.get(id))?.row

    it('has no rows at first', async () => {
      expect([await store.list(), await store.get(orders)]).toEqual([[], null])
    })

    it('gives back a row as it was registered, with its table and its path', async () => {
      const row = rowFor(orders, { PrimaryKey: 'null', ActiveFlag: 'false' })
      expect(await store.register(orders, row)).toBe('registered')
      const item = { id: orders, path: `${made.landingPlace}sales/orders/`, row, damage: null }
      expect([await store.get(orders), await store.list()]).toEqual([item, [item]])
    })

    it('lists the rows of all tables, with odd names too', async () => {
      const ids = [
        orders,
        { schema: 'my.schema', table: 'a b' },
        { schema: 'ü', table: '"x"' },
        { schema: 'sales', table: 'orders.json' },
      ]
      for (const id of ids) await store.register(id, rowFor(id))
      const listed = await store.list()
      expect(new Set(listed.map((item) => item.path))).toEqual(new Set(ids.map((id) => rowFor(id).path)))
      expect(new Set(listed.map((item) => JSON.stringify(item.id)))).toEqual(
        new Set(ids.map((id) => JSON.stringify(id))),
      )
    })

    it('registers once: of 20 at a time one, whose row stands', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.register(orders, rowFor(orders, { by: i }))),
      )
      const winners = outcomes.flatMap((outcome, i) => (outcome === 'registered' ? [i] : []))
      expect(winners).toHaveLength(1)
      expect(await rowOf(orders)).toMatchObject({ by: winners[0] })
      expect(await store.register(orders, rowFor(orders, { by: 'late' }))).toBe('exists')
      expect(await rowOf(orders)).toMatchObject({ by: winners[0] })
    })

    it('sets and removes attributes, and leaves the others as they are', async () => {
      await store.register(orders, rowFor(orders, { a: '1', b: '2', c: '3', note: 'of an operator' }))
      expect(await store.update(orders, { set: { a: '10', d: '4' }, remove: ['b', 'none'] }, {})).toBe('updated')
      expect(await rowOf(orders)).toEqual(rowFor(orders, { a: '10', c: '3', d: '4', note: 'of an operator' }))
    })

    it('keeps values of any depth', async () => {
      const deep = {
        list: ['a', 1, true, null, { x: [] }],
        map: { empty: {}, text: 'ü\u{1F600}"\\\n', zero: 0, big: 1_700_000_000_123 },
      }
      await store.register(orders, rowFor(orders, { deep }))
      await store.update(orders, { set: { copy: deep } }, {})
      expect(await rowOf(orders)).toEqual(rowFor(orders, { deep, copy: deep }))
    })

    it('changes nothing where the condition is not met', async () => {
      const row = rowFor(orders, { text: '1', map: { a: 1, b: [1, 2] }, nothing: null })
      await store.register(orders, row)
      const unmet: StateRow[] = [
        { text: '2' },
        { text: 1 },
        { text: undefined },
        { none: '1' },
        { none: null },
        { nothing: undefined },
        { map: { a: 1 } },
        { map: { a: 1, b: [2, 1] } },
        { map: { a: 1, b: [1, 2], c: null } },
        { map: undefined },
        { text: '1', none: 'x' },
      ]
      for (const condition of unmet) {
        expect(await store.update(orders, { set: { text: 'changed' } }, condition), JSON.stringify(condition)).toBe(
          'condition-failed',
        )
      }
      expect(await rowOf(orders)).toEqual(row)
    })

    it('changes where it is met: values are equal at any depth and in any order of attributes', async () => {
      await store.register(orders, rowFor(orders, { text: '1', map: { a: 1, b: [1, 2] }, nothing: null }))
      const met: StateRow[] = [
        {},
        { text: '1' },
        { none: undefined },
        { nothing: null },
        { map: { b: [1, 2], a: 1 } },
        { text: '1', map: { a: 1, b: [1, 2] }, none: undefined },
      ]
      for (const condition of met) {
        expect(await store.update(orders, { set: { seen: true } }, condition), JSON.stringify(condition)).toBe(
          'updated',
        )
      }
    })

    it('lets one of 20 updates with the same condition win', async () => {
      await store.register(orders, rowFor(orders))
      const takes = Array.from({ length: 20 }, (_, i) =>
        store.update(orders, { set: { Lease: { by: i } } }, { Lease: undefined }),
      )
      const winners = (await Promise.all(takes)).flatMap((outcome, i) => (outcome === 'updated' ? [i] : []))
      expect(winners).toHaveLength(1)
      expect(await rowOf(orders)).toMatchObject({ Lease: { by: winners[0] } })
    })

    it('loses no update of 20 at a time on different attributes', async () => {
      await store.register(orders, rowFor(orders))
      const names = Array.from({ length: 20 }, (_, i) => `a${i}`)
      await Promise.all(names.map((name) => store.update(orders, { set: { [name]: name } }, { [name]: undefined })))
      expect(await rowOf(orders)).toEqual(rowFor(orders, Object.fromEntries(names.map((name) => [name, name]))))
    })

    it('never makes a row of an update: a lost row fails its condition and can be registered again', async () => {
      expect(await store.update(orders, { set: { a: 1 } }, {})).toBe('condition-failed')
      await store.register(orders, rowFor(orders, { a: 1 }))
      await made.lose(orders)
      expect([await store.get(orders), await store.list()]).toEqual([null, []])
      expect(await store.update(orders, { set: { a: 2 } }, { a: undefined })).toBe('condition-failed')
      expect(await store.register(orders, rowFor(orders, { a: 3 }))).toBe('registered')
    })

    if (rowsCanBeDamaged)
      it('shows a damaged row as damaged: it is not absent, and nothing writes over it', async () => {
        await store.register(orders, rowFor(orders))
        await store.register({ schema: 'sales', table: 'items' }, rowFor({ schema: 'sales', table: 'items' }))
        await made.damage?.(orders)
        expect(await store.get(orders)).toMatchObject({ id: orders, row: null, damage: expect.stringMatching(/\S/u) })
        expect((await store.list()).map((item) => item.row === null).sort()).toEqual([false, true])
        expect(await store.register(orders, rowFor(orders))).toBe('exists')
        await expect(store.update(orders, { set: { a: 1 } }, {})).rejects.toMatchObject({
          kind: 'invalid-config',
          message: expect.stringContaining('orders'),
          maybeApplied: false,
        })
      })
  })
}
