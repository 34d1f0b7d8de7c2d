import { expect, test } from 'vitest'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'
import { watchSplices } from './watch-splices.ts'

test.each([
  ['written whole', false],
  ['spliced', true],
])(
  'random histories, files %s: each run leaves and reports what the oracle says, and many runs leave what one leaves',
  async (_how, spliced) => {
    let splices = 0
    await assertForAWhile(
      histories(),
      (lab, history) =>
        expectHistoryToHold(
          watchSplices(lab, spliced, () => splices++),
          history,
        ),
      45_000,
    )
    expect(splices > 0).toBe(spliced)
  },
  600_000,
)
