import { describe, expect } from 'vitest'
import type { Lab } from './support/lab.ts'
import { type Cell, rowsOf, test } from './support/lab-test.ts'

type Rows = readonly (readonly Cell[])[]
type Types = Record<string, string>
const row = { id: 'integer', v: 'varchar' }

async function loaded(lab: Lab, types: Types, load: Rows): Promise<void> {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(types, load))
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
}

const landChanges = (lab: Lab, name: string, types: Types, rows: Rows) =>
  lab.land(`s/t/${name}.parquet`, rowsOf({ Op: 'varchar', ...types }, rows))

async function sound(lab: Lab): Promise<void> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
}

describe('a column that is new', () => {
  const wider = { ...row, w: 'integer' }

  test('is NULL in older rows and there in rows changed since', async ({ lab }) => {
    await loaded(lab, row, [
      [1, 'a'],
      [2, 'b'],
    ])
    await landChanges(lab, '20240101-000000000', wider, [
      ['U', 1, 'a', 5],
      ['I', 3, 'c', 6],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1 }, error: null })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, v: 'a', w: 5 },
      { id: 2, v: 'b', w: null },
      { id: 3, v: 'c', w: 6 },
    ])
    await sound(lab)
  })

  test('may come in the middle of the file, and in the middle of a batch', async ({ lab }) => {
    await loaded(lab, row, [
      [1, 'a'],
      [2, 'b'],
    ])
    await landChanges(lab, '20240101-000000000', row, [
      ['U', 1, 'old schema'],
      ['I', 3, 'old schema'],
    ])
    await landChanges(lab, '20240101-000000001', { id: 'integer', w: 'double', v: 'varchar' }, [
      ['U', 2, 1.5, 'new schema'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, error: null })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, v: 'old schema', w: null },
      { id: 2, v: 'new schema', w: 1.5 },
      { id: 3, v: 'old schema', w: null },
    ])
    await sound(lab)
  })

  test('is there in the lake’s schema even before a row has a value in it', async ({ lab }) => {
    await loaded(lab, row, [[1, 'a']])
    await landChanges(lab, '20240101-000000000', wider, [['D', 9, null, null]])
    await landChanges(lab, '20240101-000000001', row, [['U', 1, 'b']])
    await lab.run()
    expect(await lab.rows('s.t')).toEqual([{ id: 1, v: 'b', w: null }])
  })

  test('in files of a table whose rows were written under two schemas is updated in both', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf({ id: 'integer', p: 'varchar' }, [
        [1, 'x'],
        [2, 'y'],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'p' })
    await lab.run()
    const types = { id: 'integer', p: 'varchar', w: 'integer' }
    await landChanges(lab, '20240101-000000000', types, [['I', 3, 'z', 3]])
    await lab.run()
    await landChanges(lab, '20240101-000000001', types, [
      ['U', 1, 'x', 1],
      ['U', 3, 'z', 4],
    ])
    await lab.run()
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, w: 1, p: 'x' },
      { id: 2, w: null, p: 'y' },
      { id: 3, w: 4, p: 'z' },
    ])
    await sound(lab)
  })

  test('may be the one that the key is set to afterwards', async ({ lab }) => {
    await loaded(lab, row, [[1, 'a']])
    await landChanges(lab, '20240101-000000000', wider, [['I', 2, 'b', 5]])
    await lab.run()
    await lab.set('s.t', { primaryKey: 'w' })
    await landChanges(lab, '20240101-000000001', wider, [
      ['U', 7, 'c', 5],
      ['D', 1, null, null],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 1, deleted: 1 }, error: null })
    expect(await lab.rows('s.t')).toEqual([{ id: 7, v: 'c', w: 5 }])
  })
})

describe('a column that is dropped', () => {
  const wide = { id: 'integer', v: 'varchar', w: 'integer' }

  test('stays, and is NULL in rows changed since', async ({ lab }) => {
    await loaded(lab, wide, [
      [1, 'a', 1],
      [2, 'b', 2],
    ])
    await landChanges(lab, '20240101-000000000', row, [
      ['U', 1, 'a'],
      ['I', 3, 'c'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1 }, error: null })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, v: 'a', w: null },
      { id: 2, v: 'b', w: 2 },
      { id: 3, v: 'c', w: null },
    ])
    await sound(lab)
  })

  test('and added again is one column', async ({ lab }) => {
    await loaded(lab, wide, [[1, 'a', 1]])
    await landChanges(lab, '20240101-000000000', row, [['U', 1, 'b']])
    await landChanges(lab, '20240101-000000001', wide, [['I', 2, 'c', 7]])
    await lab.run()
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, v: 'b', w: null },
      { id: 2, v: 'c', w: 7 },
    ])
  })

  test('by a new full load stays too', async ({ lab }) => {
    await loaded(lab, wide, [[1, 'a', 1]])
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ ...row, x: 'double' }, [[5, 'reloaded', 0.5]]))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await lab.rows('s.t')).toEqual([{ id: 5, v: 'reloaded', w: null, x: 0.5 }])
    await sound(lab)
  })
})

test('columns go by name, in whatever order the files have them', async ({ lab }) => {
  await loaded(lab, { id: 'integer', a: 'varchar', b: 'varchar' }, [[1, 'a1', 'b1']])
  await landChanges(lab, '20240101-000000000', { b: 'varchar', a: 'varchar', id: 'integer' }, [['U', 'b2', 'a2', 1]])
  await lab.land(
    's/t/20240101-000000001.parquet',
    rowsOf({ id: 'integer', b: 'varchar', Op: 'varchar', a: 'varchar' }, [[2, 'b3', 'I', 'a3']]),
  )
  await lab.run()
  expect(await lab.rows('s.t', 'id')).toEqual([
    { id: 1, a: 'a2', b: 'b2' },
    { id: 2, a: 'a3', b: 'b3' },
  ])
})

describe('columns that differ by case alone', () => {
  test('between table and file hold the table at that file', async ({ lab }) => {
    await loaded(lab, row, [[1, 'a']])
    await landChanges(lab, '20240101-000000000', row, [['U', 1, 'before']])
    await landChanges(lab, '20240101-000000001', { id: 'integer', V: 'varchar' }, [['U', 1, 'after']])
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', files: 1, error: { kind: 'bad-landing' } })
    expect(report.error?.message).toBe(
      `read landing file 20240101-000000001.parquet: column "V" differs from the table's "v" only by case`,
    )
    expect(await lab.rows('s.t')).toEqual([{ id: 1, v: 'before' }])
  })
})

describe('the column that DMS adds for TimestampColumnName', () => {
  test('is a column like any other', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf({ ts: 'varchar', id: 'integer' }, [['2024-01-01 00:00:00.000000', 1]]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await landChanges(lab, '20240101-000000000', { ts: 'varchar', id: 'integer' }, [
      ['U', '2024-01-02 00:00:00.000000', 1],
    ])
    await lab.run()
    expect(await lab.rows('s.t')).toEqual([{ ts: '2024-01-02 00:00:00.000000', id: 1 }])
  })
})
