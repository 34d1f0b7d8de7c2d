import type { Budget, Scenario } from './scenario.ts'

const nothing: Budget = { refusals: 0, losses: 0, lapses: 0, renewals: 0, edits: 0, deaths: 0 }
const base = { runs: 2, files: 2, taken: 1, hosts: 'many', stoppedClocks: [], publish: '', budget: nothing } as const

/** Some seconds together: what the fast tests explore. */
export const smallScenarios: readonly Scenario[] = [
  { ...base, name: 'one run, two versions, an answer lost', runs: 1, taken: 0, budget: { ...nothing, losses: 1 } },
  {
    ...base,
    name: 'one run, an answer lost and a call refused',
    runs: 1,
    budget: { ...nothing, losses: 1, refusals: 1 },
  },
  { ...base, name: 'two runs on one host, one may die', hosts: 'one', budget: { ...nothing, deaths: 1 } },
  { ...base, name: 'one run, an edited cursor', runs: 1, budget: { ...nothing, edits: 1 } },
]

/** Minutes. */
export const largeScenarios: readonly Scenario[] = [
  {
    ...base,
    name: 'one run, three answers lost, a call refused',
    runs: 1,
    budget: { ...nothing, losses: 3, refusals: 1 },
  },
  { ...base, name: 'two runs' },
  {
    ...base,
    name: 'two runs on one host, an edited cursor, one may die',
    hosts: 'one',
    budget: { ...nothing, deaths: 1, edits: 1 },
  },
  { ...base, name: 'two runs on a new table, two versions', taken: 0 },
  { ...base, name: 'two runs, one with a clock that stands still', stoppedClocks: ['A'] },
  { ...base, name: 'two runs, a published manifest', publish: 'manifest' },
  { ...base, name: 'two runs, an edited cursor', budget: { ...nothing, edits: 1 } },
  { ...base, name: 'two runs, leases lapse once more', budget: { ...nothing, lapses: 1 } },
  { ...base, name: 'two runs, a renewal', budget: { ...nothing, renewals: 1 } },
  { ...base, name: 'two runs, a call refused', budget: { ...nothing, refusals: 1 } },
  { ...base, name: 'two runs, an answer lost', budget: { ...nothing, losses: 1 } },
  {
    ...base,
    name: 'two runs on one host, one may die, an answer lost',
    hosts: 'one',
    budget: { ...nothing, deaths: 1, losses: 1 },
  },
  { ...base, name: 'three runs on one host, two may die', runs: 3, hosts: 'one', budget: { ...nothing, deaths: 2 } },
]
