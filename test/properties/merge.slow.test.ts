import { test } from 'vitest'
import { assertHistories } from './assert-histories.ts'

test(
  'random histories: each run leaves and reports what the oracle says, and many runs leave what one leaves',
  () => assertHistories(45_000),
  600_000,
)
