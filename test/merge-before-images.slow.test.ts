import { describe, expect } from 'vitest'
import type { Lab } from './support/lab.ts'
import { type Cell, rowsOf, test } from './support/lab-test.ts'

type Rows = readonly (readonly Cell[])[]
const single = { Op: 'varchar', id: 'integer', v: 'varchar', BI_id: 'integer' }
const composite = { Op: 'varchar', a: 'integer', b: 'varchar', v: 'varchar', BI_a: 'integer', BI_b: 'varchar' }

async function loadedSingle(lab: Lab, ids: readonly number[]): Promise<void> {
  const rows = ids.map((id) => [id, `row ${String(id)}`])
  await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', v: 'varchar' }, rows))
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  await lab.run()
}

const landSingle = (lab: Lab, name: string, rows: Rows) => lab.land(`s/t/${name}.parquet`, rowsOf(single, rows))

async function values(lab: Lab): Promise<Record<string, unknown>> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  const rows = await lab.rows('s.t')
  for (const row of rows) expect(Object.keys(row).filter((name) => name.startsWith('BI_') || name === 'Op')).toEqual([])
  return Object.fromEntries(rows.map(({ id, v }) => [String(id), v]))
}

describe('a changed key with its before-image removes the old key', () => {
  const cases: [string, Rows, Record<string, unknown>][] = [
    ['one change', [['U', 7, 'row 1', 1]], { 2: 'row 2', 7: 'row 1' }],
    ['a before-image that equals the key is no change of it', [['U', 1, 'new', 1]], { 1: 'new', 2: 'row 2' }],
    ['without a before-image the key did not change', [['U', 1, 'new', null]], { 1: 'new', 2: 'row 2' }],
    [
      'a chain 1 → 2 → 3, where 2 was there before',
      [
        ['D', 2, null, null],
        ['U', 2, 'moved', 1],
        ['U', 3, 'moved on', 2],
      ],
      { 3: 'moved on' },
    ],
    [
      'a swap through a temporary key',
      [
        ['U', -1, 'row 1', 1],
        ['U', 1, 'row 2', 2],
        ['U', 2, 'row 1', -1],
      ],
      { 1: 'row 2', 2: 'row 1' },
    ],
    [
      'onto a key that was deleted just before',
      [
        ['D', 2, null, null],
        ['U', 2, 'row 1', 1],
      ],
      { 2: 'row 1' },
    ],
    [
      'and back again',
      [
        ['U', 5, 'away', 1],
        ['U', 1, 'back', 5],
      ],
      { 1: 'back', 2: 'row 2' },
    ],
    [
      'and a new row under the old key',
      [
        ['U', 5, 'row 1', 1],
        ['I', 1, 'new 1', null],
      ],
      { 1: 'new 1', 2: 'row 2', 5: 'row 1' },
    ],
    [
      'and a deletion of the new key',
      [
        ['U', 5, 'row 1', 1],
        ['D', 5, null, null],
      ],
      { 2: 'row 2' },
    ],
    ['of a key that is not there', [['U', 8, 'new', 9]], { 1: 'row 1', 2: 'row 2', 8: 'new' }],
  ]

  test.for(cases)('in one file: %s', async ([, rows, expected], { lab }) => {
    await loadedSingle(lab, [1, 2])
    await landSingle(lab, '20240101-000000000', rows)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    expect(await values(lab)).toEqual(expected)
  })

  test.for(cases)('over files and runs: %s', async ([, rows, expected], { lab }) => {
    await loadedSingle(lab, [1, 2])
    for (const [at, row] of rows.entries()) {
      await landSingle(lab, `20240101-00000000${String(at)}`, [row])
      await lab.run()
    }
    expect(await values(lab)).toEqual(expected)
  })

  test('a chain over files with one in each of two runs counts what happened in the lake', async ({ lab }) => {
    await loadedSingle(lab, [1])
    await landSingle(lab, '20240101-000000000', [['U', 2, 'moved', 1]])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, deleted: 1, updated: 0 } })
    await landSingle(lab, '20240101-000000001', [['U', 3, 'moved', 2]])
    await lab.run()
    expect(await values(lab)).toEqual({ 3: 'moved' })
  })

  test('a before-image on an insert or a deletion means nothing', async ({ lab }) => {
    await loadedSingle(lab, [1, 2, 3])
    await landSingle(lab, '20240101-000000000', [
      ['I', 7, 'new', 1],
      ['D', 3, null, 2],
    ])
    await lab.run()
    expect(await values(lab)).toEqual({ 1: 'row 1', 2: 'row 2', 7: 'new' })
  })
})

