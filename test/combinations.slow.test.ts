import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import type { SetOptions } from '../src/state/row.ts'
import { type Lab, redate } from './support/lab.ts'
import { type Cell, rowsOf, test } from './support/lab-test.ts'
import { applied, type Change, canonical, type Row } from './support/oracle.ts'
import { cursorTo, editRow } from './support/row-file.ts'

// Each rule of the contract has tests of its own; here several meet in one table.

const id = { schema: 's', table: 't' }
const columns = { id: 'integer', p: 'varchar', v: 'varchar' }
const load = 's/t/LOAD00000001.parquet'
const nameOf = (minute: number) => `20240101-${String(minute).padStart(4, '0')}00000.parquet`
const landChanges = (
  lab: Lab,
  minute: number,
  rows: readonly (readonly Cell[])[],
  types: Record<string, string> = columns,
) => lab.land(`s/t/${nameOf(minute)}`, rowsOf({ Op: 'varchar', ...types }, rows))

async function loaded(lab: Lab, rows: readonly (readonly Cell[])[], options: SetOptions = {}): Promise<void> {
  await lab.land(load, rowsOf(columns, rows))
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  await run(lab)
}

async function run(lab: Lab): Promise<void> {
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

async function found(lab: Lab, orderBy = 'id'): Promise<Record<string, unknown>[]> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  return lab.rows('s.t', orderBy)
}

describe('changed keys', () => {
  type Step = readonly [op: 'I' | 'U' | 'D', id: number, p: string | null, before?: number]
  /** Each on rows of its own: 1 in partition a, 2 in partition b. */
  const stories: Readonly<Record<string, readonly Step[]>> = {
    'a chain over four keys': [
      ['U', 3, 'a', 1],
      ['U', 4, 'b', 3],
      ['U', 5, 'c', 4],
    ],
    'a swap by three updates': [
      ['U', 9, 'a', 1],
      ['U', 1, 'b', 2],
      ['U', 2, 'a', 9],
    ],
    'a new row under the old key': [
      ['U', 3, 'b', 1],
      ['I', 1, 'c'],
    ],
    'a deletion of the old key, which is gone': [
      ['U', 3, 'a', 1],
      ['D', 1, null],
    ],
    'a deletion of the new key by its key alone': [
      ['U', 3, 'c', 1],
      ['D', 3, null],
    ],
    'there and back, into another partition': [
      ['U', 3, 'b', 1],
      ['U', 1, 'c', 3],
    ],
    'onto a key that was deleted by its key alone': [
      ['D', 2, null],
      ['U', 2, 'a', 1],
    ],
    'onto a key that has moved on': [
      ['U', 3, 'b', 2],
      ['U', 2, 'a', 1],
      ['U', 2, 'c'],
    ],
    'a chain of which one is deleted and comes again': [
      ['U', 3, 'a', 1],
      ['D', 3, null],
      ['I', 3, 'b'],
      ['U', 1, 'b', 3],
    ],
  }
  const steps = Object.values(stories).flatMap((story, number) =>
    story.map((step, at) => ({ at, change: changeOf(step, number * 10) })),
  )
  const rowsBefore = Object.values(stories).flatMap((_, number) => [
    imageOf(number * 10 + 1, 'a', 'load'),
    imageOf(number * 10 + 2, 'b', 'load'),
  ])
  const longest = Math.max(...steps.map(({ at }) => at)) + 1
  const files = Array.from({ length: longest }, (_, file) =>
    steps.filter(({ at }) => at === file).map(({ change }) => change),
  )

  const ways: Readonly<Record<string, (lab: Lab) => Promise<void>>> = {
    'in one file': (lab) => landAll(lab, [files.flat()], { runs: false }),
    'in a file each, in one run': (lab) => landAll(lab, files, { runs: false }),
    'in a file each, in runs of their own': (lab) => landAll(lab, files, { runs: true }),
    'in a file each, the last of which comes first': (lab) => landAll(lab, files, { runs: true, backwards: true }),
  }
  for (const [way, land] of Object.entries(ways))
    for (const [shape, options] of [
      ['', {}],
      [', in partitions', { partitionKey: 'p' }],
    ] as const)
      test(`of nine kinds, ${way}${shape}: per key the last change decides`, async ({ lab }) => {
        await loaded(
          lab,
          rowsBefore.map(({ id: key = null, p = null, v = null }) => [key, p, v]),
          options,
        )
        await land(lab)
        await run(lab)
        const table = { keyColumns: ['id'], emptyIsNull: ['p'] }
        const inserts = rowsBefore.map((row): Change => ({ op: 'I', row }))
        const expected = applied(table, new Map(), [...inserts, ...files.flat()])
        const rows = (await found(lab)).map(({ id: key, p, v }) => ({ id: String(key), p, v }) as Row)
        expect(canonical(rows, Object.keys(columns))).toEqual(canonical(expected.values(), Object.keys(columns)))
      })

  function changeOf([op, key, p, before]: Step, base: number): Change {
    const row = op === 'D' ? { id: String(base + key) } : imageOf(base + key, p, `${op} ${String(key)}`)
    return { op, row, ...(before === undefined ? {} : { before: { id: String(base + before) } }) }
  }

  function imageOf(key: number, p: string | null, v: string): Row {
    return { id: String(key), p, v }
  }

  async function landAll(
    lab: Lab,
    inOrder: readonly (readonly Change[])[],
    { runs, backwards = false }: { readonly runs: boolean; readonly backwards?: boolean },
  ): Promise<void> {
    const order = inOrder.map((changes, minute) => ({ changes, minute }))
    for (const { changes, minute } of backwards ? order.reverse() : order) {
      const rows = changes.map(({ op, row, before }) => [
        op,
        row.id ?? null,
        row.p ?? null,
        row.v ?? null,
        before?.id ?? null,
      ])
      await landChanges(lab, minute, rows, { ...columns, BI_id: 'integer' })
      if (runs) await run(lab)
    }
  }
})

