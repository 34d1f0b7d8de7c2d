import { describe, test } from 'vitest'
import { expectFaultsToBeMended } from './crash-case.ts'
import { isCommit, scenarioNamed } from './scenarios.ts'

// All faults at all calls of all scenarios are in crash-points.slow.test.ts.
describe('a fault is mended by the next run', () => {
  test('at any call: an insert, an update and a deletion', () =>
    expectFaultsToBeMended(scenarioNamed('an insert, an update and a deletion'), () => true))

  test('at any write to the catalog: its columns and partitions change', () =>
    expectFaultsToBeMended(
      scenarioNamed('a table of the catalog whose columns and partitions change'),
      ({ port, writes }, kind) => port === 'catalog' && writes && kind.startsWith('die'),
    ))

  const others = [
    'a first load with changes behind it',
    'a row that moves to another partition',
    'inserts of a table without a key',
    'a Delta view that is begun',
    'manifests of partitions that follow',
    'what a run left that died before its commit',
    'a file that is skipped',
    'deletions by a sequence column',
    'deletions that are kept in mind together with earlier ones',
    'deletions that a full load makes forgotten',
    'landing files that are all gone',
    'LastIncrementalFile set back by hand',
    'a table without a key that is made anew',
    'a replay',
    'a restore of retained files',
    'retained files that expire',
    'a repair from a fresh full load',
    'an adoption, and what follows',
  ]
  test.for(others)('at the commit: %s', (name) =>
    expectFaultsToBeMended(scenarioNamed(name), (call, kind) => isCommit(call) && kind.startsWith('die')),
  )
})
