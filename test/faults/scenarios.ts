import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { replayFile, skipFile } from '../../src/controller/landing-commands.ts'
import { restoreTable } from '../../src/controller/restore-table.ts'
import { tableHistory } from '../../src/controller/table-history.ts'
import { literal } from '../../src/engine/sql.ts'
import { UsageError } from '../../src/errors.ts'
import { fileObjects } from '../../src/objects/file-objects.ts'
import type { Ports } from '../../src/ports.ts'
import { filesSource } from '../../src/source/files-source.ts'
import { faultyPorts, type PortCall, startTestProcess } from '../support/faulty-ports.ts'
import type { Lab } from '../support/lab.ts'
import { type Cell, rowsOf } from '../support/lab-test.ts'
import { makeOriginalRow, writeOriginal } from '../support/original-lake.ts'
import { reconcileIn } from '../support/reconcile-bench.ts'
import { cursorTo, editRow } from '../support/row-file.ts'

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
    name: 'a first load with changes behind it',
    async arrange(lab) {
      await landLoad(lab)
      await landChanges(lab, 1, [inserted, updated])
      await activate(lab)
    },
  },
  {
    name: 'an insert, an update and a deletion',
    arrange: (lab) => afterLoad(lab, () => landChanges(lab, 1, [inserted, updated, deleted])),
  },
  {
    name: 'an update and an insert, for which a file is spliced',
    arrange: (lab) => afterLoad(lab, () => landChanges(lab, 1, [inserted, updated])),
  },
  {
    name: 'a batch per file',
    async arrange(lab) {
      await afterLoad(lab, async () => {
        await landChanges(lab, 1, [inserted, updated])
        await landChanges(lab, 2, [deleted, ['U', 5, 'b', 51]])
      })
    },
  },
  {
    name: 'a row that moves to another partition',
    arrange: (lab) => afterLoad(lab, () => landChanges(lab, 1, [['U', 1, 'b', 10], inserted]), { partitionKey: 'p' }),
  },
  {
    name: 'a column that widens',
    arrange: (lab) =>
      afterLoad(lab, async () => {
        await lab.land(changeKey(1), rowsOf({ ...changeColumns, v: 'bigint' }, [['U', 1, 'a', 4_000_000_000]]))
      }),
  },
  {
    name: 'a full load that replaces the table',
    arrange: (lab) =>
      afterLoad(lab, async () => {
        await landChanges(lab, 1, [updated, inserted])
        await lab.runOne('s.t')
        await landLoad(lab, [...loaded.slice(1), [9, 'c', 90]])
      }),
  },
  {
    name: 'changes that change nothing',
    arrange: (lab) =>
      afterLoad(lab, () =>
        landChanges(lab, 1, [
          ['U', 1, 'a', 10],
          ['D', 77, null, null],
        ]),
      ),
  },
  {
    name: 'inserts of a table without a key',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          await landChanges(lab, 1, [inserted, updated])
          await landChanges(lab, 2, [inserted])
        },
        { primaryKey: '' },
      ),
  },
  {
    name: 'a file that comes late',
    arrange: (lab) =>
      afterLoad(lab, async () => {
        await landChanges(lab, 2, [updated, deleted])
        await lab.runOne('s.t')
        await landChanges(lab, 1, [
          ['U', 1, 'a', 1],
          ['U', 2, 'b', 2],
          ['U', 3, 'b', 3],
        ])
      }),
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
    name: 'a full-load file that comes late',
    arrange: (lab) =>
      afterLoad(lab, async () => {
        await landChanges(lab, 1, [['U', 6, 'a', 61], deleted])
        await lab.runOne('s.t')
        await lab.land(
          's/t/LOAD00000002.parquet',
          rowsOf(columns, [
            [6, 'a', 60],
            [7, 'b', 70],
          ]),
        )
      }),
  },
  {
    name: 'a checkpoint that is due',
    arrange: (lab) =>
      afterLoad(lab, async () => {
        for (let file = 1; file <= 6; file++) await landChanges(lab, file, [['U', 1, 'a', file], inserted])
        await lab.runOne('s.t', { ports: { ...lab.ports, batchBytesMax: 1 } })
        await landChanges(lab, 7, [updated, deleted])
      }),
  },
  {
    name: 'a Delta view that is begun',
    arrange: (lab) =>
      afterLoad(lab, async () => {
        await landChanges(lab, 1, [updated])
        await lab.set('s.t', { publish: 'delta' })
      }),
  },
  {
    name: 'a Delta view that follows',
    arrange: (lab) => afterLoad(lab, () => landChanges(lab, 1, [updated, inserted, deleted]), { publish: 'delta' }),
  },
  {
    name: 'a Delta view that is taken off',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          await landChanges(lab, 1, [updated, deleted])
          await lab.runOne('s.t')
          await lab.set('s.t', { publish: '' })
        },
        { publish: 'delta' },
      ),
  },
  {
    name: 'manifests that are begun',
    arrange: (lab) =>
      afterLoad(lab, async () => {
        await landChanges(lab, 1, [updated])
        await lab.set('s.t', { publish: 'manifest' })
      }),
  },
  {
    name: 'manifests of partitions that follow',
    arrange: (lab) =>
      afterLoad(lab, () => landChanges(lab, 1, [updated, ['U', 3, 'c', 30], ['U', 4, 'c', 40]]), {
        publish: 'delta,manifest',
        partitionKey: 'p',
      }),
  },
  {
    name: 'manifests that are taken off',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          await landChanges(lab, 1, [updated, deleted])
          await lab.runOne('s.t')
          await lab.set('s.t', { publish: '' })
        },
        { publish: 'manifest' },
      ),
  },
  {
    name: 'a table of the catalog that is begun',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          await landChanges(lab, 1, [updated])
          await lab.set('s.t', { publish: 'glue' })
        },
        { partitionKey: 'p' },
      ),
  },
  {
    name: 'a table of the catalog whose columns and partitions change',
    arrange: (lab) =>
      afterLoad(
        lab,
        async () => {
          const types = { ...changeColumns, note: 'varchar' }
          const rows = [
            ['U', 1, 'c', 10, 'moved'],
            ['U', 2, 'c', 20, 'moved'],
          ]
          await lab.land(changeKey(1), rowsOf(types, rows))
        },
        { partitionKey: 'p', publish: 'glue,manifest' },
      ),
  },
  {
    name: 'a table of the catalog that gets other partition keys and turns from its manifests',
    arrange: (lab) =>
      afterLoad(lab, () => lab.set('s.t', { partitionKey: '', publish: 'glue' }), {
        partitionKey: 'p',
        publish: 'glue,manifest',
      }),
  },
  {
    name: 'a table of the catalog that is taken off',
    arrange: (lab) => afterLoad(lab, () => lab.set('s.t', { publish: '' }), { publish: 'glue,delta' }),
  },
  {
    name: 'another partition key',
    arrange: (lab) => afterLoad(lab, () => lab.set('s.t', { partitionKey: 'p' })),
  },
  {
    name: 'what a run left that died before its commit',
    arrange: (lab) => afterLoad(lab, () => landAndDie(lab, 'die-before')),
  },
  {
    name: 'what a run left that died after its commit',
    arrange: (lab) => afterLoad(lab, () => landAndDie(lab, 'die-after')),
  },
  {
    name: 'LastIncrementalFile set back by hand',
    arrange: (lab) => afterChanges(lab, {}, async () => editRow(lab, await cursorTo(lab, changeKey(1).slice(4)))),
  },
  {
    name: 'LastIncrementalFile set forward by hand',
    arrange: (lab) =>
      afterChanges(lab, {}, async () => {
        await landChanges(lab, 3, [['I', 6, 'a', 60]])
        await landChanges(lab, 4, [['I', 7, 'a', 70]])
        await editRow(lab, await cursorTo(lab, changeKey(3).slice(4)))
      }),
  },
  {
    name: 'LastFullLoadDate set back by hand',
    arrange: (lab) => afterChanges(lab, {}, () => editRow(lab, { LastFullLoadDate: '1900-01-01 00:00:00' })),
  },
  {
    name: 'a table without a key that is made anew',
    arrange: (lab) =>
      afterChanges(lab, { primaryKey: '' }, async () => editRow(lab, await cursorTo(lab, changeKey(1).slice(4)))),
  },
  {
    name: 'a replay',
    arrange: (lab) => afterChanges(lab, {}, async () => {}),
    command: (ports) => replayOnce(ports, changeKey(2).slice(4)),
  },
  {
    name: 'a replay of the full load',
    arrange: (lab) => afterChanges(lab, {}, async () => {}),
    command: (ports) => replayOnce(ports, 'LOAD00000001.parquet'),
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
  {
    name: 'an adoption, and what follows',
    async arrange(lab) {
      await landLoad(lab)
      await landChanges(lab, 1, [updated])
      await landChanges(lab, 2, [inserted, ['U', 2, 'a', 22]])
      await activate(lab)
      const lakeColumns = { Op: 'varchar', ...columns }
      const rows = loaded.map((row): readonly Cell[] => ['I', ...row])
      await writeOriginal(lab, 'part-00000-a.snappy.parquet', rowsOf(lakeColumns, rows.slice(0, 2)))
      await writeOriginal(lab, 'part-00001-a.snappy.parquet', rowsOf(lakeColumns, rows.slice(2)))
      await makeOriginalRow(lab, { file: changeKey(1).slice(4), date: '2099-01-01 00:00:00' })
    },
  },
  {
    name: 'a file that is skipped',
    async arrange(lab) {
      await afterLoad(lab, () => landChanges(lab, 1, [['X', 1, 'a', 11]]))
      await landChanges(lab, 2, [inserted])
    },
    command: (ports) => skipFile(ports, { schema: 's', table: 't' }, changeKey(1).slice(4), 'a test').then(() => {}),
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

/** An operator who sees in the history that the command was carried out does not give it again. */
async function replayOnce(ports: Ports, file: string): Promise<void> {
  const id = { schema: 's', table: 't' }
  const history = await tableHistory(ports, id)
  if (history.every(({ operation }) => operation !== 'REPLAY')) await replayFile(ports, id, file)
}

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

/** Leaves the lease of a dead process, and what it had staged or committed. */
async function landAndDie(lab: Lab, kind: 'die-before' | 'die-after'): Promise<void> {
  await landChanges(lab, 1, [updated, inserted])
  const dying = startTestProcess()
  const { ports } = faultyPorts(lab.ports, { at: isCommit, kind })
  await lab.run({ ports: { ...ports, holder: dying.holder }, tables: [{ schema: 's', table: 't' }] })
  dying.end()
}