describe('a batch that widens a column', () => {
  test('moves partitions, changes a key and deletes by the key alone, all in one file', async ({ lab }) => {
    await loaded(
      lab,
      [
        [1, 'a', 'x'],
        [2, 'a', 'x'],
        [3, 'b', 'x'],
        [4, 'b', 'x'],
      ],
      { partitionKey: 'p' },
    )
    const wide = { ...columns, id: 'bigint', BI_id: 'bigint' }
    await landChanges(
      lab,
      1,
      [
        ['U', 1, 'b', 'moved', null],
        ['U', 5_000_000_000, 'a', 'other key', 2],
        ['D', 3, null, null, null],
        ['I', 6, null, 'new', null],
      ],
      wide,
    )
    await run(lab)
    expect(await found(lab)).toEqual([
      { id: '1', p: 'b', v: 'moved' },
      { id: '4', p: 'b', v: 'x' },
      { id: '6', p: null, v: 'new' },
      { id: '5000000000', p: 'a', v: 'other key' },
    ])
  })

  test('that is a partition column, by a file that comes late, while the rows move', async ({ lab }) => {
    const types = { id: 'integer', n: 'integer', v: 'varchar' }
    await lab.land(
      load,
      rowsOf(types, [
        [1, 1, 'x'],
        [2, 2, 'x'],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'n' })
    await run(lab)
    await landChanges(lab, 2, [['U', 1, 2, 'later']], types)
    await run(lab)
    await landChanges(
      lab,
      1,
      [
        ['U', 1, 3_000_000_000, 'earlier'],
        ['U', 2, 3_000_000_000, 'earlier'],
      ],
      { ...types, n: 'bigint' },
    )
    await run(lab)
    expect(await found(lab)).toMatchObject([
      { id: 1, n: '2', v: 'later' },
      { id: 2, n: '3000000000', v: 'earlier' },
    ])
  })

  test('comes with a replay of what was narrow, and with other keys', async ({ lab }) => {
    await loaded(lab, [
      [1, 'a', 'x'],
      [2, 'b', 'x'],
    ])
    await landChanges(lab, 1, [['U', 1, 'b', 'one']])
    await run(lab)
    await landChanges(lab, 2, [['I', 3_000_000_000, 'c', 'wide']], { ...columns, id: 'bigint' })
    await replayFile(lab.ports, id, nameOf(1))
    await lab.set('s.t', { primaryKey: 'id,p', partitionKey: 'p' })
    await run(lab)
    expect(await found(lab)).toEqual([
      { id: '1', p: 'b', v: 'one' },
      { id: '2', p: 'b', v: 'x' },
      { id: '3000000000', p: 'c', v: 'wide' },
    ])
  })
})

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

describe('keys of the row that change', () => {
  test('with changes pending that need the new key, a late file and a partition move', async ({ lab }) => {
    await loaded(lab, [
      [1, 'a', 'x'],
      [2, 'b', 'y'],
    ])
    await landChanges(lab, 3, [['U', 2, 'b', 'z']])
    await run(lab)
    await lab.set('s.t', { primaryKey: 'id,v', partitionKey: 'p' })
    await landChanges(lab, 2, [
      ['U', 2, 'c', 'z'],
      ['I', 1, 'c', 'w'],
    ])
    await landChanges(lab, 4, [
      ['D', 1, null, 'x'],
      ['U', 1, 'a', 'w'],
    ])
    await run(lab)
    expect(await found(lab, 'id, v')).toEqual([
      { id: 1, p: 'a', v: 'w' },
      { id: 2, p: 'b', v: 'z' },
    ])
  })

  test('to one that is not unique hold the table with its changes pending; the old key frees it', async ({ lab }) => {
    await loaded(lab, [
      [1, 'a', 'x'],
      [2, 'a', 'y'],
    ])
    await lab.set('s.t', { primaryKey: 'p', partitionKey: 'p' })
    await landChanges(lab, 1, [['U', 2, 'b', 'z']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
    expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 2, v: 'y' }])
    await lab.set('s.t', { primaryKey: 'id' })
    await run(lab)
    expect(await found(lab)).toEqual([
      { id: 1, p: 'a', v: 'x' },
      { id: 2, p: 'b', v: 'z' },
    ])
  })

  test('from none to one: what was appended is merged from then on', async ({ lab }) => {
    await loaded(lab, [[1, 'a', 'x']], { primaryKey: '' })
    await landChanges(lab, 2, [
      ['I', 2, 'b', 'y'],
      ['U', 1, 'a', 'ignored'],
    ])
    await run(lab)
    await lab.set('s.t', { primaryKey: 'id' })
    await landChanges(lab, 1, [['U', 1, 'c', 'late']])
    await landChanges(lab, 3, [
      ['U', 2, 'b', 'z'],
      ['D', 1, null, null],
    ])
    await run(lab)
    expect(await found(lab)).toEqual([{ id: 2, p: 'b', v: 'z' }])
  })
})

