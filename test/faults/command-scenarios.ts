import { replayFile, skipFile } from '../../src/controller/landing-commands.ts'
import { planTables } from '../../src/controller/plan-tables.ts'
import { reconcile } from '../../src/controller/reconcile.ts'
import { knownTables } from '../../src/controller/register.ts'
import { tableHistory } from '../../src/controller/table-history.ts'
import { verifyTables } from '../../src/controller/verify-tables.ts'
import { whyKey } from '../../src/controller/why-key.ts'
import type { Ports } from '../../src/ports.ts'
import { compactTable } from '../../src/process-table/compact-table.ts'
import { withTableRun } from '../../src/process-table/table-run.ts'
import { filesSource } from '../../src/source/files-source.ts'
import type { StateItem } from '../../src/state/state-store.ts'
import { type Bench, type Cells, changesOf, freshLoad } from './bench.ts'
import {
  activate,
  afterChanges,
  afterLoad,
  changeName,
  columns,
  deleted,
  inserted,
  landChanges,
  landLoad,
  type later,
  loaded,
  loadName,
  type Scenario,
  updated,
} from './scenarios.ts'
import { id } from './world.ts'

const fresh: Cells = [...loaded.slice(1), [1, 'c', 12], [6, 'a', 60]]

/** The source of the repair knows of these: they land after it what it has written, or it finds what they wrote. */
const agreeing: typeof later = [
  (bench) => landChanges(bench, 50, [['U', 6, 'a', 60]]),
  (bench) => landChanges(bench, 51, [['U', 1, 'c', 12]]),
]

/** What operators ask for: commands, edited cursors, an adoption. */
export const commandScenarios: readonly Scenario[] = [
  {
    name: 'cursor-back',
    claim: 'LastIncrementalFile set back by hand, under manifests',
    arrange: (bench) =>
      afterChanges(bench, { partitionKey: 'p', publish: 'manifest' }, () => setCursor(bench, changeName(0))),
  },
  {
    name: 'cursor-forward',
    claim: 'LastIncrementalFile set forward by hand',
    arrange: (bench) =>
      afterChanges(bench, {}, async () => {
        await landChanges(bench, 3, [['I', 6, 'a', 60]])
        await landChanges(bench, 4, [['I', 7, 'a', 70]])
        await setCursor(bench, changeName(3))
        bench.history.passOver(changeName(3), 'cursor')
      }),
  },
  {
    name: 'load-date-back',
    claim: 'LastFullLoadDate set back by hand',
    arrange: (bench) => afterChanges(bench, {}, () => bench.edit({ LastFullLoadDate: '1900-01-01 00:00:00' })),
  },
  {
    name: 'rebuild',
    claim: 'a table without a key that is made anew',
    arrange: (bench) => afterChanges(bench, { primaryKey: '' }, () => setCursor(bench, changeName(1))),
  },
  {
    name: 'replay',
    claim: 'a replay of two files, each a batch of its own, under a Delta view',
    arrange: (bench) => afterChanges(bench, { publish: 'delta' }, async () => {}),
    command: (ports) => replayOnce(ports, changeName(1)),
  },
  {
    name: 'replay-load',
    claim: 'a replay of the full load',
    arrange: (bench) => afterChanges(bench, {}, async () => {}),
    command: (ports) => replayOnce(ports, loadName),
  },
  {
    name: 'adoption',
    claim: 'an adoption, and what follows',
    async arrange(bench) {
      await landLoad(bench)
      await landChanges(bench, 1, [updated])
      await landChanges(bench, 2, [inserted, ['U', 2, 'a', 22]])
      await activate(bench)
      const lakeColumns = { Op: 'varchar', ...columns }
      const rows = loaded.map((row) => ['I', ...row])
      await bench.leave('part-00000-a.snappy.parquet', lakeColumns, rows.slice(0, 2))
      await bench.leave('part-00001-a.snappy.parquet', lakeColumns, rows.slice(2))
      await makeOriginalRow(bench)
      bench.history.adopt(
        changesOf(columns, loaded).map(({ row }) => row),
        changeName(1),
      )
    },
  },
  {
    name: 'skip',
    claim: 'a file that is skipped',
    async arrange(bench) {
      await afterLoad(bench, () => landChanges(bench, 1, [['X', 1, 'a', 11]]))
      await landChanges(bench, 2, [inserted])
      bench.history.passOver(changeName(1), 'skip')
    },
    command: (ports) => skipFile(ports, id, changeName(1), 'a test').then(() => {}),
  },
  {
    name: 'repair',
    claim: 'a repair from a fresh full load',
    // What is taken again comes before the repair or after it.
    without: ['edit-cursor'],
    later: agreeing,
    arrange: (bench) =>
      afterChanges(bench, { publish: 'delta' }, async () => {
        await bench.unload(columns, fresh)
        bench.history.adopt(
          changesOf(columns, fresh).map(({ row }) => row),
          changeName(2),
        )
      }),
    command: repairFromFresh,
  },
  {
    name: 'looks',
    claim: 'commands that only look, and a run',
    arrange: (bench) => afterChanges(bench, {}, () => landChanges(bench, 3, [['U', 2, 'b', 21]])),
    command: lookAround,
  },
  {
    name: 'compact',
    claim: 'a compaction, and a merge after it',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(bench, 1, [inserted])
        await landChanges(bench, 2, [['I', 6, 'a', 60]])
        await bench.run()
        await landChanges(bench, 3, [updated, deleted])
      }),
    command: compactOnce,
  },
  {
    name: 'compact-views',
    claim: 'a compaction of partitions that are read through views',
    arrange: (bench) =>
      afterChanges(bench, { partitionKey: 'p', publish: 'delta,manifest' }, async () => {
        await landChanges(bench, 3, [
          ['I', 6, 'a', 60],
          ['I', 7, 'b', 70],
        ])
        await bench.run()
      }),
    command: compactOnce,
  },
]

