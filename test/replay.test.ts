import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile, skipFile } from '../src/controller/landing-commands.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { restoreTable } from '../src/controller/restore-table.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { type Lab, redate } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'
import { id, landDay, landLoad, nameOf, row, values } from './support/plain-table.ts'
import { cursorTo, editRow, readRow, writeRow } from './support/row-file.ts'

const load = 'LOAD00000001.parquet'

async function loaded(lab: Lab, options: { primaryKey?: string } = { primaryKey: 'id' }): Promise<void> {
  await lab.land(`s/t/${load}`, rowsOf(row, [[1, 'load']]))
  await landDays(lab, [1, 2, 3])
  await lab.set('s.t', { active: true, ...options })
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

/** A row a day. */
async function landDays(lab: Lab, days: readonly number[]): Promise<void> {
  for (const day of days) await landDay(lab, day, [['I', 10 + day, `day ${String(day)}`]])
}

describe('replay', () => {
  test('moves the progress back in a commit of its own; the next run takes the file and what follows again', async ({
    lab,
  }) => {
    await loaded(lab)
    const before = await lab.rows('s.t')
    expect(await replayFile(lab.ports, id, nameOf(2))).toBe(2)
    expect(await lab.rows('s.t')).toEqual(before)
    expect(await readRow(lab)).toMatchObject({ Version: 2, ...(await cursorTo(lab, nameOf(1))) })
    expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'incremental', inputs: [nameOf(2), nameOf(3)] }])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 2, changes: { unchanged: 2 } })
    expect(await values(lab)).toEqual({ 1: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
    expect((await tableHistory(lab.ports, id)).map(({ operation }) => operation)).toEqual([
      'MERGE',
      'REPLAY',
      'MERGE',
      'INITIAL',
    ])
  })

  test('mends a lake that went wrong, of the keys that the files speak of', async ({ lab }) => {
    await loaded(lab)
    await landDay(lab, 4, [['U', 12, 'wrong']])
    await lab.run()
    await skipFile(lab.ports, id, nameOf(4), 'wrong').catch(() => {})
    await rm(join(lab.landing, 's', 't', nameOf(4)))
    await replayFile(lab.ports, id, nameOf(1)).catch(() => {})
    expect(await values(lab)).toMatchObject({ 12: 'wrong' })
    await landDay(lab, 4, [['U', 12, 'right']])
    await replayFile(lab.ports, id, nameOf(1))
    await lab.run()
    expect(await values(lab)).toMatchObject({ 12: 'right' })
  })

  test('from a LOAD file loads the whole table again, with identical bytes too', async ({ lab }) => {
    await loaded(lab)
    await landLoad(lab, 'LOAD00000002', [[2, 'load']])
    await lab.run()
    await replayFile(lab.ports, id, load)
    expect(await planTables(lab.ports, [])).toMatchObject([
      { work: 'initial', inputs: [load, 'LOAD00000002.parquet', ...[1, 2, 3].map(nameOf)] },
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 5, error: null })
    expect(await values(lab)).toEqual({ 1: 'load', 2: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('of a table without a key, overtaken by a full load, gives way to it', async ({ lab }) => {
    const before = '2024-01-05T00:00:00Z'
    await loaded(lab, {})
    for (const name of [load, nameOf(1), nameOf(2), nameOf(3)]) await redate(join(lab.landing, 's', 't', name), before)
    await replayFile(lab.ports, id, load)
    await rm(join(lab.landing, 's', 't', load))
    await lab.land(`s/t/${load}`, rowsOf(row, [[9, 'reload']]))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await values(lab)).toEqual({ 9: 'reload' })
  })

  test('from a LOAD file newer than the changes leaves them out', async ({ lab }) => {
    const past = '2024-01-04T00:00:00Z'
    await lab.land(`s/t/${load}`, rowsOf(row, [[1, 'load']]))
    for (const day of [1, 2]) await redate(await landDay(lab, day, [['I', 10 + day, 'new']]), past)
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    await replayFile(lab.ports, id, load)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 1, error: null })
    expect(await values(lab)).toEqual({ 1: 'load' })
    await expect(replayFile(lab.ports, id, nameOf(1))).rejects.toThrow('lies before the full load')
  })

  test('brings back a skipped file that it names', async ({ lab }) => {
    await loaded(lab)
    await landDay(lab, 4, [['I', 14, 'skipped']])
    await skipFile(lab.ports, id, nameOf(4), 'a mistake')
    await replayFile(lab.ports, id, nameOf(3))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1 })
    await replayFile(lab.ports, id, nameOf(4))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1 })
    expect(await values(lab)).toMatchObject({ 14: 'skipped' })
  })

  test('of a table without a key makes it anew in one commit, whatever file is named', async ({ lab }) => {
    await loaded(lab, {})
    for (const file of [nameOf(2), load]) {
      await replayFile(lab.ports, id, file)
      expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'initial', inputs: { length: 4 } }])
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 4, error: null })
      expect(await values(lab)).toEqual({ 1: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3' })
      expect(await lab.rows('s.t')).toHaveLength(4)
    }
  })

  test('of a table of changes only takes them all again', async ({ lab }) => {
    for (const day of [1, 2]) await landDay(lab, day, [['I', 10 + day, 'new']])
    await lab.set('s.t', { active: true })
    await lab.run()
    await replayFile(lab.ports, id, nameOf(1))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, error: null })
    expect(await lab.rows('s.t')).toHaveLength(2)
    await lab.set('s.t', { primaryKey: 'id' })
    await lab.run()
    await replayFile(lab.ports, id, nameOf(1))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, changes: { unchanged: 2 } })
  })

  test('refuses where files that it would need are gone, and nothing has changed', async ({ lab }) => {
    await loaded(lab)
    await rm(join(lab.landing, 's', 't', nameOf(3)))
    await expect(replayFile(lab.ports, id, nameOf(2))).rejects.toMatchObject({ kind: 'bad-landing' })
    await expect(replayFile(lab.ports, id, nameOf(3))).rejects.toThrow('no landing file')
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await values(lab)).toMatchObject({ 13: 'day 3' })
  })

  test('of a file that was not taken yet is wrong use, and so is one of a table that was never loaded', async ({
    lab,
  }) => {
    await landDay(lab, 1, [])
    await expect(replayFile(lab.ports, id, nameOf(1))).rejects.toThrow('was not loaded yet')
    await loaded(lab)
    await landDay(lab, 4, [])
    await expect(replayFile(lab.ports, id, nameOf(4))).rejects.toThrow('was not taken yet')
  })

  test('obeys a cursor that was set back before it first, and takes no more than that says', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    await replayFile(lab.ports, id, nameOf(3))
    expect(await readRow(lab)).toMatchObject(mirroredCursor(await cursorTo(lab, nameOf(1))))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, error: null })
  })

  test('of a file before a cursor that was set back passes over none of them', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    await replayFile(lab.ports, id, nameOf(1))
    expect(await readRow(lab)).toMatchObject(mirroredCursor(await cursorTo(lab, '0.parquet')))
    const [newest] = await tableHistory(lab.ports, id)
    expect(newest).toMatchObject({ operation: 'REPLAY', receipt: { note: expect.stringContaining('by hand') } })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 3, error: null })
  })

  test('brings back what a cursor that was set forward before it passes over', async ({ lab }) => {
    await loaded(lab)
    await landDays(lab, [4, 5])
    await editRow(lab, await cursorTo(lab, nameOf(5)))
    await replayFile(lab.ports, id, nameOf(3))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 3, error: null })
    expect(await values(lab)).toMatchObject({ 13: 'day 3', 14: 'day 4', 15: 'day 5' })
  })

  test('of a file that a cursor set forward before it passes over takes it', async ({ lab }) => {
    await loaded(lab)
    await landDays(lab, [4, 5])
    await editRow(lab, await cursorTo(lab, nameOf(5)))
    await replayFile(lab.ports, id, nameOf(5))
    const [newest] = await tableHistory(lab.ports, id)
    expect(newest).toMatchObject({ receipt: { passedOver: [{ key: nameOf(4) }] } })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, error: null })
    expect(await values(lab)).toMatchObject({ 13: 'day 3', 15: 'day 5' })
  })
})

