import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { restoreTable } from '../../src/controller/restore-table.ts'
import { literal } from '../../src/engine/sql.ts'
import { UsageError } from '../../src/errors.ts'
import { fileObjects } from '../../src/objects/file-objects.ts'
import type { Ports } from '../../src/ports.ts'
import { filesSource } from '../../src/source/files-source.ts'
import type { PortCall } from '../support/faulty-ports.ts'
import type { Lab } from '../support/lab.ts'
import { type Cell, rowsOf } from '../support/lab-test.ts'
import { reconcileIn } from '../support/reconcile-bench.ts'

/** A table brought to where a run has one kind of work to do. The table is `s.t`. */
export type Scenario = {
  readonly name: string
  readonly arrange: (lab: Lab) => Promise<void>
  /** What is done besides the run, before it; given again after a fault. */
  readonly command?: (ports: Ports) => Promise<void>
}

const columns = { id: 'bigint', p: 'varchar', v: 'integer' }
const changeColumns = { Op: 'varchar', ...columns }

const loaded: readonly (readonly Cell[])[] = [
  [1, 'a', 10],
  [2, 'a', 20],
  [3, 'b', 30],
  [4, 'b', 40],
]
const inserted: readonly Cell[] = ['I', 5, 'b', 50]
const updated: readonly Cell[] = ['U', 1, 'a', 11]
const deleted: readonly Cell[] = ['D', 3, null, null]

export const scenarios: readonly Scenario[] = [
  {
    name: 'an insert, an update and a deletion',
    arrange: (lab) => afterLoad(lab, () => landChanges(lab, 1, [inserted, updated, deleted])),
  },
  {
    name: 'deletions by a sequence column',
    arrange: (lab) =>
      afterLoad(lab, () => landChanges(lab, 1, [['D', 3, null, 35], ['U', 4, 'b', 5], ['D', 77, null, 9], inserted]), {
        sequenceColumn: 'v',
      }),
  },
  {
    name: 'deletions that are kept in mind together with earlier ones',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          await landChanges(lab, 1, [['D', 3, null, 35], inserted])
          await lab.runOne('s.t')
          await landChanges(lab, 2, [
            ['D', 5, null, 55],
            ['I', 3, 'b', 31],
          ])
          await landChanges(lab, 3, [['D', 4, null, 45]])
        },
        { sequenceColumn: 'v' },
      ),
  },
  {
    name: 'deletions that a full load makes forgotten',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          await landChanges(lab, 1, [['D', 3, null, 35], inserted])
          await lab.runOne('s.t')
          await landLoad(lab, [...loaded.slice(1), [9, 'c', 90]])
        },
        { sequenceColumn: 'v' },
      ),
  },
  {
    name: 'landing files that are all gone',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          await landChanges(lab, 1, [['D', 3, null, 35], inserted])
          await lab.runOne('s.t')
          await rm(join(lab.landing, 's'), { recursive: true })
        },
        { sequenceColumn: 'v', onVanish: 'truncate' },
      ),
  },
  {
    name: 'a restore of retained files',
    arrange: (lab) => afterChanges(lab, { retain: '7d' }, async () => {}),
    command: (ports) => restoreTo(ports, 0),
  },
  {
    name: 'a restore that keeps the progress, under views and partitions',
    arrange: (lab) => afterChanges(lab, { partitionKey: 'p', publish: 'delta,manifest' }, async () => {}),
    command: (ports) => restoreTo(ports, 0, { progressKept: true }),
  },
  {
    name: 'what follows a restore',
    arrange: (lab) =>
      afterChanges(lab, { retain: '7d' }, async () => {
        await restoreTo(lab.ports, 0)
        await lab.set('s.t', { active: true })
      }),
  },
  {
    name: 'superseded files that are retained',
    arrange: (lab) => afterLoad(lab, () => landChanges(lab, 1, [updated, deleted]), { retain: '7d' }),
  },
  {
    name: 'retained files that expire',
    arrange: (lab) =>
      longAgo(lab, { retain: '2h' }, async () => {
        await landChanges(lab, 2, [inserted, ['U', 4, 'b', 44]])
      }),
  },
  {
    name: 'retained files of a table that retains none any more',
    arrange: (lab) =>
      longAgo(lab, { retain: '7d' }, async () => {
        await landChanges(lab, 2, [inserted, ['U', 4, 'b', 44]])
        await lab.set('s.t', { retain: '0' })
      }),
  },
  {
    name: 'a repair from a fresh full load',
    arrange: (lab) =>
      afterChanges(lab, {}, async () => {
        await mkdir(join(lab.folder, 'fresh'))
        const rows = rowsOf(columns, [...loaded.slice(1), [1, 'c', 12], [6, 'a', 60]])
        await lab.sql(`copy (${rows}) to ${literal(join(lab.folder, 'fresh/LOAD00000001.parquet'))} (format parquet)`)
      }),
    command: repairFromFresh,
  },
]

