import { test } from 'vitest'
import { assertHistories } from './assert-histories.ts'

test.each([
  ['written whole', { spliced: false }],
  ['spliced', { spliced: true }],
])(
  'some random histories, files %s: each run leaves and reports what the oracle says',
  async (_how, options) => {
    await assertHistories(6_000, options)
  },
  600_000,
)
