import { defaultWriteCosts } from '../../src/load-incremental/choose-write.ts'
import { faultyPorts } from '../support/faulty-ports.ts'
import { eagerJoins } from '../support/lab.ts'
import { runTable } from './bench.ts'
import {
  activate,
  afterLoad,
  changeColumns,
  changeName,
  columns,
  deleted,
  inserted,
  landChanges,
  landLoad,
  loaded,
  type Scenario,
  updated,
} from './scenarios.ts'
import { isCommit } from './schedule.ts'

/** The work that landing files give a run. */
export const mergeScenarios: readonly Scenario[] = [
  {
    name: 'initial',
    claim: 'a first load with changes behind it',
    async arrange(bench) {
      await landLoad(bench)
      await landChanges(bench, 1, [inserted, updated])
      await activate(bench)
    },
  },
  {
    name: 'incremental',
    claim: 'an insert, an update and a deletion',
    arrange: (bench) => afterLoad(bench, () => landChanges(bench, 1, [inserted, updated, deleted])),
  },
  {
    name: 'splice',
    claim: 'an update and an insert, for which a file is spliced',
    arrange: (bench) => afterLoad(bench, () => landChanges(bench, 1, [inserted, updated])),
  },
  {
    name: 'splice-joined',
    claim: 'an update and an insert, for which a file is spliced and put with its old bytes',
    writeCosts: eagerJoins,
    arrange: (bench) => afterLoad(bench, () => landChanges(bench, 1, [inserted, updated])),
  },
  {
    name: 'batches',
    claim: 'two files, each a batch of its own',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(bench, 1, [inserted, updated])
        await landChanges(bench, 2, [deleted, ['U', 5, 'b', 51]])
      }),
  },
  {
    name: 'partition-move',
    claim: 'a row that moves to another partition',
    arrange: (bench) =>
      afterLoad(bench, () => landChanges(bench, 1, [['U', 1, 'b', 10], inserted]), { partitionKey: 'p' }),
  },
  {
    name: 'widening',
    claim: 'a column that widens, and another that is new',
    arrange: (bench) =>
      afterLoad(bench, () =>
        bench.land(changeName(1), { ...changeColumns, v: 'bigint', note: 'varchar' }, [
          ['U', 1, 'a', 4_000_000_000, 'wide'],
        ]),
      ),
  },
  {
    name: 'reload',
    claim: 'a full load that replaces the table',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(bench, 1, [updated, inserted])
        await bench.run()
        await bench.wait(60_000)
        await landLoad(bench, [...loaded.slice(1), [9, 'c', 90]])
      }),
  },
  {
    name: 'no-op',
    claim: 'changes that change nothing',
    arrange: (bench) =>
      afterLoad(bench, () =>
        landChanges(bench, 1, [
          ['U', 1, 'a', 10],
          ['D', 77, null, null],
        ]),
      ),
  },
  {
    name: 'keyless',
    claim: 'inserts of a table without a key',
    arrange: (bench) =>
      afterLoad(
        bench,
        async () => {
          await landChanges(bench, 1, [inserted, updated])
          await landChanges(bench, 2, [inserted])
        },
        { primaryKey: '' },
      ),
  },
  {
    name: 'late-file',
    claim: 'a change file that comes late',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(bench, 2, [updated, deleted])
        await bench.run()
        await landChanges(bench, 1, [
          ['U', 1, 'a', 1],
          ['U', 2, 'b', 2],
          ['U', 3, 'b', 3],
        ])
      }),
  },
  {
    name: 'late-load',
    claim: 'a full-load file that comes late',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(bench, 1, [['U', 6, 'a', 61], deleted])
        await bench.run()
        await bench.land('LOAD00000002.parquet', columns, [
          [6, 'a', 60],
          [7, 'b', 70],
        ])
      }),
  },
  {
    name: 'checkpoint',
    claim: 'a checkpoint that is due',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        for (let file = 1; file <= 6; file++) await landChanges(bench, file, [['U', 1, 'a', file], inserted])
        await bench.run()
        await landChanges(bench, 7, [updated, deleted])
      }),
  },
  {
    name: 'after-checkpoint',
    claim: 'a run that begins at a checkpoint, and looks for what has no owner',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        for (let file = 1; file <= 7; file++) await landChanges(bench, file, [['U', 1, 'a', file], inserted])
        await bench.run()
        await landChanges(bench, 8, [updated, deleted])
      }),
  },
  {
    name: 'rekey',
    takenBack: { partitionKey: '' },
    claim: 'another partition key',
    arrange: (bench) => afterLoad(bench, () => bench.set({ partitionKey: 'p' })),
  },
  {
    name: 'empty',
    claim: 'a table that ends up with no row, and goes on',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        await landChanges(
          bench,
          1,
          [1, 2, 3, 4].map((key) => ['D', key, null, null]),
        )
        await landChanges(bench, 2, [inserted])
      }),
  },
  {
    name: 'sweep',
    claim: 'what a run left that died before its commit',
    arrange: (bench) => afterLoad(bench, () => landAndDie(bench, 'die-before')),
  },
  {
    name: 'small-files',
    claim: 'an insert and a deletion that make small files be merged',
    arrange: (bench) =>
      afterLoad(bench, async () => {
        for (let number = 1; number <= defaultWriteCosts.smallFilesMax; number++)
          await landChanges(bench, number, [['I', 100 + number, 'a', number]])
        await bench.run()
        await landChanges(bench, 11, [inserted])
        await landChanges(bench, 12, [deleted, ['U', 101, 'b', 12]])
      }),
  },
  {
    name: 'takeover',
    claim: 'what a run left that died after its commit',
    arrange: (bench) => afterLoad(bench, () => landAndDie(bench, 'die-after')),
  },
]

/** Leaves the lease of a dead process, and what it had staged or committed. */
async function landAndDie(bench: Parameters<Scenario['arrange']>[0], kind: 'die-before' | 'die-after'): Promise<void> {
  await landChanges(bench, 1, [updated, inserted])
  const dying = bench.world.start('dying')
  await runTable(faultyPorts(dying.ports, { at: isCommit, kind }).ports)
  dying.end()
}
