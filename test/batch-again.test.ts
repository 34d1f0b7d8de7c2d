import { describe, expect } from 'vitest'
import { restoreTable } from '../src/controller/restore-table.ts'
import type { Lab } from './support/lab.ts'
import { type Cell, rowsOf, test } from './support/lab-test.ts'

const types = { id: 'integer', v: 'varchar' }
const batchA: readonly (readonly Cell[])[] = [
  ['U', 1, 'a'],
  ['I', 3, 'c'],
  ['D', 2, null],
  ['D', 9, null],
]
const batchB: readonly (readonly Cell[])[] = [['U', 1, 'b']]

async function loaded(lab: Lab): Promise<void> {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf(types, [
      [1, 'x'],
      [2, 'y'],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial' })
}

/** One run on the landed change files, and how many data files of the lake it opened. */
async function taken(lab: Lab) {
  let opened = 0
  const lake = {
    ...lab.ports.lake,
    fetch: (...asked: Parameters<typeof lab.ports.lake.fetch>) => {
      opened++
      return lab.ports.lake.fetch(...asked)
    },
  }
  return { ...(await lab.runOne('s.t', { ports: { ...lab.ports, lake } })), opened }
}

let hour = 0
async function delivered(lab: Lab, changes: readonly (readonly Cell[])[], note?: string) {
  const name = `20240101-${String(++hour).padStart(2, '0')}0000000`
  await lab.land(`s/t/${name}.parquet`, rowsOf({ Op: 'varchar', ...types }, changes), note)
}

const nothingWritten = { status: 'incremental', filesAdded: 0, filesRemoved: 0, filesRewritten: 0 }
const left = [
  { id: 1, v: 'a' },
  { id: 3, v: 'c' },
]

describe('the batch that left a table as it stands', () => {
  test('is known by its bytes when it comes again: no data file is opened, and all of its keys are unchanged', async ({
    lab,
  }) => {
    await loaded(lab)
    await delivered(lab, batchA)
    expect(await taken(lab)).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 1, unchanged: 1 } })
    for (let times = 0; times < 2; times++) {
      await delivered(lab, batchA)
      const report = await taken(lab)
      expect(report).toMatchObject({ ...nothingWritten, files: 1, opened: 0, changes: { updated: 0, unchanged: 4 } })
    }
    expect(await lab.rows('s.t')).toEqual(left)
    expect(await lab.verify()).toMatchObject([{ ok: true }])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('is compared where it comes in other files, and ends the same', async ({ lab }) => {
    await loaded(lab)
    await delivered(lab, batchA)
    await taken(lab)
    await delivered(lab, batchA, 'the same rows in other bytes')
    expect(await taken(lab)).toMatchObject({ ...nothingWritten, opened: 1, changes: { updated: 0, unchanged: 4 } })
    expect(await lab.rows('s.t')).toEqual(left)
  })

  test('is several files in their order, all of them', async ({ lab }) => {
    await loaded(lab)
    await delivered(lab, batchA)
    await delivered(lab, batchB)
    await taken(lab)
    await delivered(lab, batchA)
    await delivered(lab, batchB)
    expect(await taken(lab)).toMatchObject({ ...nothingWritten, opened: 0, changes: { unchanged: 4 } })
    await delivered(lab, batchB)
    await delivered(lab, batchA)
    expect(await taken(lab)).toMatchObject({ opened: 1, changes: { updated: 1 } })
    expect(await lab.rows('s.t')).toEqual(left)
  })

  test('is applied again where another one came in between', async ({ lab }) => {
    await loaded(lab)
    await delivered(lab, batchA)
    await taken(lab)
    await delivered(lab, batchB)
    await taken(lab)
    await delivered(lab, batchA)
    expect(await taken(lab)).toMatchObject({ opened: 1, changes: { updated: 1, unchanged: 3 } })
    expect(await lab.rows('s.t')).toEqual(left)
  })

  test('is applied again to a table that was loaded anew', async ({ lab }) => {
    await loaded(lab)
    await delivered(lab, batchA)
    await taken(lab)
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(types, [[1, 'z']]))
    await lab.runOne('s.t')
    await delivered(lab, batchA)
    expect(await taken(lab)).toMatchObject({ changes: { inserted: 1, updated: 1 } })
    expect(await lab.rows('s.t')).toEqual(left)
  })

  test('is applied again to the rows of an older version that were brought back, though its files count as taken', async ({
    lab,
  }) => {
    await loaded(lab)
    await lab.set('s.t', { retain: '7d' })
    await delivered(lab, batchA)
    await taken(lab)
    await restoreTable(lab.ports, { schema: 's', table: 't' }, { version: 0, keepProgress: true })
    await lab.set('s.t', { active: true })
    await delivered(lab, batchA)
    expect(await taken(lab)).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 1 } })
    expect(await lab.rows('s.t')).toEqual(left)
  })

  test('is looked at anew where the operator says other things of the table', async ({ lab }) => {
    await loaded(lab)
    await delivered(lab, batchA)
    await taken(lab)
    await lab.set('s.t', { keepOp: true })
    await delivered(lab, batchA)
    expect((await taken(lab)).opened).toBeGreaterThan(0)
  })
})
