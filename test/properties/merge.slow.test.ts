import { test } from 'vitest'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'

test(
  'random histories: each run leaves and reports what the oracle says, and many runs leave what one leaves',
  () => assertForAWhile(histories(), expectHistoryToHold, 45_000),
  600_000,
)
