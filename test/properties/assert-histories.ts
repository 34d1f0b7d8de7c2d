import fc from 'fast-check'
import { histories } from '../support/histories.ts'
import { openLab } from '../support/lab.ts'
import { expectHistoryToHold } from './run-history.ts'

/**
 * Goes through random histories for as long as `limitMs`. A failure prints its seed: `DMSCDC_SEED=… DMSCDC_RUNS=…` go
 * through the same histories, and as many more, without a limit.
 */
export async function assertHistories(limitMs: number): Promise<void> {
  const { DMSCDC_SEED: seed, DMSCDC_RUNS: runs } = process.env
  const lab = await openLab()
  try {
    await fc.assert(
      fc.asyncProperty(histories(), (history) => expectHistoryToHold(lab, history)),
      {
        numRuns: Number(runs ?? 1_000),
        ...(seed === undefined ? {} : { seed: Number(seed) }),
        ...(runs === undefined ? { interruptAfterTimeLimit: limitMs } : {}),
      },
    )
  } finally {
    await lab.close()
  }
}
