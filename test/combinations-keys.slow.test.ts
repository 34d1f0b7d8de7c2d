import { describe, expect } from 'vitest'
import { columns, found, landChanges, loaded, run } from './support/combined-table.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { applied, type Change, canonical, type Row } from './support/oracle.ts'

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
