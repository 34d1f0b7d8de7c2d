import { test } from 'vitest'
import { assertOperations } from './assert-operations.ts'

test(
  'some random operations on a table with a key: it ends as its landing says',
  () => assertOperations(['id'], 8_000),
  600_000,
)
