import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { listTables } from '../src/controller/list-tables.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { type Lab, redate } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { id, landChanges, landDay, landLoad, nameOf, values } from './support/plain-table.ts'
import { cursorTo, editRow, readRow } from './support/row-file.ts'

const never = '1900-01-01 00:00:00'

/** Two rows loaded, then a file of changes a day, each in a run of its own. */
async function loaded(lab: Lab, days = 3, options: { primaryKey?: string } = { primaryKey: 'id' }): Promise<void> {
  await landLoad(lab, 'LOAD00000001', [
    [1, 'load'],
    [2, 'load'],
  ])
  await lab.set('s.t', { active: true, ...options })
  await lab.run()
  for (let day = 1; day <= days; day++) {
    await landDay(lab, day, [
      ['I', 10 + day, `day ${String(day)}`],
      ...(options.primaryKey ? [['U', 1, `day ${String(day)}`]] : []),
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, error: null })
  }
}

/** Spoils nothing: an undamaged run leaves the row as the log says. */
async function expectMirrored(lab: Lab): Promise<void> {
  const now = await readRow(lab)
  expect(now).toMatchObject({
    MirroredIncrementalFile: now.LastIncrementalFile,
    MirroredFullLoadDate: now.LastFullLoadDate,
  })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
}

describe('LastIncrementalFile set back', () => {
  test('takes the files after it again, and ends as they say', async ({ lab }) => {
    await loaded(lab)
    await landDay(lab, 3, [['U', 1, 'corrected']])
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 2, error: null })
    expect(await values(lab)).toEqual({ 1: 'corrected', 2: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3' })
    expect(await readRow(lab)).toMatchObject(await cursorTo(lab, nameOf(3)))
    await expectMirrored(lab)
  })

  test('to the cursor of a new row takes all of them again, however old', async ({ lab }) => {
    await loaded(lab, 5)
    await editRow(lab, await cursorTo(lab, '0.parquet'))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 5, changes: { inserted: 0, updated: 0, unchanged: 6 } })
    expect(await values(lab)).toMatchObject({ 1: 'day 5', 11: 'day 1' })
    await expectMirrored(lab)
  })

  test('is planned as it is done, and history tells it', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    expect(await planTables(lab.ports, [])).toMatchObject([
      { work: 'incremental', inputs: [nameOf(2), nameOf(3)], error: null },
    ])
    expect(await listTables(lab.ports)).toMatchObject([{ status: 'ready', pending: 2 }])
    await lab.run()
    const [taken, moved] = await tableHistory(lab.ports, id)
    expect(taken).toMatchObject({ operation: 'MERGE', receipt: { landingFiles: [nameOf(2), nameOf(3)] } })
    expect(moved).toMatchObject({ operation: 'REPLAY', receipt: { landingFiles: [], filesRewritten: 0 } })
    expect(moved?.receipt?.note).toContain(`${nameOf(2)} and what follows is taken again`)
  })

  test('by base name alone will do', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, { LastIncrementalFile: nameOf(2) })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, error: null })
    await expectMirrored(lab)
  })

  test('again to the same file is obeyed again', async ({ lab }) => {
    await loaded(lab)
    for (let times = 0; times < 2; times++) {
      await editRow(lab, await cursorTo(lab, nameOf(2)))
      expect(await lab.runOne('s.t')).toMatchObject({ files: 1 })
    }
    await expectMirrored(lab)
  })

  test('leaves late files, other contents and a late full load to be seen as ever', async ({ lab }) => {
    await loaded(lab, 4)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    await lab.run()
    await landChanges(lab, '20240104-000000000', [['U', 2, 'other content']])
    await landChanges(lab, '20240103-120000000', [['U', 1, 'late']])
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await values(lab)).toMatchObject({ 1: 'late', 2: 'other content' })
    await landLoad(lab, 'LOAD00000002', [
      [1, 'late load'],
      [7, 'late load'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 6 })
    expect(await values(lab)).toMatchObject({ 1: 'late', 7: 'late load', 14: 'day 4' })
  })

  test('does not bring a skipped file back', async ({ lab }) => {
    const { skipFile } = await import('../src/controller/landing-commands.ts')
    await loaded(lab, 2)
    await lab.landBytes(`s/t/${nameOf(3)}`, 'no parquet')
    await skipFile(lab.ports, id, nameOf(3), 'damaged')
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, error: null })
    await expectMirrored(lab)
  })

  test.for([
    ['back', nameOf(2), { 1: 'day 3', 2: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3', 14: 'day 4', 15: 'day 5' }],
    ['forward', nameOf(4), { 1: 'day 3', 2: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3', 15: 'day 5' }],
  ] as const)(
    '%s while a replay of the full load waits leaves no change out that was taken',
    async ([, to, expected], { lab }) => {
      await loaded(lab)
      await replayFile(lab.ports, id, 'LOAD00000001.parquet')
      await landDay(lab, 4, [['I', 14, 'day 4']])
      await landDay(lab, 5, [['I', 15, 'day 5']])
      await editRow(lab, await cursorTo(lab, to))
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
      expect(await values(lab)).toEqual(expected)
      await expectMirrored(lab)
    },
  )

  test('over files that are gone holds the table where older values would come back', async ({ lab }) => {
    await loaded(lab)
    await rm(join(lab.landing, 's', 't', nameOf(3)))
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    const held = await lab.runOne('s.t')
    expect(held).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(held.error?.message).toContain(nameOf(3))
    expect(await readRow(lab)).toMatchObject(await cursorTo(lab, nameOf(1)))
    expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'held' }])
    expect(await values(lab)).toMatchObject({ 1: 'day 3' })
    await editRow(lab, await cursorTo(lab, nameOf(3)))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 0 })
    await expectMirrored(lab)
  })

  test('over files that expired takes what is left', async ({ lab }) => {
    await loaded(lab, 4)
    await rm(join(lab.landing, 's', 't', nameOf(1)))
    await editRow(lab, await cursorTo(lab, '0.parquet'))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 3, error: null })
    expect(await values(lab)).toMatchObject({ 1: 'day 4', 11: 'day 1' })
  })
})

