import { expect } from 'vitest'
import { rowsOf, test } from './support/lab-test.ts'

const row = { id: 'integer', v: 'varchar' }
const change = { Op: 'varchar', ...row }

test('without KeepOp the lake has no Op column, also where the full load has one', async ({ lab }) => {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(change, [['I', 1, 'a']]))
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  await lab.land('s/t/20240101-000000000.parquet', rowsOf(change, [['I', 2, 'b']]))
  await lab.run()
  expect(await lab.rows('s.t', 'id')).toEqual([
    { id: 1, v: 'a' },
    { id: 2, v: 'b' },
  ])
})

test('KeepOp keeps the operation of the last change of each row', async ({ lab }) => {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf(row, [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id', keepOp: true })
  await lab.run()
  await lab.land(
    's/t/20240101-000000000.parquet',
    rowsOf(change, [
      ['U', 1, 'changed'],
      ['D', 2, null],
      ['I', 4, 'new'],
    ]),
  )
  await lab.run()
  expect((await lab.rows('s.t', 'id')).map(({ id, Op }) => [id, Op])).toEqual([
    [1, 'U'],
    [3, 'I'],
    [4, 'I'],
  ])
})

test('Op alone never counts as a difference', async ({ lab }) => {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'a']]))
  await lab.set('s.t', { active: true, primaryKey: 'id', keepOp: true })
  await lab.run()
  await lab.land('s/t/20240101-000000000.parquet', rowsOf(change, [['U', 1, 'a']]))
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', filesAdded: 0, changes: { unchanged: 1 } })
  expect(await lab.rows('s.t')).toMatchObject([{ id: 1, Op: 'I' }])
})

test('KeepOp keeps it on a table without a key', async ({ lab }) => {
  await lab.land('s/t/20240101-000000000.parquet', rowsOf(change, [['I', 1, 'a']]))
  await lab.run()
  await lab.set('s.t', { active: true, keepOp: true })
  await lab.run()
  expect(await lab.rows('s.t')).toEqual([{ Op: 'I', id: 1, v: 'a' }])
})

test('KeepOp switched on later gives older rows NULL', async ({ lab }) => {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf(row, [
      [1, 'a'],
      [2, 'b'],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  await lab.run()
  await lab.set('s.t', { keepOp: true })
  await lab.land('s/t/20240101-000000000.parquet', rowsOf(change, [['U', 2, 'changed']]))
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
  expect((await lab.rows('s.t', 'id')).map(({ id, Op }) => [id, Op])).toEqual([
    [1, null],
    [2, 'U'],
  ])
})

test('KeepOp switched off later keeps the column and what it says of older rows', async ({ lab }) => {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf(row, [
      [1, 'a'],
      [2, 'b'],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id', keepOp: true })
  await lab.run()
  await lab.set('s.t', { keepOp: false })
  await lab.land('s/t/20240101-000000000.parquet', rowsOf(change, [['D', 2, null]]))
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
  expect(await lab.rows('s.t')).toEqual([{ Op: 'I', id: 1, v: 'a' }])
})