describe('a file that was written again after it was taken', () => {
  test('beside one that comes late before it, and new ones, with partitions that move', async ({ lab }) => {
    await loaded(
      lab,
      [
        [1, 'a', 'x'],
        [2, 'a', 'x'],
        [3, 'a', 'x'],
      ],
      { partitionKey: 'p' },
    )
    await landChanges(lab, 2, [['U', 1, 'b', 'two']])
    await landChanges(lab, 4, [['U', 2, 'b', 'four']])
    await run(lab)
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await landChanges(lab, 2, [
      ['U', 1, 'c', 'two, again'],
      ['U', 2, 'c', 'two, again'],
    ])
    await landChanges(lab, 1, [
      ['U', 1, 'd', 'late'],
      ['U', 3, 'd', 'late'],
    ])
    await landChanges(lab, 5, [['I', 5, 'e', 'new']])
    await run(lab)
    expect(await found(lab)).toEqual([
      { id: 1, p: 'c', v: 'two, again' },
      { id: 2, p: 'b', v: 'four' },
      { id: 3, p: 'd', v: 'late' },
      { id: 5, p: 'e', v: 'new' },
    ])
  })

  test('holds a table without a key, and what comes late with it is not taken either', async ({ lab }) => {
    await loaded(lab, [[1, 'a', 'x']], { primaryKey: '' })
    await landChanges(lab, 2, [['I', 2, 'a', 'two']])
    await run(lab)
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await landChanges(lab, 2, [['I', 2, 'a', 'other']])
    await landChanges(lab, 1, [['I', 9, 'a', 'late']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await landChanges(lab, 2, [['I', 2, 'a', 'two']])
    await run(lab)
    expect(await found(lab)).toMatchObject([{ id: 1 }, { id: 2, v: 'two' }, { id: 9 }])
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
