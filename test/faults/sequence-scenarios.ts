import type { SetOptions } from '../../src/state/row.ts'
import type { Bench } from './bench.ts'
import { afterLoad, inserted, landChanges, landLoad, loaded, type Scenario } from './scenarios.ts'

/** Deletions that a sequence column lets a table keep in mind, and landings that are empty. */
export const sequenceScenarios: readonly Scenario[] = [
  {
    name: 'deletes',
    claim: 'deletions by a sequence column',
    arrange: (bench) =>
      afterLoad(
        bench,
        () =>
          landChanges(bench, 1, [
            ['D', 3, null, 35],
            ['U', 4, 'b', 5],
            ['D', 77, null, 9],
            ['I', 77, 'b', 8],
            inserted,
          ]),
        { sequenceColumn: 'v' },
      ),
  },
  {
    name: 'deletes-joined',
    claim: 'deletions that are kept in mind together with earlier ones',
    arrange: (bench) =>
      afterDeletion(bench, {}, async () => {
        await landChanges(bench, 2, [
          ['D', 5, null, 55],
          ['I', 3, 'b', 31],
        ])
        await landChanges(bench, 3, [['D', 4, null, 45]])
      }),
  },
  {
    name: 'deletes-late',
    claim: 'a change that comes late, of a key whose deletion is kept in mind',
    arrange: (bench) =>
      afterDeletion(bench, {}, async () => {
        await landChanges(bench, 2, [['D', 1, null, 15]])
        await bench.run()
        await landChanges(bench, 0, [
          ['U', 3, 'b', 34],
          ['U', 1, 'b', 16],
        ])
      }),
  },
  {
    name: 'deletes-expired',
    claim: 'deletions that are kept in mind no longer',
    arrange: (bench) =>
      afterDeletion(bench, { rememberDeletes: '1d' }, async () => {
        await bench.wait(25 * 3_600_000)
        await landChanges(bench, 2, [['D', 4, null, 45]])
      }),
  },
  {
    name: 'deletes-forgotten',
    claim: 'deletions that a full load makes forgotten',
    arrange: (bench) =>
      afterDeletion(bench, {}, async () => {
        await bench.wait(60_000)
        await landLoad(bench, [...loaded.slice(1), [9, 'c', 90]])
      }),
  },
  {
    name: 'vanished',
    claim: 'landing files that are all gone, which empties the table',
    landsAfter: true,
    arrange: (bench) =>
      afterDeletion(bench, { onVanish: 'truncate', publish: 'delta' }, async () => {
        await bench.vanish()
        bench.history.vanish()
      }),
  },
  {
    name: 'vanished-held',
    claim: 'landing files that were all gone, which held the table, and are back',
    arrange: (bench) =>
      afterDeletion(bench, { onVanish: 'hold' }, async () => {
        const bringBack = await bench.vanish()
        const { error } = await bench.run()
        if (error?.kind !== 'bad-landing') throw new Error('the table is not held')
        await bringBack()
        await landChanges(bench, 2, [['D', 4, null, 45]])
      }),
  },
]

/** A loaded table with a sequence column that keeps a deletion in mind, and then. */
function afterDeletion(bench: Bench, options: SetOptions, then: () => Promise<void>): Promise<void> {
  const change = async () => {
    await landChanges(bench, 1, [['D', 3, null, 35], inserted])
    await bench.run()
    await then()
  }
  return afterLoad(bench, change, { sequenceColumn: 'v', ...options })
}
