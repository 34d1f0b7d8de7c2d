import { test } from 'vitest'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'

test(
  'some random histories: each run leaves and reports what the oracle says',
  () => assertForAWhile(histories(), expectHistoryToHold, 6_000),
  600_000,
)
