import { test } from 'vitest'
import { assertOperations } from './assert-operations.ts'

test.for([{ keyColumns: ['id'] }, { keyColumns: [] }])(
  'random operations on a table with the key $keyColumns: it ends as its landing says',
  { timeout: 600_000 },
  ({ keyColumns }) => assertOperations(keyColumns, 60_000),
)
