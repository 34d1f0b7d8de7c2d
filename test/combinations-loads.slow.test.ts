import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { SetOptions } from '../src/state/row.ts'
import { columns, found, landChanges, load, nameOf, run } from './support/combined-table.ts'
import { type Lab, redate } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'
import { cursorTo, editRow } from './support/row-file.ts'

describe('a full load that replaces the table', () => {
  const past = '2024-01-01T01:00:00Z'

  /** A load of the past, changes before and after the new one, which drops `v`, adds `w` and makes `p` a number. */
  async function reloaded(lab: Lab, options: SetOptions): Promise<void> {
    await lab.land(
      load,
      rowsOf(columns, [
        [1, '1', 'x'],
        [2, '2', 'x'],
      ]),
    )
    await redate(join(lab.landing, load), '2024-01-01T00:00:00Z')
    await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
    await run(lab)
    await redate(await landChanges(lab, 1, [['U', 1, '1', 'old']]), past)
    await run(lab)
    await redate(await landChanges(lab, 2, [['I', 7, '7', 'pending, before the load']]), past)
    await rm(join(lab.landing, load))
    const types = { id: 'integer', p: 'integer', w: 'varchar' }
    await redate(
      await lab.land(
        load,
        rowsOf(types, [
          [1, 1, 'new'],
          [4, 4, 'new'],
        ]),
      ),
      '2024-01-01T02:00:00Z',
    )
    await redate(
      await lab.land(
        's/t/20240101-030000000.parquet',
        rowsOf({ Op: 'varchar', ...types }, [
          ['U', 4, 5, 'changed'],
          ['D', 1, null, null],
        ]),
      ),
      '2024-01-01T03:00:00Z',
    )
  }

  for (const [shape, options] of [
    ['', {}],
    [', in partitions of the column whose type changes', { partitionKey: 'p' }],
    [', while the keys change', { partitionKey: 'w', primaryKey: 'id,w' }],
  ] as const)
    test(`drops a column, adds one, changes a type, with changes pending on both sides${shape}`, async ({ lab }) => {
      const atFirst = 'primaryKey' in options ? {} : options
      await reloaded(lab, atFirst)
      await lab.set('s.t', options)
      await run(lab)
      const rows = await found(lab)
      const isKey = 'primaryKey' in options
      // With w in the key a deletion that does not name it deletes another row.
      const expected = isKey
        ? [
            { id: 1, p: 1, v: null, w: 'new' },
            { id: 4, p: 4, v: null, w: 'new' },
            { id: 4, p: 5, v: null, w: 'changed' },
          ]
        : [{ id: 4, p: expect.toBeOneOf([5, '5']), v: null, w: 'changed' }]
      expect(rows.map((row) => row.w).sort()).toEqual(expected.map(({ w }) => w).sort())
      for (const row of expected) expect(rows).toContainEqual(row)
    })

  test('is the starting point of a cursor that is set back behind it', async ({ lab }) => {
    await reloaded(lab, {})
    await run(lab)
    const rows = await found(lab)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    await run(lab)
    expect(await found(lab)).toEqual(rows)
  })

  test('of a table without a key is what a cursor that is set back makes it anew of', async ({ lab }) => {
    await reloaded(lab, { primaryKey: '' })
    await run(lab)
    expect(await found(lab)).toMatchObject([
      { id: 1, w: 'new' },
      { id: 4, w: 'new' },
    ])
    await lab.land(
      's/t/20240101-040000000.parquet',
      rowsOf({ Op: 'varchar', id: 'integer', p: 'integer', w: 'varchar' }, [['I', 5, 5, 'later']]),
    )
    await run(lab)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    await run(lab)
    expect(await found(lab)).toMatchObject([
      { id: 1, w: 'new' },
      { id: 4, w: 'new' },
      { id: 5, w: 'later' },
    ])
  })

  test('waits for LoadSettle while keys change and late files come, and is then made of all of it', async ({ lab }) => {
    await lab.land(
      load,
      rowsOf(columns, [
        [1, 'a', 'x'],
        [2, 'b', 'x'],
      ]),
    )
    await redate(join(lab.landing, load), '2024-01-01T00:00:00Z')
    await lab.set('s.t', { active: true, primaryKey: 'id', loadSettle: '1h' })
    await run(lab)
    await redate(await landChanges(lab, 2, [['U', 1, 'a', 'two']]), past)
    await run(lab)
    await rm(join(lab.landing, load))
    await lab.land(load, rowsOf(columns, [[9, 'c', 'new']]))
    await lab.set('s.t', { partitionKey: 'p' })
    await redate(await landChanges(lab, 1, [['I', 7, 'a', 'late, of the past']]), past)
    await landChanges(lab, 3, [['I', 8, 'a', 'three']])
    await run(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1, v: 'two' }, { id: 2 }, { id: 7 }, { id: 8 }])
    const clock = { ...lab.ports.clock, nowMs: () => Date.now() + 2 * 3_600_000 }
    expect(await lab.runOne('s.t', { ports: { ...lab.ports, clock } })).toMatchObject({
      status: 'initial',
      error: null,
    })
    expect(await found(lab)).toMatchObject([
      { id: 8, v: 'three' },
      { id: 9, v: 'new' },
    ])
  })
})

describe('where the clocks of LandingTimezone are put back', () => {
  // 02:30 comes twice in Berlin on this night: at 00:30 and at 01:30 UTC. The table is loaded anew at 00:45 UTC.
  async function reloadedAmid(lab: Lab, changeDate: string): Promise<void> {
    await lab.land(load, rowsOf(columns, [[1, 'a', 'x']]))
    await redate(join(lab.landing, load), '2024-10-26T12:00:00Z')
    await lab.set('s.t', { active: true, primaryKey: 'id', landingTimezone: 'Europe/Berlin' })
    await run(lab)
    await rm(join(lab.landing, load))
    await redate(await lab.land(load, rowsOf(columns, [[1, 'a', 'loaded anew']])), '2024-10-27T00:45:00Z')
    const change = rowsOf({ Op: 'varchar', ...columns }, [['U', 1, 'a', 'changed']])
    await redate(await lab.land('s/t/20241027-023000000.parquet', change), changeDate)
    await run(lab)
  }

  test('a change of the first such hour is left out of the load that follows it', async ({ lab }) => {
    await reloadedAmid(lab, '2024-10-27T00:30:05Z')
    expect(await found(lab)).toMatchObject([{ v: 'loaded anew' }])
  })

  test('one of the second hour is applied to it', async ({ lab }) => {
    await reloadedAmid(lab, '2024-10-27T01:30:05Z')
    expect(await found(lab)).toMatchObject([{ v: 'changed' }])
  })
})
