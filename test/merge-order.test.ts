import { describe, expect } from 'vitest'
import type { Lab } from './support/lab.ts'
import { type Cell, rowsOf, test } from './support/lab-test.ts'
import { landChanges, landLoad, row, values } from './support/plain-table.ts'

async function loaded(lab: Lab, ids: readonly number[] = [1, 2, 3]): Promise<void> {
  const rows = ids.map((id) => [id, `load ${String(id)}`])
  await landLoad(lab, 'LOAD00000001', rows)
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
}

describe('changes order by the base name of their file, then by position in it', () => {
  test.for([
    ['MMYYYYDD', ['12/2023/31', '01/2024/01']],
    ['DDMMYYYY', ['31/12/2023', '01/01/2024']],
    ['MMYYYYDD with dashes', ['12-2023-31', '01-2024-01']],
    ['DDMMYYYY without a delimiter', ['31122023', '01012024']],
    ['none and YYYYMMDD', ['', '2024/01/01']],
  ] as const)('over date folders whose order is not that of time: %s', async ([, folders], { lab }) => {
    await loaded(lab)
    const [earlier, later] = folders.map((folder) => (folder === '' ? '' : `${folder}/`))
    await landChanges(lab, `${later ?? ''}20240101-000000001`, [
      ['U', 1, 'new year'],
      ['D', 2, null],
    ])
    await landChanges(lab, `${earlier ?? ''}20231231-235959999`, [
      ['U', 1, 'old year'],
      ['U', 2, 'old year'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 2 })
    expect(await values(lab)).toEqual({ 1: 'new year', 3: 'load 3' })
  })

  test('a name of ten digits stands behind the nine that it begins with, and before the next', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000002', [['U', 2, 'last']])
    await landChanges(lab, '20240101-0000000019', [
      ['U', 1, 'ten digits'],
      ['U', 2, 'ten digits'],
    ])
    await landChanges(lab, '20240101-000000001', [['U', 1, 'nine digits']])
    await lab.run()
    expect(await values(lab)).toMatchObject({ 1: 'ten digits', 2: 'last' })
  })

  test('equal base names in two folders go by their keys', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '2024/02/20240101-000000000', [['U', 1, 'second key']])
    await landChanges(lab, '2024/01/20240101-000000000', [['U', 1, 'first key']])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2 })
    expect(await values(lab)).toMatchObject({ 1: 'second key' })
  })

  test('files of a second run go on where the first ended', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '12/2023/31/20231231-000000000', [['U', 1, 'first run']])
    await lab.run()
    await landChanges(lab, '01/2024/01/20240101-000000000', [['U', 1, 'second run']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 1 })
    expect(await values(lab)).toMatchObject({ 1: 'second run' })
  })
})

describe('per key the last change decides', () => {
  const cases: [string, readonly (readonly Cell[])[], Record<string, unknown>][] = [
    [
      'an insert and then a deletion leave nothing',
      [
        ['I', 9, 'short life'],
        ['D', 9, null],
      ],
      {},
    ],
    [
      'a deletion and then an insert leave the insert',
      [
        ['D', 1, null],
        ['I', 1, 'again'],
      ],
      { 1: 'again' },
    ],
    [
      'of many updates the last stays',
      [
        ['U', 1, 'a'],
        ['U', 1, 'b'],
        ['U', 1, 'c'],
        ['U', 1, 'd'],
      ],
      { 1: 'd' },
    ],
    [
      'insert, deletion, insert, update',
      [
        ['I', 9, 'a'],
        ['D', 9, null],
        ['I', 9, 'b'],
        ['U', 9, 'c'],
      ],
      { 9: 'c' },
    ],
    ['an update of a missing key inserts', [['U', 9, 'from nothing']], { 9: 'from nothing' }],
    ['a deletion of a missing key does nothing', [['D', 9, null]], {}],
    ['an insert of a present key replaces', [['I', 1, 'replaced']], { 1: 'replaced' }],
  ]
  const start = { 1: 'load 1', 2: 'load 2' }
  const outcome = (rows: readonly (readonly Cell[])[], expected: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries({ ...start, ...expected }).filter(
        ([id]) => id in expected || !rows.some((row) => String(row[1]) === id),
      ),
    )

  test.for(cases)('in one file: %s', async ([, rows, expected], { lab }) => {
    await loaded(lab, [1, 2])
    await landChanges(lab, '20240101-000000000', rows)
    await lab.run()
    expect(await values(lab)).toEqual(outcome(rows, expected))
  })

  test.for(cases)('over files, and over runs: %s', async ([, rows, expected], { lab }) => {
    await loaded(lab, [1, 2])
    for (const [at, row] of rows.entries()) {
      await landChanges(lab, `20240101-00000000${String(at)}`, [row])
      if (at % 2 === 1) await lab.run()
    }
    await lab.run()
    expect(await values(lab)).toEqual(outcome(rows, expected))
  })

  /** Each kind of change, once. */
  const delivered = [
    ['I', 9, 'new'],
    ['U', 1, 'changed'],
    ['D', 2, null],
  ]

  test('a file delivered again under a new name changes nothing', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', delivered)
    await lab.run()
    const before = await values(lab)
    await landChanges(lab, '20240101-000000005', delivered)
    expect(await lab.runOne('s.t')).toMatchObject({
      status: 'incremental',
      files: 1,
      filesAdded: 0,
      changes: { inserted: 0, updated: 0, deleted: 0, unchanged: 3 },
    })
    expect(await values(lab)).toEqual(before)
  })

  test('both deliveries in one batch count each key once', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', delivered)
    await landChanges(lab, '20240101-000000005', delivered)
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 1, unchanged: 0 } })
    expect(await values(lab)).toEqual({ 1: 'changed', 3: 'load 3', 9: 'new' })
  })

  test('a change file without Op holds inserts', async ({ lab }) => {
    await loaded(lab)
    await lab.land('s/t/20240101-000000000.parquet', rowsOf(row, [[9, 'no operation']]))
    await lab.run()
    expect(await values(lab)).toMatchObject({ 1: 'load 1', 9: 'no operation' })
  })
})
