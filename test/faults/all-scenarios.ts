import { commandScenarios } from './command-scenarios.ts'
import { mergeScenarios } from './merge-scenarios.ts'
import { restoreScenarios } from './restore-scenarios.ts'
import type { Scenario } from './scenarios.ts'
import { sequenceScenarios } from './sequence-scenarios.ts'
import { viewScenarios } from './view-scenarios.ts'

/** Everything that the certificate goes through. */
export const scenarios: readonly Scenario[] = [
  ...mergeScenarios,
  ...sequenceScenarios,
  ...viewScenarios,
  ...commandScenarios,
  ...restoreScenarios,
]

export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found !== undefined) return found
  throw new Error(`no scenario is named ${name}; there are ${scenarios.map((scenario) => scenario.name).join(', ')}`)
}
