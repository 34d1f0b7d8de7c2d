import type { SetOptions } from '../../src/state/row.ts'
import type { Bench } from './bench.ts'
import {
  activate,
  afterChanges,
  changeName,
  deleted,
  inserted,
  landChanges,
  landLoad,
  restoreTo,
  type Scenario,
  updated,
} from './scenarios.ts'

/** Versions that are brought back, and the superseded files that are kept for it. */
export const restoreScenarios: readonly Scenario[] = [
  {
    name: 'restore',
    claim: 'a restore of retained files',
    leavesInactive: true,
    arrange: (bench) => afterChanges(bench, { retain: '7d' }, async () => bench.history.restore()),
    command: (ports) => restoreTo(ports, 0),
  },
  {
    name: 'restore-keeping',
    claim: 'a restore that keeps the progress, under views and partitions',
    leavesInactive: true,
    // An edit is void where the restore comes after it, and obeyed where it comes before: the table differs by that.
    without: ['edit-cursor'],
    arrange: (bench) =>
      afterChanges(bench, { partitionKey: 'p', publish: 'delta,manifest' }, async () =>
        bench.history.restore([changeName(1), changeName(2)]),
      ),
    command: (ports) => restoreTo(ports, 0, { keepProgress: true }),
  },
  {
    name: 'restored',
    claim: 'what follows a restore',
    arrange: (bench) =>
      afterChanges(bench, { retain: '7d', publish: 'delta' }, async () => {
        await restoreTo(bench.world.ports, 0)
        await bench.set({ active: true })
      }),
  },
  {
    name: 'retained',
    claim: 'superseded files that are retained',
    restorable: true,
    arrange: (bench) => afterChanges(bench, { retain: '7d' }, () => landChanges(bench, 3, [['U', 4, 'a', 44]])),
  },
  {
    name: 'retained-expired',
    claim: 'retained files whose time is over',
    arrange: (bench) => longAgo(bench, { retain: '1d' }, async () => {}),
  },
  {
    name: 'retained-off',
    claim: 'retained files of a table that retains none any more',
    arrange: (bench) => longAgo(bench, { retain: '7d' }, () => bench.set({ retain: '0' })),
  },
]

/** A load and a change of yesterday; then, and a change of today. */
async function longAgo(bench: Bench, options: SetOptions, then: () => Promise<void>): Promise<void> {
  await landLoad(bench)
  await activate(bench, options)
  await bench.run()
  await landChanges(bench, 1, [updated, deleted])
  await bench.run()
  await bench.wait(25 * 3_600_000)
  await landChanges(bench, 2, [inserted, ['U', 4, 'b', 44]])
  await then()
}
