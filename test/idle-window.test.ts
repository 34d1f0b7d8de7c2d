import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { listTables } from '../src/controller/list-tables.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import type { Ports } from '../src/ports.ts'
import { faultyPorts, timelessFaults } from './support/faulty-ports.ts'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'
import { editRow, readRow } from './support/row-file.ts'
import { smallPages } from './support/small-pages.ts'

const id = { schema: 's', table: 't' }
const load = 's/t/LOAD00000001.parquet'
const columns = { id: 'bigint', v: 'varchar' }
const change = (v: string) => rowsOf({ Op: 'varchar', ...columns }, [['U', 1, v]])
const hourMs = 3_600_000
const flat = (hour: number, minute = 0) => `s/t/${stamp(hour, minute)}.parquet`
const stamp = (hour: number, minute = 0) =>
  new Date(Date.UTC(2024, 0, 1, hour, minute))
    .toISOString()
    .replace(/^(....)-(..)-(..)T(..):(..):(..)\.(...)Z$/u, '$1$2$3-$4$5$6$7')

/** Four names are a page: 13 files are four of them, and those in the window of two hours are one. */
const pageKeys = 4
const hours = 12
const wholeLists = 4

type Bed = { readonly ports: Ports; advance(hours: number): void; run(): ReturnType<Lab['runOne']> }

async function loadedBed(
  lab: Lab,
  { keyOf = flat, ...options }: Parameters<Lab['set']>[1] & { readonly keyOf?: (hour: number) => string } = {},
): Promise<Bed> {
  let laterMs = 0
  const clock = { ...lab.ports.clock, nowMs: () => lab.ports.clock.nowMs() + laterMs }
  const ports = { ...lab.ports, clock, landing: smallPages(lab.ports.landing, pageKeys) }
  await lab.land(load, rowsOf(columns, [[1, 'loaded']]))
  const first = await lab.land(keyOf(1), change('changed'))
  const body = await readFile(first)
  for (let hour = 2; hour <= hours; hour++) await lab.landBytes(keyOf(hour), body)
  await lab.run({ ports })
  await lab.set('s.t', { active: true, primaryKey: 'id', lookBack: '2h', ...options })
  const bed = {
    ports,
    run: () => lab.runOne('s.t', { ports }),
    advance: (hours: number) => {
      laterMs += hours * hourMs
    },
  }
  expect(await bed.run()).toMatchObject({ status: 'initial', error: null, files: hours + 1 })
  return bed
}

const idleBy = (lists: number) => ({
  status: 'idle',
  error: null,
  requests: { get: 0, put: 0, copy: 0, list: lists, delete: 0 },
})
const remove = (lab: Lab, ...keys: readonly string[]) =>
  Promise.all(keys.map((key) => rm(join(lab.landing, key), { recursive: true })))

describe('an idle table with more landing files than a page', () => {
  test('is known by the names of its look-back window, whatever lies before it', async ({ lab }) => {
    const { run, ports } = await loadedBed(lab)
    const row = await readRow(lab)
    for (let time = 0; time < 3; time++) expect(await run()).toMatchObject(idleBy(1))
    expect(await readRow(lab)).toEqual(row)
    expect(await planTables(ports, [id])).toMatchObject([{ work: 'idle', requests: { list: 1 } }])
  })

  test('has a window that moves on with what is taken', async ({ lab }) => {
    const { run } = await loadedBed(lab)
    for (const hour of [1, 2, 3]) {
      await lab.land(flat(hours + hour), change(String(hour)))
      expect(await run()).toMatchObject({ status: 'incremental', files: 1 })
      expect(await run()).toMatchObject(idleBy(1))
    }
  })

  test('is listed whole once in 23 hours at least, and by its window from then on', async ({ lab }) => {
    const { run, advance } = await loadedBed(lab)
    advance(11.9)
    expect(await run()).toMatchObject(idleBy(1))
    for (let day = 0; day < 3; day++) {
      advance(23)
      expect(await run()).toMatchObject(idleBy(wholeLists))
      expect(await run()).toMatchObject(idleBy(1))
    }
  })

  test('is left to the run that wrote its row while it was listed whole', async ({ lab }) => {
    const { ports, advance } = await loadedBed(lab)
    advance(23)
    const list: typeof ports.landing.list = async (options) => {
      const isDiscovery = options.delimiter !== undefined
      if (!isDiscovery) await ports.state.update(id, { remove: ['Digest'] }, {})
      return ports.landing.list(options)
    }
    const report = await lab.runOne('s.t', { ports: { ...ports, landing: { ...ports.landing, list } } })
    expect(report).toMatchObject(idleBy(wholeLists))
    expect(await readRow(lab)).not.toHaveProperty('Digest')
  })

  test('is listed whole while the row says how long by a clock that is days ahead', async ({ lab }) => {
    const { run, advance } = await loadedBed(lab)
    advance(-72)
    expect(await run()).toMatchObject(idleBy(wholeLists))
    expect(await run()).toMatchObject(idleBy(1))
  })
})

