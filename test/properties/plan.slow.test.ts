import { test } from 'vitest'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'
import { watchSplices, ways } from './watch-splices.ts'

test.each(ways)(
  'random histories, files %s: each run makes the requests that were planned, and moves as many bytes',
  (_how, costs) =>
    assertForAWhile(
      histories(),
      (lab, history) =>
        expectHistoryToHold(
          watchSplices(lab, costs, () => {}),
          history,
          { planned: true },
        ),
      60_000,
    ),
  1_200_000,
)
