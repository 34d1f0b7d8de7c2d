import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'
import { changeRow, landChanges, landLoad, values } from './support/plain-table.ts'

async function loaded(lab: Lab): Promise<void> {
  await landLoad(lab, 'LOAD00000001', [
    [1, 'load'],
    [2, 'load'],
    [3, 'load'],
  ])
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  await lab.run()
}

describe('a change file that turns up late', () => {
  test('gives what it would have given in time: later changes of its keys win', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000002', [
      ['U', 1, 'second'],
      ['D', 2, null],
      ['I', 4, 'second'],
    ])
    await lab.run()
    await landChanges(lab, '20240101-000000001', [
      ['U', 1, 'first'],
      ['U', 2, 'first'],
      ['U', 3, 'first'],
      ['D', 4, null],
      ['I', 5, 'first'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    expect(await values(lab)).toEqual({ 1: 'second', 3: 'first', 4: 'second', 5: 'first' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('before several that were taken, and with one that comes after them all', async ({ lab }) => {
    await loaded(lab)
    for (const digit of [2, 4, 6]) {
      await landChanges(lab, `20240101-00000000${String(digit)}`, [['U', digit === 4 ? 2 : 1, `file ${String(digit)}`]])
      await lab.run()
    }
    await landChanges(lab, '20240101-000000003', [
      ['U', 1, 'late'],
      ['U', 2, 'late'],
      ['U', 3, 'late'],
    ])
    await landChanges(lab, '20240101-000000008', [['U', 3, 'file 8']])
    await lab.run()
    expect(await values(lab)).toEqual({ 1: 'file 6', 2: 'file 4', 3: 'file 8' })
  })

  test('with a changed key still moves the row that a later file changed', async ({ lab }) => {
    await loaded(lab)
    const withImage = { ...changeRow, BI_id: 'integer' }
    await landChanges(lab, '20240101-000000002', [['U', 9, 'moved and changed']])
    await lab.run()
    await lab.land('s/t/20240101-000000001.parquet', rowsOf(withImage, [['U', 9, 'moved', 1]]))
    await lab.run()
    expect(await values(lab)).toEqual({ 2: 'load', 3: 'load', 9: 'moved and changed' })
  })

  test('holds the table where the files after it are gone, and says so', async ({ lab }) => {
    await loaded(lab)
    const path = await landChanges(lab, '20240101-000000002', [['U', 1, 'second']])
    await lab.run()
    await rm(path)
    await landChanges(lab, '20240101-000000001', [['U', 1, 'first']])
    const held = await lab.runOne('s.t')
    expect(held).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(held.error?.message).toContain('20240101-000000001.parquet came late')
    expect(await values(lab)).toMatchObject({ 1: 'second' })
    await landChanges(lab, '20240101-000000002', [['U', 1, 'second']])
    await lab.run()
    expect(await values(lab)).toMatchObject({ 1: 'second' })
  })

  test('older than the look-back is never taken, and verify says so', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240103-000000000', [['U', 1, 'third of January']])
    await lab.run()
    await landChanges(lab, '20240101-000000000', [['U', 1, 'first of January']])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1, v: 'third of January' }, {}, {}])
    expect(await lab.verify()).toMatchObject([{ ok: false, problems: [{ kind: 'untaken' }] }])
  })

  test('as old as a longer LookBack allows is taken', async ({ lab }) => {
    await loaded(lab)
    await lab.set('s.t', { lookBack: '7d' })
    await landChanges(lab, '20240103-000000000', [['U', 1, 'third of January']])
    await lab.run()
    await landChanges(lab, '20240101-000000000', [
      ['U', 1, 'first of January'],
      ['U', 2, 'first of January'],
    ])
    await lab.run()
    expect(await values(lab)).toMatchObject({ 1: 'third of January', 2: 'first of January' })
  })
})

describe('a taken change file with other content', () => {
  test('is a late file: its new content counts, and later files win over it', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000001', [
      ['U', 1, 'old content'],
      ['U', 2, 'old content'],
    ])
    await landChanges(lab, '20240101-000000002', [['U', 1, 'second']])
    await lab.run()
    await landChanges(lab, '20240101-000000001', [
      ['U', 1, 'new content'],
      ['U', 2, 'new content'],
      ['U', 3, 'new content'],
    ])
    await lab.run()
    expect(await values(lab)).toEqual({ 1: 'second', 2: 'new content', 3: 'new content' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('that is gone changes nothing', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000001', [['U', 1, 'taken']])
    await lab.run()
    await rm(join(lab.landing, 's/t/20240101-000000001.parquet'))
    await rm(join(lab.landing, 's/t/LOAD00000001.parquet'))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await values(lab)).toEqual({ 1: 'taken', 2: 'load', 3: 'load' })
  })
})

describe('a late file that cannot be applied', () => {
  test('holds the table with nothing of it applied, until it is mended', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000005', [['U', 1, 'five']])
    await lab.run()
    await landChanges(lab, '20240101-000000001', [['U', 2, 'one']])
    await lab.landBytes('s/t/20240101-000000003.parquet', 'no Parquet')
    const held = await lab.runOne('s.t')
    expect(held).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(held.error?.message).toContain('20240101-000000003.parquet')
    await landChanges(lab, '20240101-000000003', [
      ['U', 1, 'three'],
      ['U', 2, 'three'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    expect(await values(lab)).toEqual({ 1: 'five', 2: 'three', 3: 'load' })
  })
})
