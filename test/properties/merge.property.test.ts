import fc from 'fast-check'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { histories } from '../support/histories.ts'
import { type Lab, openLab } from '../support/lab.ts'
import { expectHistoryToHold } from './run-history.ts'

describe('random histories of a table', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())

  test('every run leaves what the oracle says, reports it, and many runs leave what one leaves', async () => {
    const holds = fc.asyncProperty(histories(), (history) => expectHistoryToHold(lab, history))
    await fc.assert(holds, { numRuns: Number(process.env.DMSCDC_RUNS ?? 10), ...(process.env.DMSCDC_SEED ? { seed: Number(process.env.DMSCDC_SEED) } : {}) })
  }, 600_000)
})
