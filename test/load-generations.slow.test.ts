import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import type { Ports } from '../src/ports.ts'
import { type Lab, redate } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { changeRow, type Rows, row, values } from './support/plain-table.ts'

async function landLoad(lab: Lab, name: string, rows: Rows, date: string): Promise<void> {
  await redate(await lab.land(`s/t/${name}.parquet`, rowsOf(row, rows)), date)
}

async function landChanges(lab: Lab, name: string, rows: Rows, date: string): Promise<void> {
  await redate(await lab.land(`s/t/${name}.parquet`, rowsOf(changeRow, rows)), date)
}

/** A table loaded on 2 January with one change of 3 January. */
async function loaded(lab: Lab, options: { primaryKey?: string } = { primaryKey: 'id' }): Promise<void> {
  await landLoad(
    lab,
    'LOAD00000001',
    [
      [1, 'load'],
      [2, 'load'],
    ],
    '2024-01-02T00:00:00Z',
  )
  await landChanges(lab, '20240103-000000000', [['I', 3, 'change of 3 January']], '2024-01-03T00:00:00Z')
  await lab.set('s.t', { active: true, ...options })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
  expect(await values(lab)).toEqual({ 1: 'load', 2: 'load', 3: 'change of 3 January' })
}

function laterBy(ports: Ports, date: string): Ports {
  return { ...ports, clock: { ...ports.clock, nowMs: () => Date.parse(date) } }
}

describe('a taken LOAD file with other content', () => {
  test('replaces the table in one commit, and old changes stay left out', async ({ lab }) => {
    await loaded(lab)
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'initial', files: 1, version: 2, changes: { inserted: 1, deleted: 3 } })
    expect(await values(lab)).toEqual({ 7: 'reload' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('leaves no file of the old generation in the folder', async ({ lab }) => {
    await loaded(lab)
    const before = await filesBelow(`${lab.lake}/s/t`)
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    await lab.run()
    const after = await filesBelow(`${lab.lake}/s/t`)
    expect(after.filter((key) => before.includes(key))).toEqual([])
    expect(after).toHaveLength(1)
  })

  test('replaces a table without a key too', async ({ lab }) => {
    await loaded(lab, {})
    await landLoad(
      lab,
      'LOAD00000001',
      [
        [7, 'reload'],
        [7, 'reload'],
      ],
      '2024-01-05T00:00:00Z',
    )
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', changes: { inserted: 2, deleted: 3 } })
    expect(await lab.rows('s.t')).toHaveLength(2)
  })

  test('makes the generation of all LOAD files that are there', async ({ lab }) => {
    await loaded(lab)
    await landLoad(lab, 'LOAD00000002', [[8, 'reload 2']], '2024-01-05T00:00:01Z')
    await landLoad(lab, 'LOAD00000001', [[7, 'reload 1']], '2024-01-05T00:00:00Z')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 2 })
    expect(await values(lab)).toEqual({ 7: 'reload 1', 8: 'reload 2' })
  })

  test('with the same bytes under a new date is nothing', async ({ lab }) => {
    await loaded(lab)
    await landLoad(
      lab,
      'LOAD00000001',
      [
        [1, 'load'],
        [2, 'load'],
      ],
      '2024-01-05T00:00:00Z',
    )
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', version: 1, files: 0 })
    await landChanges(lab, '20240106-000000000', [['U', 1, 'changed']], '2024-01-06T00:00:00Z')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 1, changes: { updated: 1 } })
    expect(await values(lab)).toEqual({ 1: 'changed', 2: 'load', 3: 'change of 3 January' })
  })
})

describe('change files and a replacing generation of 5 January', () => {
  const cases: [string, string, string, boolean][] = [
    ['before by name and by date is left out', '20240104-000000000', '2024-01-04T00:00:00Z', false],
    ['before by name alone is applied', '20240104-000000000', '2024-01-05T00:00:01Z', true],
    ['before by date alone is applied', '20240105-000000001', '2024-01-04T00:00:00Z', true],
    ['after by name and by date is applied', '20240106-000000000', '2024-01-06T00:00:00Z', true],
    ['of the very same time is applied', '20240105-000000000', '2024-01-05T00:00:00Z', true],
  ]
  test.for(cases)('a new one %s', async ([, name, date, applied], { lab }) => {
    await loaded(lab)
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    await landChanges(lab, name, [['U', 7, 'changed']], date)
    await lab.run()
    expect(await values(lab)).toEqual({ 7: applied ? 'changed' : 'reload' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('one that was taken before is applied again if it lies after the load', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240106-000000000', [['U', 1, 'change of 6 January']], '2024-01-06T00:00:00Z')
    await lab.run()
    await landLoad(lab, 'LOAD00000001', [[1, 'reload']], '2024-01-05T00:00:00Z')
    await lab.run()
    expect(await values(lab)).toEqual({ 1: 'change of 6 January' })
  })

  test('the oldest LOAD object of the generation decides', async ({ lab }) => {
    await loaded(lab)
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    await landLoad(lab, 'LOAD00000002', [[8, 'reload']], '2024-01-09T00:00:00Z')
    await landChanges(lab, '20240107-000000000', [['U', 7, 'changed']], '2024-01-07T00:00:00Z')
    await lab.run()
    expect(await values(lab)).toEqual({ 7: 'changed', 8: 'reload' })
  })

  test('names are read in the row’s LandingTimezone', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'load']]))
    await lab.set('s.t', { active: true, primaryKey: 'id', landingTimezone: 'America/New_York' })
    await lab.run()
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    await landChanges(lab, '20240104-180000000', [['U', 7, 'left out']], '2024-01-04T23:59:00Z')
    await landChanges(lab, '20240104-200000000', [['U', 7, 'applied']], '2024-01-04T23:59:00Z')
    await lab.run()
    expect(await values(lab)).toEqual({ 7: 'applied' })
  })

  test('a late LOAD file of it brings no left-out change back', async ({ lab }) => {
    await loaded(lab)
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    await landChanges(lab, '20240106-000000000', [['U', 8, 'changed']], '2024-01-06T00:00:00Z')
    await lab.run()
    await landLoad(
      lab,
      'LOAD00000002',
      [
        [8, 'reload 2'],
        [9, 'reload 2'],
      ],
      '2024-01-05T00:00:01Z',
    )
    await lab.run()
    expect(await values(lab)).toEqual({ 7: 'reload', 8: 'changed', 9: 'reload 2' })
  })
})

