import { test } from 'vitest'
import { expectHistoriesToHold } from './random-histories.ts'
import { ways } from './watch-splices.ts'

test.each(ways)(
  'random histories, files %s: each run makes the requests that were planned, and moves as many bytes',
  async (_how, costs) => {
    await expectHistoriesToHold(costs, { limitMs: 60_000, planned: true })
  },
  1_200_000,
)