test('skip leaves a cursor that was set forward before it what it was: the files up to it are passed over', async ({
  lab,
}) => {
  await loaded(lab)
  await landDays(lab, [4, 5, 6])
  await editRow(lab, await cursorTo(lab, nameOf(5)))
  await skipFile(lab.ports, id, nameOf(6), 'a test')
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', files: 0, error: null })
  expect(await values(lab)).toEqual({ 1: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3' })
})

describe('a table that is to be made anew', () => {
  /** Three files are to be taken again, and a fourth was never taken. */
  const toBeMadeAnew = async (lab: Lab) => {
    await loaded(lab)
    await landDay(lab, 4, [['I', 14, 'day 4']])
    for (const file of [nameOf(1), load]) await replayFile(lab.ports, id, file)
  }

  test('loses none of its files by a cursor that is set forward among those that are taken again', async ({ lab }) => {
    await toBeMadeAnew(lab)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await values(lab)).toEqual({ 1: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3', 14: 'day 4' })
  })

  test('passes over what was never taken', async ({ lab }) => {
    await toBeMadeAnew(lab)
    await editRow(lab, await cursorTo(lab, nameOf(4)))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await values(lab)).toEqual({ 1: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })
})

test('a cursor that was edited before the row was told of a restore is void', async ({ lab }) => {
  await loaded(lab)
  await lab.set('s.t', { retain: '7d' })
  await landDay(lab, 4, [['I', 14, 'day 4']])
  await lab.run()
  const before = await readRow(lab)
  await restoreTable(lab.ports, id, { version: 0, keepProgress: false })
  await writeRow(lab, { ...before, ...(await cursorTo(lab, nameOf(2))) })
  await lab.run()
  expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', ...mirroredCursor(await cursorTo(lab, '0.parquet')) })
  await lab.set('s.t', { active: true })
  expect(await lab.runOne('s.t')).toMatchObject({ files: 4, error: null })
  expect(await values(lab)).toEqual({ 1: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3', 14: 'day 4' })
})

/** The row's cursor beside a twin that says the same: no edit stands. */
const mirroredCursor = ({ LastIncrementalFile: cursor }: Readonly<Record<string, string>>) => ({
  LastIncrementalFile: cursor,
  MirroredIncrementalFile: cursor,
})
