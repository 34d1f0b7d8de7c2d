import { test } from 'vitest'
import { expectHistoriesToHold } from './random-histories.ts'
import { ways } from './watch-splices.ts'

test.each(ways)(
  'some random histories, files %s: each run leaves and reports what the oracle says',
  async (_how, costs) => {
    await expectHistoriesToHold(costs, { limitMs: 4_000 })
  },
  600_000,
)