async function repairFromFresh(ports: Ports): Promise<void> {
  const source = filesSource(freshLoad(ports), 'fresh')
  await reconcile(ports, id, source, { repair: true, limit: 20, settleMs: 0 })
}

/** What they print depends on the moment. */
async function lookAround(ports: Ports): Promise<void> {
  await planTables(ports, [id])
  await verifyTables(ports, [id])
  await whyKey(ports, id, ['1'])
}

async function compactOnce(ports: Ports): Promise<void> {
  const [item] = await knownTables(ports)
  await withTableRun(ports, item as StateItem, (run) => compactTable(run, { clusterByKey: true }))
}

async function setCursor(bench: Bench, name: string): Promise<void> {
  await bench.edit({ LastIncrementalFile: `${String((await bench.row()).path)}${name}` })
}

/** An operator who sees in the history that the command was carried out does not give it again. */
async function replayOnce(ports: Ports, file: string): Promise<void> {
  const history = await tableHistory(ports, id)
  if (history.every(({ operation }) => operation !== 'REPLAY')) await replayFile(ports, id, file)
}

/** The row as the original keeps it: its own attributes and no others, everything up to the first change taken. */
async function makeOriginalRow(bench: Bench): Promise<void> {
  const registered = await bench.row()
  const { path, bucket, prefix, folder, out_path } = registered
  const kept = { path, bucket, prefix, folder, out_path, PrimaryKey: 'id', PartitionKey: 'null', ActiveFlag: 'true' }
  const others = Object.keys(registered).map((attribute) => [attribute, undefined])
  const cursors = {
    LastIncrementalFile: `${String(path)}${changeName(1)}`,
    LastFullLoadDate: '2099-01-01 00:00:00',
  }
  await bench.edit({ ...Object.fromEntries(others), ...kept, ...cursors })
}
