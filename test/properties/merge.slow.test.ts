import { expect, test } from 'vitest'
import { histories } from '../support/histories.ts'
import { eagerSplices } from '../support/lab.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'
import { watchSplices, ways } from './watch-splices.ts'

test.each(ways)(
  'random histories, files %s: each run leaves and reports what the oracle says, and many runs leave what one leaves',
  async (_how, costs) => {
    let splices = 0
    await assertForAWhile(
      histories(),
      (lab, history) =>
        expectHistoryToHold(
          watchSplices(lab, costs, () => splices++),
          history,
        ),
      45_000,
    )
    expect(splices > 0).toBe(costs === eagerSplices)
  },
  600_000,
)