describe('what lands in the window of such a table is taken by the next run', () => {
  const arrivals: Record<string, (lab: Lab) => Promise<unknown>> = {
    'a change file': (lab) => lab.land(flat(hours + 1), change('next')),
    'a change file that comes late': (lab) => lab.land(flat(hours - 1, 30), change('late')),
    'a change file with the first name behind the look-back': (lab) =>
      lab.land(`s/t/${stamp(hours - 2)}0.parquet`, change('late')),
    'a taken change file with other content': (lab) => lab.land(flat(hours), change('again')),
    'a LOAD file with other content': (lab) => lab.land(load, rowsOf(columns, [[2, 'reloaded']])),
    'another LOAD file': (lab) => lab.land('s/t/LOAD00000002.parquet', rowsOf(columns, [[3, 'late load']])),
    'a LOAD file in a segment folder': (lab) => lab.land('s/t/p1/LOAD00000001.parquet', rowsOf(columns, [[3, 'x']])),
    'a change file in a date folder that sorts behind the cursor': (lab) =>
      lab.land(`s/t/20240102/${stamp(hours + 13)}.parquet`, change('next')),
  }
  test.for(Object.entries(arrivals))('%s', async ([, land], { lab }) => {
    const { run } = await loadedBed(lab)
    await run()
    await land(lab)
    expect(await run()).toMatchObject({ status: expect.stringMatching(/^in/u), error: null })
    expect(await run()).toMatchObject({ status: 'idle', requests: { get: 0, put: 0 } })
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('files of transaction mode are warned of at every run, wherever they lie', async ({ lab }) => {
    const { run } = await loadedBed(lab)
    const warned = { error: null, warnings: [expect.stringContaining('CDC_TXN')] }
    await lab.land('s/t/CDC_TXN-00000000000000000001.parquet', change('x'))
    for (let time = 0; time < 2; time++) expect(await run()).toMatchObject(warned)
    await remove(lab, 's/t/CDC_TXN-00000000000000000001.parquet')
    await lab.land('s/t/2023/CDC_TXN-00000000000000000001.parquet', change('x'))
    await lab.land(flat(hours + 1), change('next'))
    for (let time = 0; time < 2; time++) expect(await run()).toMatchObject(warned)
  })
})

describe('what lands before the window of such a table', () => {
  test('is no part of it, and verify names it', async ({ lab }) => {
    const { run } = await loadedBed(lab)
    await lab.land(flat(hours - 3, 30), change('too late'))
    expect(await run()).toMatchObject(idleBy(1))
    expect(await lab.verify()).toMatchObject([{ problems: [{ kind: 'untaken' }] }])
  })

  test('under date folders for the first time is taken within 23 hours, and told by `tables` before', async ({
    lab,
  }) => {
    const { run, ports, advance } = await loadedBed(lab)
    await lab.land(`s/t/2024/01/01/${stamp(hours + 1)}.parquet`, change('in a folder'))
    expect(await run()).toMatchObject(idleBy(1))
    expect(await listTables(ports)).toMatchObject([{ pending: 1 }])
    advance(23)
    expect(await run()).toMatchObject({ status: 'incremental', files: 1, error: null })
    expect(await lab.rows('s.t')).toEqual([{ id: '1', v: 'in a folder' }])
  })
})

describe('when the files of such a table go', () => {
  test('all of them: it is warned of', async ({ lab }) => {
    const { run } = await loadedBed(lab)
    await remove(lab, 's')
    for (let time = 0; time < 2; time++)
      expect(await run()).toMatchObject({ status: 'idle', warnings: [expect.stringContaining('are gone')] })
  })

  test('all of them: it is emptied where OnVanish says so', async ({ lab }) => {
    const { run } = await loadedBed(lab, { onVanish: 'truncate' })
    await run()
    await remove(lab, 's')
    expect(await run()).toMatchObject({ status: 'incremental', changes: { deleted: 1 } })
  })

  test('those of the window first, and then the others: that is seen too', async ({ lab }) => {
    const { run } = await loadedBed(lab, { onVanish: 'truncate' })
    await remove(lab, load, flat(hours - 2), flat(hours - 1), flat(hours))
    expect(await run()).toMatchObject({ status: 'idle', warnings: [] })
    await remove(lab, 's')
    expect(await run()).toMatchObject({ status: 'incremental', changes: { deleted: 1 } })
  })
})

describe('a table is listed whole at every run', () => {
  test('where its landing files are one page', async ({ lab }) => {
    const { ports } = await loadedBed(lab)
    await lab.runOne('s.t')
    await lab.land(flat(hours + 1), change('next'))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental' })
    expect(await readRow(lab)).toMatchObject({ Digest: expect.stringMatching(/^[0-9a-f]{64}$/u) })
    expect(await lab.runOne('s.t', { ports })).toMatchObject(idleBy(wholeLists))
  })

  test('where a window would spare no page', async ({ lab }) => {
    const { run } = await loadedBed(lab, { lookBack: '10h' })
    expect(await run()).toMatchObject(idleBy(wholeLists))
  })

  test('where landing files are cleared', async ({ lab }) => {
    const { run } = await loadedBed(lab, { landed: 'delete:1000d' })
    expect(await run()).toMatchObject(idleBy(wholeLists))
    await lab.set('s.t', { landed: 'keep' })
    await lab.land(flat(hours + 1), change('next'))
    await run()
    expect(await run()).toMatchObject(idleBy(1))
    await lab.set('s.t', { landed: 'delete' })
    expect(await run()).toMatchObject({ status: 'idle', requests: { delete: 1 } })
  })

  test('while something holds it', async ({ lab }) => {
    const { run } = await loadedBed(lab)
    await editRow(lab, { Held: { kind: 'unavailable', message: 'x', hint: 'y' } })
    expect(await run()).toMatchObject(idleBy(wholeLists))
  })

  test('where the row is of a version that knew no window, or no text of ours', async ({ lab }) => {
    const { run } = await loadedBed(lab)
    const { Digest } = (await readRow(lab)) as { readonly Digest: string }
    await editRow(lab, { Digest: Digest.split(' ')[0] })
    expect(await run()).toMatchObject(idleBy(wholeLists))
    await editRow(lab, { Digest: Digest.replace(/^\S+ \S+/u, 'a b') })
    expect(await run()).toMatchObject({ status: 'idle', error: null, requests: { list: wholeLists + 1 } })
    expect(await run()).toMatchObject(idleBy(1))
  })

  test('where date folders do not begin with the year', async ({ lab }) => {
    const { run } = await loadedBed(lab, { keyOf: (hour) => `s/t/01/2024/01/${stamp(hour)}.parquet` })
    expect(await run()).toMatchObject(idleBy(wholeLists))
  })
})

test('whatever fails at any call of a whole listing that prolongs the window, the next runs end as they would', async ({
  lab,
}) => {
  const { run, ports, advance } = await loadedBed(lab)
  for (const kind of timelessFaults)
    for (let at = 0, struck = true; struck; at++) {
      advance(23)
      const faulty = faultyPorts(ports, { at, kind })
      await lab.run({ ports: faulty.ports }).catch(() => {})
      struck = faulty.struck()
      expect([kind, at, await run()]).toMatchObject([kind, at, { status: 'idle', error: null, requests: { get: 0 } }])
      expect([kind, at, await run()]).toMatchObject([kind, at, idleBy(1)])
    }
  await lab.land(flat(hours + 1), change('next'))
  expect(await run()).toMatchObject({ status: 'incremental', files: 1 })
})

test('commands that change what is to be done are obeyed by the next run', async ({ lab }) => {
  const { run } = await loadedBed(lab)
  await editRow(lab, { LastIncrementalFile: `${String((await readRow(lab)).path)}${stamp(hours - 1)}.parquet` })
  expect(await run()).toMatchObject({ error: null, files: 1 })
  expect(await run()).toMatchObject(idleBy(1))
  await lab.set('s.t', { publish: 'delta' })
  expect(await run()).toMatchObject({ status: 'idle', requests: { put: expect.toSatisfy((puts) => puts > 0) } })
  await lab.set('s.t', { lookBack: '5h' })
  expect((await run()).requests.list).toBeGreaterThan(wholeLists)
})

test('date folders that begin with the year have a window too', async ({ lab }) => {
  // A window begins two days before the look-back, for a folder has a date and perhaps another zone's.
  const day = (hour: number) => `s/t/2024/01/${stamp(24 * hour).slice(6, 8)}/${stamp(24 * hour)}.parquet`
  const { run } = await loadedBed(lab, { keyOf: day })
  expect(await run()).toMatchObject(idleBy(2))
  await lab.land(day(hours + 1), change('next'))
  expect(await run()).toMatchObject({ status: 'incremental', files: 1 })
  expect(await run()).toMatchObject(idleBy(2))
  await lab.land(`s/t/${stamp(24 * (hours + 2))}.parquet`, change('flat from now on'))
  expect(await run()).toMatchObject({ status: 'incremental', files: 1 })
})
