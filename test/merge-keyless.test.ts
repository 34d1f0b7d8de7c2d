import { describe, expect } from 'vitest'
import { type Lab, redate } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { landChanges, landLoad } from './support/plain-table.ts'

async function loaded(lab: Lab): Promise<void> {
  await landLoad(lab, 'LOAD00000001', [
    [1, 'load'],
    [1, 'load'],
  ])
  await lab.set('s.t', { active: true })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', changes: { inserted: 2 } })
}

async function values(lab: Lab): Promise<unknown[]> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  return (await lab.rows('s.t', 'all')).map(({ v }) => v)
}

describe('a table without a key', () => {
  test('holds equal rows as often as they came', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', [
      ['I', 1, 'load'],
      ['I', 1, 'load'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', changes: { inserted: 2 }, filesRemoved: 0 })
    expect(await values(lab)).toEqual(['load', 'load', 'load', 'load'])
  })

  test('appends inserts, and counts updates and deletions as ignored with a warning', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', [
      ['I', 2, 'new'],
      ['U', 1, 'changed'],
      ['D', 1, null],
    ])
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ changes: { inserted: 1, updated: 0, deleted: 0, ignored: 2 }, error: null })
    expect(report.warnings).toEqual([
      expect.stringContaining('2 updates and deletions cannot be applied without a key'),
    ])
    expect(await values(lab)).toEqual(['load', 'load', 'new'])
  })

  test('a batch of updates alone writes no data file and moves the progress', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', filesAdded: 0, changes: { ignored: 1 } })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', warnings: [] })
  })

  test('appends each file once, however many cycles run', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', [['I', 2, 'new']])
    await lab.run()
    await lab.run()
    await landChanges(lab, '20240101-000000001', [['I', 3, 'newer']])
    await lab.run()
    await lab.run()
    expect(await values(lab)).toEqual(['load', 'load', 'new', 'newer'])
  })

  test('takes a file that comes late once, whatever order it comes in', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000005', [['I', 5, 'five']])
    await lab.run()
    await landChanges(lab, '20240101-000000001', [['I', 1, 'one']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 1 })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
    expect(await values(lab)).toEqual(['load', 'load', 'one', 'five'])
  })

  test('takes a file delivered again under its own name never twice', async ({ lab }) => {
    await loaded(lab)
    const path = await landChanges(lab, '20240101-000000000', [['I', 2, 'new']])
    await lab.run()
    await landChanges(lab, '20240101-000000000', [['I', 2, 'new']])
    await redate(path, '2031-01-01T00:00:00Z')
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, changes: { inserted: 0 }, error: null })
    expect(await values(lab)).toEqual(['load', 'load', 'new'])
  })

  test('is held by a taken file that has other content now, and freed when it is as it was', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', [['I', 2, 'new']])
    await lab.run()
    await landChanges(lab, '20240101-000000000', [
      ['I', 2, 'other'],
      ['I', 3, 'more'],
    ])
    await landChanges(lab, '20240101-000000001', [['I', 4, 'behind']])
    const held = await lab.runOne('s.t')
    expect(held).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(held.error?.message).toContain('20240101-000000000.parquet has other content')
    expect(await values(lab)).toEqual(['load', 'load', 'new'])
    await landChanges(lab, '20240101-000000000', [['I', 2, 'new']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', changes: { inserted: 1 } })
    expect(await values(lab)).toEqual(['load', 'load', 'new', 'behind'])
  })

  test('appends the rows of a LOAD file that comes after changes', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', [['I', 2, 'new']])
    await lab.run()
    await landLoad(lab, 'LOAD00000002', [[7, 'late load']])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, changes: { inserted: 1 } })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
    expect(await values(lab)).toEqual(['load', 'load', 'new', 'late load'])
  })

  test('can do without a full load', async ({ lab }) => {
    await landChanges(lab, '20240101-000000000', [['I', 2, 'new']])
    await lab.run()
    await lab.set('s.t', { active: true })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', changes: { inserted: 1 } })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
    expect(await values(lab)).toEqual(['new'])
  })

  test('may have partitions', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [
      [1, 'a'],
      [2, 'b'],
    ])
    await lab.set('s.t', { active: true, partitionKey: 'v' })
    await lab.run()
    await landChanges(lab, '20240101-000000000', [
      ['I', 3, 'a'],
      ['I', 3, 'a'],
      ['I', 4, null],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 3 }, filesAdded: 2, filesRemoved: 0 })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, v: 'a' },
      { id: 2, v: 'b' },
      { id: 3, v: 'a' },
      { id: 3, v: 'a' },
      { id: 4, v: null },
    ])
  })
})
