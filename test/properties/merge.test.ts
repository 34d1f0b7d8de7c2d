import { test } from 'vitest'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'
import { watchSplices, ways } from './watch-splices.ts'

test.each(ways)(
  'some random histories, files %s: each run leaves and reports what the oracle says',
  (_how, costs) =>
    assertForAWhile(
      histories(),
      (lab, history) =>
        expectHistoryToHold(
          watchSplices(lab, costs, () => {}),
          history,
        ),
      4_000,
    ),
  600_000,
)