export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found === undefined) throw new Error(`no scenario is named ${name}`)
  return found
}

const laterKey = 's/t/20240101-000009000.parquet'

/** A change file that lands while a run is under way. */
export const later = {
  async land(lab: Lab): Promise<void> {
    await lab.land(
      laterKey,
      rowsOf(changeColumns, [
        ['U', 2, 'b', 22],
        ['I', 8, 'a', 80],
      ]),
    )
  },
  remove: (lab: Lab) => rm(join(lab.landing, laterKey), { force: true }),
}

export const isCommit = ({ verb, target }: PortCall) =>
  verb === 'put' && /_dmscdc\/.*_delta_log\/\d+\.json$/u.test(target)

/** A command that says that what it is asked for is done already. */
export const isDoneAlready = (thrown: unknown) => thrown instanceof UsageError

async function afterLoad(lab: Lab, then: () => Promise<void>, options: Parameters<Lab['set']>[1] = {}): Promise<void> {
  await landLoad(lab)
  await activate(lab, options)
  await lab.runOne('s.t')
  await then()
}

async function afterChanges(lab: Lab, options: Parameters<Lab['set']>[1], then: () => Promise<void>): Promise<void> {
  await afterLoad(
    lab,
    async () => {
      await landChanges(lab, 1, [updated, inserted])
      await landChanges(lab, 2, [['U', 1, 'b', 12], deleted])
      await lab.runOne('s.t')
      await then()
    },
    options,
  )
}

/** A load and changes of three hours ago. */
async function longAgo(lab: Lab, options: Parameters<Lab['set']>[1], then: () => Promise<void>): Promise<void> {
  const nowMs = () => lab.ports.clock.nowMs() - 3 * 3_600_000
  const ports = { ...lab.ports, clock: { ...lab.ports.clock, nowMs } }
  await landLoad(lab)
  await activate(lab, options)
  await lab.runOne('s.t', { ports })
  await landChanges(lab, 1, [updated, deleted])
  await lab.runOne('s.t', { ports })
  await then()
}

const restoreTo = (ports: Ports, version: number, { progressKept = false } = {}) =>
  restoreTable(ports, { schema: 's', table: 't' }, { version, keepProgress: progressKept }).then(() => {})

/** The source is no port of the run's: its folder stands beside the landing. */
async function repairFromFresh(ports: Ports): Promise<void> {
  const fresh = fileObjects(join(ports.landing.place, '..', 'fresh'))
  expect(await reconcileIn(ports, 's.t', filesSource(fresh, 'fresh'), { repair: true })).toMatchObject({ ok: true })
}

async function landLoad(lab: Lab, rows = loaded): Promise<void> {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(columns, rows))
}

async function activate(lab: Lab, options: Parameters<Lab['set']>[1] = {}): Promise<void> {
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
}

async function landChanges(lab: Lab, number: number, rows: readonly (readonly Cell[])[]): Promise<void> {
  await lab.land(changeKey(number), rowsOf(changeColumns, rows))
}

const changeKey = (number: number) => `s/t/20240101-00000${String(number)}000.parquet`
