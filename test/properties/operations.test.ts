import { test } from 'vitest'
import { operations } from '../support/operations.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectOperationsToHold } from './run-operations.ts'

test(
  'some random operations on a table with a key: it ends as its landing says',
  () => assertForAWhile(operations(), (lab, some) => expectOperationsToHold(lab, some, ['id']), 8_000),
  600_000,
)