describe('LoadSettle', () => {
  test('lets a replacing generation wait, and it is then taken although nothing new lands', async ({ lab }) => {
    await loaded(lab)
    await lab.set('s.t', { loadSettle: '30m' })
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    const early = laterBy(lab.ports, '2024-01-05T00:29:59Z')
    expect(await lab.runOne('s.t', { ports: early })).toMatchObject({ files: 0, error: null })
    expect(await values(lab)).toEqual({ 1: 'load', 2: 'load', 3: 'change of 3 January' })
    expect(await lab.runOne('s.t', { ports: early })).toMatchObject({ files: 0 })
    const late = laterBy(lab.ports, '2024-01-05T00:30:00Z')
    expect(await lab.runOne('s.t', { ports: late })).toMatchObject({ status: 'initial' })
    expect(await values(lab)).toEqual({ 7: 'reload' })
  })

  test('waits for the newest of its LOAD objects', async ({ lab }) => {
    await loaded(lab)
    await lab.set('s.t', { loadSettle: '30m' })
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    await landLoad(lab, 'LOAD00000002', [[8, 'reload']], '2024-01-05T00:20:00Z')
    expect(await lab.runOne('s.t', { ports: laterBy(lab.ports, '2024-01-05T00:45:00Z') })).toMatchObject({ files: 0 })
    const report = await lab.runOne('s.t', { ports: laterBy(lab.ports, '2024-01-05T00:50:00Z') })
    expect(report).toMatchObject({ status: 'initial', files: 2 })
  })

  test('meanwhile changes are applied to the old generation, and then to the new one', async ({ lab }) => {
    await loaded(lab)
    await lab.set('s.t', { loadSettle: '30m' })
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']], '2024-01-05T00:00:00Z')
    await landChanges(lab, '20240105-000001000', [['U', 1, 'changed']], '2024-01-05T00:00:01Z')
    const early = laterBy(lab.ports, '2024-01-05T00:10:00Z')
    expect(await lab.runOne('s.t', { ports: early })).toMatchObject({ status: 'incremental', files: 1 })
    expect(await values(lab)).toEqual({ 1: 'changed', 2: 'load', 3: 'change of 3 January' })
    await lab.runOne('s.t', { ports: laterBy(lab.ports, '2024-01-05T01:00:00Z') })
    expect(await values(lab)).toEqual({ 1: 'changed', 7: 'reload' })
  })

  test('does not delay a first load, nor a late file of one', async ({ lab }) => {
    const now = laterBy(lab.ports, '2024-01-05T00:00:01Z')
    await landLoad(lab, 'LOAD00000001', [[1, 'load']], '2024-01-05T00:00:00Z')
    await lab.set('s.t', { active: true, primaryKey: 'id', loadSettle: '30m' })
    expect(await lab.runOne('s.t', { ports: now })).toMatchObject({ status: 'initial' })
    await landLoad(lab, 'LOAD00000002', [[2, 'load']], '2024-01-05T00:00:00Z')
    expect(await lab.runOne('s.t', { ports: now })).toMatchObject({ files: 1 })
  })
})

test('a first full load behind changes that are gone holds the table, and a replay from it is the way out', async ({
  lab,
}) => {
  await landChanges(lab, '20240103-000000000', [['I', 3, 'change of 3 January']], '2024-01-03T00:00:00Z')
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
  await rm(join(lab.landing, 's/t/20240103-000000000.parquet'))
  await landLoad(lab, 'LOAD00000001', [[1, 'load']], '2024-01-04T00:00:00Z')
  await landChanges(lab, '20240105-000000000', [['I', 5, 'change of 5 January']], '2024-01-05T00:00:00Z')
  const { status, error } = await lab.runOne('s.t')
  expect({ status, kind: error?.kind }).toEqual({ status: 'held', kind: 'bad-landing' })
  expect(error?.message).toContain('LOAD00000001.parquet came late, and 1 change files')
  expect(error?.hint).toContain('dmscdc replay s.t --from LOAD00000001.parquet')
  expect(await values(lab)).toEqual({ 3: 'change of 3 January' })
  await replayFile(lab.ports, { schema: 's', table: 't' }, 'LOAD00000001.parquet')
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
  expect(await values(lab)).toEqual({ 1: 'load', 5: 'change of 5 January' })
})
