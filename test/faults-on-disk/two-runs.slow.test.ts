import { describe, test } from 'vitest'
import { scenarioNamed } from './scenarios.ts'
import { expectZombiesToDoNoHarm } from './zombie-case.ts'

describe('a run that wakes after another has taken its table over and ended does no harm', () => {
  const names = ['deletions that are kept in mind together with earlier ones', 'superseded files that are retained']
  test.for(names)('%s', (name) => expectZombiesToDoNoHarm(scenarioNamed(name)))
})
