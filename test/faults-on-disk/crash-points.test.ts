import { describe, test } from 'vitest'
import { expectFaultsToBeMended } from './crash-case.ts'
import { isCommit, scenarioNamed } from './scenarios.ts'

// All faults at all calls of all these scenarios are in crash-points.slow.test.ts, and those of others in the certificate.
describe('a death at the commit is mended by the next run', () => {
  const names = [
    'deletions by a sequence column',
    'deletions that are kept in mind together with earlier ones',
    'deletions that a full load makes forgotten',
    'landing files that are all gone',
    'a restore of retained files',
    'retained files that expire',
    'a repair from a fresh full load',
  ]
  test.for(names)('%s', (name) =>
    expectFaultsToBeMended(scenarioNamed(name), (call, kind) => isCommit(call) && kind.startsWith('die')),
  )
})