describe('a composite key', () => {
  const load: Rows = [
    [1, 'x', 'one x'],
    [1, 'y', 'one y'],
    [2, 'x', 'two x'],
  ]
  const changes: [string, Rows, readonly string[]][] = [
    ['all before-images filled', [['U', 3, 'z', 'moved', 1, 'x']], ['1 y one y', '2 x two x', '3 z moved']],
    [
      'only the first filled: the other did not change',
      [['U', 3, 'x', 'moved', 1, null]],
      ['1 y one y', '2 x two x', '3 x moved'],
    ],
    ['only the second filled', [['U', 1, 'z', 'moved', null, 'y']], ['1 x one x', '1 z moved', '2 x two x']],
    ['none filled', [['U', 1, 'y', 'updated', null, null]], ['1 x one x', '1 y updated', '2 x two x']],
    [
      'a swap of two rows in one part',
      [
        ['U', 1, 't', 'one x', null, 'x'],
        ['U', 1, 'x', 'one y', null, 'y'],
        ['U', 1, 'y', 'one x', null, 't'],
      ],
      ['1 x one y', '1 y one x', '2 x two x'],
    ],
  ]
  test.for(changes)('%s', async ([, rows, expected], { lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ a: 'integer', b: 'varchar', v: 'varchar' }, load))
    await lab.set('s.t', { active: true, primaryKey: 'a,b' })
    await lab.land('s/t/20240101-000000000.parquet', rowsOf(composite, rows))
    await lab.run()
    expect((await lab.rows('s.t', 'a, b')).map(({ a, b, v }) => `${String(a)} ${String(b)} ${String(v)}`)).toEqual(
      expected,
    )
  })

  test('before-images of one part alone need no column for the other', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ a: 'integer', b: 'varchar', v: 'varchar' }, load))
    await lab.set('s.t', { active: true, primaryKey: 'a,b' })
    const { BI_b: _, ...withoutB } = composite
    await lab.land('s/t/20240101-000000000.parquet', rowsOf(withoutB, [['U', 9, 'x', 'moved', 1]]))
    await lab.run()
    expect((await lab.rows('s.t', 'a, b')).map(({ v }) => v)).toEqual(['one y', 'two x', 'moved'])
  })
})

describe('before-image columns', () => {
  test('of all columns are no columns of the lake', async ({ lab }) => {
    await loadedSingle(lab, [1])
    const types = { ...single, BI_v: 'varchar' }
    await lab.land('s/t/20240101-000000000.parquet', rowsOf(types, [['U', 1, 'new', 1, 'row 1']]))
    await lab.run()
    expect(await lab.rows('s.t')).toEqual([{ id: 1, v: 'new' }])
  })

  test('may have another prefix', async ({ lab }) => {
    await loadedSingle(lab, [1])
    await lab.set('s.t', { beforeImagePrefix: 'old_' })
    const types = { Op: 'varchar', id: 'integer', v: 'varchar', old_id: 'integer' }
    await lab.land('s/t/20240101-000000000.parquet', rowsOf(types, [['U', 2, 'moved', 1]]))
    await lab.run()
    expect(await lab.rows('s.t')).toEqual([{ id: 2, v: 'moved' }])
  })

  test('a column with the prefix that is no other column’s before-image is the source’s own', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', BI_score: 'integer' }, [[1, 5]]))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.land(
      's/t/20240101-000000000.parquet',
      rowsOf({ Op: 'varchar', id: 'integer', BI_score: 'integer' }, [['U', 1, 6]]),
    )
    await lab.run()
    expect(await lab.rows('s.t')).toEqual([{ id: 1, BI_score: 6 }])
  })

  test('of another type than the key are read as the key’s', async ({ lab }) => {
    await loadedSingle(lab, [1])
    const types = { ...single, BI_id: 'bigint' }
    await lab.land('s/t/20240101-000000000.parquet', rowsOf(types, [['U', 2, 'moved', 1]]))
    await lab.run()
    expect(await lab.rows('s.t')).toEqual([{ id: 2, v: 'moved' }])
  })
})
