import { test } from 'vitest'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'
import { watchSplices } from './watch-splices.ts'

test.each([
  ['written whole', false],
  ['spliced', true],
])(
  'random histories, files %s: each run makes the requests that were planned, and moves as many bytes',
  (_how, spliced) =>
    assertForAWhile(
      histories(),
      (lab, history) =>
        expectHistoryToHold(
          watchSplices(lab, spliced, () => {}),
          history,
          { planned: true },
        ),
      60_000,
    ),
  1_200_000,
)
