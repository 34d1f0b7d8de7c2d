import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { Ports } from '../src/ports.ts'
import { faultyPorts, startTestProcess } from './support/faulty-ports.ts'
import type { Lab } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'

const types = { Op: 'varchar', id: 'bigint', v: 'varchar' }
const change = (op: string, id: number, v: string) => rowsOf(types, [[op, id, v]])
const dayMs = 86_400_000

/** Loaded, then three days of changes, one file a day. */
async function threeDays(lab: Lab, landed: string, options: { readonly primaryKey?: string } = { primaryKey: 'id' }) {
  await lab.land('s/t/LOAD00000001.parquet', change('I', 1, 'load'))
  for (const day of [1, 2, 3]) await lab.land(fileOf(day), change('I', day + 1, `day ${String(day)}`))
  await lab.run()
  await lab.set('s.t', { active: true, landed, ...options })
}

const fileOf = (day: number, time = '000000000') => `s/t/2024010${String(day)}-${time}.parquet`
const afterDays = (ports: Ports, days: number): Ports => ({
  ...ports,
  clock: { ...ports.clock, nowMs: () => ports.clock.nowMs() + days * dayMs },
})

describe('landing files that were taken', () => {
  test('stay where they are by default', async ({ lab }) => {
    await threeDays(lab, 'keep')
    await lab.run()
    expect(await filesBelow(lab.landing)).toHaveLength(4)
  })

  test('are deleted when they are older than the look-back, but for the full load', async ({ lab }) => {
    await threeDays(lab, 'delete')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 4, warnings: [] })
    expect(await filesBelow(lab.landing)).toEqual([
      's/t/20240102-000000000.parquet',
      's/t/20240103-000000000.parquet',
      's/t/LOAD00000001.parquet',
    ])
    const idle = await lab.runOne('s.t')
    expect(idle).toMatchObject({ status: 'idle', requests: { list: 1, get: 0, put: 0 }, warnings: [] })
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: 4 }])
  })

  test('are kept while a late file may need them, which then comes out right', async ({ lab }) => {
    await threeDays(lab, 'delete')
    await lab.run()
    await lab.land(fileOf(2, '120000000'), change('U', 4, 'late'))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    expect((await lab.rows('s.t', 'id')).map(({ v }) => v)).toEqual(['load', 'day 1', 'day 2', 'day 3'])
  })

  test('stay as long as the row says, and go from an idle table when that time has passed', async ({ lab }) => {
    await threeDays(lab, 'delete:30d')
    await lab.run()
    expect(await filesBelow(lab.landing)).toHaveLength(4)
    expect(await lab.runOne('s.t', { ports: afterDays(lab.ports, 29) })).toMatchObject({ requests: { get: 0 } })
    expect(await lab.runOne('s.t', { ports: afterDays(lab.ports, 31) })).toMatchObject({ status: 'idle', error: null })
    expect(await filesBelow(lab.landing)).toHaveLength(3)
    expect(await lab.runOne('s.t', { ports: afterDays(lab.ports, 31) })).toMatchObject({ requests: { get: 0 } })
  })

  test('are moved to an archive that is no table, and back again they are nothing new', async ({ lab }) => {
    await threeDays(lab, 'archive:_taken/old')
    await lab.run()
    const archived = '_taken/old/s/t/20240101-000000000.parquet'
    expect(await filesBelow(lab.landing)).toEqual([
      '_taken/_dmscdc-archive',
      archived,
      's/t/20240102-000000000.parquet',
      's/t/20240103-000000000.parquet',
      's/t/LOAD00000001.parquet',
    ])
    expect((await lab.run()).map(({ table }) => table)).toEqual(['s.t'])
    await lab.ports.landing.copy(archived, 's/t/20240101-000000000.parquet')
    await lab.set('s.t', { landed: 'keep' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', error: null })
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: 4 }])
  })

  test('go no matter where a run is killed among the copies and deletions, at the latest with the next', async ({
    lab,
  }) => {
    await threeDays(lab, 'archive:_taken')
    const before = new Date('2024-01-01')
    let died = 0
    for (const at of ['put', 'copy', 'delete']) {
      for (const kind of ['die-before', 'die-after'] as const) {
        const fault = {
          at: ({ port, verb }: { port: string; verb: string }) => port === 'landing' && verb === at,
          kind,
        }
        const { holder, end } = startTestProcess()
        const run = faultyPorts({ ...lab.ports, holder }, fault)
        await lab.run({ ports: run.ports })
        end()
        died += Number(run.struck())
        const next = startTestProcess()
        expect((await lab.run({ ports: { ...lab.ports, holder: next.holder } }))[0]).toMatchObject({ error: null })
        const files = await filesBelow(lab.landing)
        expect(files.filter((key) => key.endsWith('20240101-000000000.parquet'))).toEqual([
          '_taken/s/t/20240101-000000000.parquet',
        ])
        await utimes(await lab.land(fileOf(1), change('I', 2, 'day 1')), before, before)
      }
    }
    expect(died).toBeGreaterThanOrEqual(5)
  })

  test('are not touched where nobody is known to have taken them', async ({ lab }) => {
    await threeDays(lab, 'delete')
    await lab.run()
    await lab.land(fileOf(1, '000000001'), change('I', 9, 'far too late'))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await filesBelow(lab.landing)).toContain(fileOf(1, '000000001'))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', requests: { get: 0 } })
    expect(await lab.verify()).toMatchObject([{ ok: false, problems: [{ kind: 'untaken' }] }])
  })

  test('of a table of changes only go without a word that all of them are gone', async ({ lab }) => {
    for (const day of [1, 2, 3]) await lab.land(fileOf(day), change('I', day, 'x'))
    await lab.run()
    await lab.set('s.t', { active: true, landed: 'delete', lookBack: '0' })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 3, warnings: [] })
    expect(await filesBelow(lab.landing)).toEqual(['s/t/20240103-000000000.parquet'])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', warnings: [] })
  })

  test('that a partly replaced full load would need again hold the table', async ({ lab }) => {
    await threeDays(lab, 'delete')
    const second = await lab.land('s/t/LOAD00000002.parquet', change('I', 100, 'load 2'))
    await lab.run()
    await utimes(join(lab.landing, 's/t/LOAD00000001.parquet'), new Date('2023-12-31'), new Date('2023-12-31'))
    await lab.land('s/t/LOAD00000002.parquet', change('I', 101, 'load 2 anew'))
    expect(second).toContain('LOAD00000002')
    expect(await lab.runOne('s.t')).toMatchObject({
      status: 'held',
      error: { kind: 'bad-landing', message: expect.stringContaining('replaced in part') },
    })
  })
})

describe('an archive', () => {
  test('cannot be a schema, the table’s own or another', async ({ lab }) => {
    await threeDays(lab, 'archive:s/old')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
    await lab.land('other/t/LOAD00000001.parquet', change('I', 1, 'x'))
    await lab.set('s.t', { landed: 'archive:other' })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'initial', warnings: [expect.stringContaining('is in use')] })
    expect(await filesBelow(lab.landing)).toHaveLength(5)
  })
})
