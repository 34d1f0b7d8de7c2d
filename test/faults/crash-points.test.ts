import { describe, test } from 'vitest'
import { expectFaultsToBeMended } from './crash-case.ts'
import { isCommit, scenarioNamed, scenarios } from './scenarios.ts'

// All faults at all calls of all scenarios are in crash-points.slow.test.ts.
describe('a fault is mended by the next run', () => {
  test('at any call: an insert, an update and a deletion', () =>
    expectFaultsToBeMended(scenarioNamed('an insert, an update and a deletion'), () => true))

  test.for(scenarios)('at the commit: $name', (scenario) =>
    expectFaultsToBeMended(scenario, (call, kind) => isCommit(call) && kind.startsWith('die')),
  )
})
