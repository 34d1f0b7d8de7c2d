import { describe, test } from 'vitest'
import { expectFaultsToBeMended } from './crash-case.ts'
import { scenarios } from './scenarios.ts'

// Every other kind of work stands in the certificate (test/faults/).
describe('a fault at any call of a run is mended by the next run', () => {
  const held = scenarios.filter(({ name }) => name !== 'an insert, an update and a deletion')
  test.for(held)('$name', { timeout: 600_000 }, (scenario) => expectFaultsToBeMended(scenario, () => true))
})
