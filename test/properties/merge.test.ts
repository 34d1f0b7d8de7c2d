import { test } from 'vitest'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'
import { watchSplices } from './watch-splices.ts'

test.each([
  ['written whole', false],
  ['spliced', true],
])(
  'some random histories, files %s: each run leaves and reports what the oracle says',
  (_how, spliced) =>
    assertForAWhile(
      histories(),
      (lab, history) =>
        expectHistoryToHold(
          watchSplices(lab, spliced, () => {}),
          history,
        ),
      6_000,
    ),
  600_000,
)
