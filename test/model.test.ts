import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { explore } from './model/explore.ts'
import { smallScenarios } from './model/scenarios.ts'
import { invariants } from './model/violation.ts'

// The whole is `npm run model`; what the model finds where the code is spoilt is in model-mutants.slow.test.ts.

test.each(smallScenarios)('in every state the invariants hold: $name', async (scenario) => {
  const { broken, states } = await explore(scenario)
  expect(broken).toBeNull()
  expect(states).toBeGreaterThan(20)
})

test('docs/merge.md names each invariant beside what holds it', () => {
  const page = readFileSync(new URL('../docs/merge.md', import.meta.url), 'utf8')
  expect(invariants.filter((invariant) => !page.includes(`| ${invariant} |`))).toEqual([])
})