describe('LastIncrementalFile set forward', () => {
  test('passes over the files up to it, for good, and verify does not miss them', async ({ lab }) => {
    await loaded(lab, 1)
    for (const day of [2, 3, 4])
      await landDay(lab, day, [
        ['U', 2, `day ${String(day)}`],
        ['I', 20 + day, 'new'],
      ])
    await editRow(lab, await cursorTo(lab, nameOf(3)))
    expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'incremental', inputs: [nameOf(4)] }])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, error: null })
    expect(await values(lab)).toEqual({ 1: 'day 1', 2: 'day 4', 11: 'day 1', 24: 'new' })
    const passed = (await tableHistory(lab.ports, id)).flatMap(({ receipt }) => receipt?.passedOver ?? [])
    expect(passed.map(({ key }) => key)).toEqual([nameOf(2), nameOf(3)])
    await expectMirrored(lab)
    await landLoad(lab, 'LOAD00000002', [[5, 'late load']])
    await lab.run()
    expect(await values(lab)).toEqual({ 1: 'day 1', 2: 'day 4', 5: 'late load', 11: 'day 1', 24: 'new' })
  })

  test('passes over a damaged file that holds the table', async ({ lab }) => {
    await loaded(lab, 1)
    await lab.landBytes(`s/t/${nameOf(2)}`, 'no parquet')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 0, error: null })
    expect(await values(lab)).toMatchObject({ 1: 'day 1' })
    await expectMirrored(lab)
  })

  test('and back takes them after all', async ({ lab }) => {
    await loaded(lab, 1)
    await landDay(lab, 2, [['I', 22, 'new']])
    await editRow(lab, await cursorTo(lab, nameOf(3)))
    await lab.run()
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1 })
    expect(await values(lab)).toMatchObject({ 22: 'new' })
  })
})

describe('LastFullLoadDate', () => {
  test('set back loads the table again, as a new generation, with the changes that follow', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, { LastFullLoadDate: never })
    expect(await planTables(lab.ports, [])).toMatchObject([
      { work: 'initial', inputs: ['LOAD00000001.parquet', ...[1, 2, 3].map(nameOf)] },
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 4, error: null })
    expect(await values(lab)).toEqual({ 1: 'day 3', 2: 'load', 11: 'day 1', 12: 'day 2', 13: 'day 3' })
    await expectMirrored(lab)
  })

  test('and the file cursor set together: only changes behind the cursor follow the load', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, { LastFullLoadDate: never, ...(await cursorTo(lab, nameOf(2))) })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 2, error: null })
    expect(await values(lab)).toEqual({ 1: 'day 3', 2: 'load', 13: 'day 3' })
    await expectMirrored(lab)
  })

  test('set back to between two LOAD objects loads the newer alone', async ({ lab }) => {
    await redate(await landLoad(lab, 'LOAD00000001', [[1, 'old']]), '2024-01-01T00:00:00Z')
    await redate(await landLoad(lab, 'LOAD00000002', [[2, 'new']]), '2024-01-02T00:00:00.700Z')
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    expect(await readRow(lab)).toMatchObject({ LastFullLoadDate: '2024-01-02 00:00:00' })
    await editRow(lab, { LastFullLoadDate: '2024-01-01 00:00:00' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 1, error: null })
    expect(await values(lab)).toEqual({ 2: 'new' })
    await expectMirrored(lab)
  })

  test('set forward passes over LOAD objects up to it', async ({ lab }) => {
    await loaded(lab, 1)
    await redate(await landLoad(lab, 'LOAD00000001', [[9, 'reload']]), '2030-01-01T00:00:00.500Z')
    await editRow(lab, { LastFullLoadDate: '2030-01-01 00:00:00' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 0, error: null })
    expect(await values(lab)).toMatchObject({ 1: 'day 1', 2: 'load' })
    expect(await readRow(lab)).toMatchObject({ LastFullLoadDate: '2030-01-01 00:00:00' })
    await expectMirrored(lab)
  })
})

