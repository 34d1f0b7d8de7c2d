import { expect, test } from 'vitest'
import { assertHistories } from './assert-histories.ts'

test.each([
  ['written whole', { spliced: false }],
  ['spliced', { spliced: true }],
])(
  'random histories, files %s: each run leaves and reports what the oracle says, and many runs leave what one leaves',
  async (_how, options) => {
    const splices = await assertHistories(45_000, options)
    expect(splices > 0).toBe(options.spliced)
  },
  600_000,
)
