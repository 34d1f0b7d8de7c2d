import { expect, test } from 'vitest'
import { eagerJoins, eagerSplices } from '../support/lab.ts'
import { expectHistoriesToHold } from './random-histories.ts'
import { ways } from './watch-splices.ts'

test.each(ways)(
  'random histories, files %s: each run leaves and reports what the oracle says, and many runs leave what one leaves',
  async (_how, costs) => {
    const splices = await expectHistoriesToHold(costs, { limitMs: 45_000 })
    expect(splices > 0).toBe(costs === eagerSplices || costs === eagerJoins)
  },
  600_000,
)
