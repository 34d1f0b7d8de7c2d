import { test } from 'vitest'
import { operations } from '../support/operations.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectOperationsToHold } from './run-operations.ts'

test.for([{ keyColumns: ['id'] }, { keyColumns: [] }])(
  'random operations on a table with the key $keyColumns: it ends as its landing says',
  { timeout: 600_000 },
  ({ keyColumns }) =>
    assertForAWhile(operations(), (lab, some) => expectOperationsToHold(lab, some, keyColumns), 60_000),
)
