import { describe, test } from 'vitest'
import { scenarioNamed } from './scenarios.ts'
import { expectZombiesToDoNoHarm } from './zombie-case.ts'

describe('a run that wakes after another has taken its table over and ended does no harm', () => {
  const names = [
    'a first load with changes behind it',
    'a row that moves to another partition',
    'a batch per file',
    'a full load that replaces the table',
    'deletions that are kept in mind together with earlier ones',
    'a Delta view that is begun',
    'a Delta view that is taken off',
    'manifests of partitions that follow',
    'a table of the catalog whose columns and partitions change',
    'what a run left that died before its commit',
    'superseded files that are retained',
  ]
  test.for(names)('%s', (name) => expectZombiesToDoNoHarm(scenarioNamed(name)))
})