describe('a table without a key', () => {
  test('is made anew in one commit by a cursor set back, each file in it once', async ({ lab }) => {
    await loaded(lab, 3, {})
    const before = await lab.rows('s.t')
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'initial', inputs: { length: 4 } }])
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'initial', files: 4, changes: { inserted: 5, deleted: 5 }, error: null })
    expect(await lab.rows('s.t')).toEqual(before)
    expect((await tableHistory(lab.ports, id)).map(({ operation }) => operation).slice(0, 2)).toEqual([
      'REBUILD',
      'REPLAY',
    ])
    await values(lab)
    await expectMirrored(lab)
  })

  test('is held where fewer change files are there than were taken', async ({ lab }) => {
    await loaded(lab, 3, {})
    const path = join(lab.landing, 's', 't', nameOf(1))
    await rm(path)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(await lab.rows('s.t')).toHaveLength(5)
    await landDay(lab, 1, [['I', 11, 'day 1']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await lab.rows('s.t')).toHaveLength(5)
  })

  test('is made of a full load that has come since, whatever that one leaves out', async ({ lab }) => {
    const reload = async (day: number) => {
      const dated = `2024-01-${String(day).padStart(2, '0')}T00:00:00Z`
      await redate(await landLoad(lab, 'LOAD00000001', [[day, 'load']]), dated)
    }
    await loaded(lab, 0, {})
    await reload(2)
    await redate(await landDay(lab, 3, [['I', 13, 'day 3']]), '2024-01-03T00:00:00Z')
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, error: null })
    await editRow(lab, await cursorTo(lab, '0.parquet'))
    await reload(9)
    await redate(await landDay(lab, 10, [['I', 20, 'day 10']]), '2024-01-10T00:00:00Z')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 2, error: null })
    expect(await values(lab)).toEqual({ 9: 'load', 20: 'day 10' })
    await expectMirrored(lab)
  })

  test('passes over files by a cursor set forward, and they are not in what is made anew', async ({ lab }) => {
    await loaded(lab, 1, {})
    await landDay(lab, 2, [['I', 22, 'passed']])
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, filesAdded: 0, error: null })
    await editRow(lab, { LastFullLoadDate: never })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 2, error: null })
    expect(await lab.rows('s.t')).toHaveLength(3)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 3, error: null })
    expect(await lab.rows('s.t')).toHaveLength(4)
    await expectMirrored(lab)
  })
})

describe('the row and the log', () => {
  test('no twin and no log: the cursors are the starting point', async ({ lab }) => {
    await redate(await landLoad(lab, 'LOAD00000001', [[1, 'old']]), '2024-01-01T00:00:00Z')
    await redate(await landLoad(lab, 'LOAD00000002', [[2, 'new']]), '2024-01-03T00:00:00Z')
    for (const day of [1, 2, 3]) await landDay(lab, day, [['I', 10 + day, 'new']])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await editRow(lab, { LastFullLoadDate: '2024-01-02 00:00:00', ...(await cursorTo(lab, nameOf(2))) })
    expect(await planTables(lab.ports, [])).toMatchObject([
      { work: 'initial', inputs: ['LOAD00000002.parquet', nameOf(3)] },
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 2, error: null })
    expect(await values(lab)).toEqual({ 2: 'new', 13: 'new' })
    await expectMirrored(lab)
    await editRow(lab, await cursorTo(lab, '0.parquet'))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 3, error: null })
    expect(await values(lab)).toEqual({ 2: 'new', 11: 'new', 12: 'new', 13: 'new' })
  })

  test('no twin and a log: the log wins', async ({ lab }) => {
    await loaded(lab, 2)
    await editRow(lab, {
      ...(await cursorTo(lab, '0.parquet')),
      LastFullLoadDate: never,
      MirroredIncrementalFile: undefined,
      MirroredFullLoadDate: undefined,
      Version: undefined,
    })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', files: 0, error: null })
    expect(await readRow(lab)).toMatchObject({ Version: 2, ...(await cursorTo(lab, nameOf(2))) })
    await expectMirrored(lab)
  })

  test('a Version and no log is a corrupt lake', async ({ lab }) => {
    await loaded(lab, 1)
    await rm(join(lab.lake, '_dmscdc'), { recursive: true })
    await landDay(lab, 2, [['U', 1, 'x']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'corrupt-lake' } })
  })

  test.for([
    ['LastIncrementalFile', 'another/table/20240101-000000000.parquet'],
    ['LastIncrementalFile', 'LOAD00000001.parquet'],
    ['LastFullLoadDate', '2024-13-77 00:00:00'],
  ] as const)(
    '%s = %s holds the table, names the attribute, and stays as it was written',
    async ([name, value], { lab }) => {
      await loaded(lab, 1)
      await editRow(lab, { [name]: value })
      const held = await lab.runOne('s.t')
      expect(held).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
      expect(held.error?.message).toContain(name)
      expect(await readRow(lab)).toMatchObject({ [name]: value })
      expect(await listTables(lab.ports)).toMatchObject([{ status: 'held' }])
    },
  )
})
