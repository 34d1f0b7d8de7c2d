import { test } from 'vitest'
import { assertHistories } from './assert-histories.ts'

test('some random histories: each run leaves and reports what the oracle says', () => assertHistories(6_000), 600_000)
