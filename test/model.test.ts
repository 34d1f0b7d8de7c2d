import { expect, test } from 'vitest'
import { explore } from './model/explore.ts'
import { smallScenarios } from './model/scenarios.ts'

// The whole is `npm run model`; what the model finds where the code is spoilt is in model-mutants.slow.test.ts.

test.each(smallScenarios)('in every state the invariants hold: $name', async (scenario) => {
  const { broken, states } = await explore(scenario)
  expect(broken).toBeNull()
  expect(states).toBeGreaterThan(20)
})
