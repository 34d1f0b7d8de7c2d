import fc from 'fast-check'
import { histories } from '../support/histories.ts'
import { openLab } from '../support/lab.ts'
import { expectHistoryToHold } from './run-history.ts'

const shrinkMs = 60_000

/**
 * Goes through random histories for about `limitMs`, and some time more to shrink one that fails. A failure prints its
 * seed: `DMSCDC_SEED=… DMSCDC_RUNS=…` go through the same histories, and as many, without a limit.
 */
export async function assertHistories(limitMs: number): Promise<void> {
  const { DMSCDC_SEED: seed, DMSCDC_RUNS: runs } = process.env
  const lab = await openLab()
  let endsMs = runs === undefined ? Date.now() + limitMs : Number.POSITIVE_INFINITY
  let shrinking = false
  const holds = fc.asyncProperty(histories(), async (history) => {
    if (Date.now() > endsMs) return
    await expectHistoryToHold(lab, history).catch((failure: unknown) => {
      if (!shrinking) endsMs = Math.max(endsMs, Date.now() + shrinkMs)
      shrinking = true
      throw failure
    })
  })
  try {
    await fc.assert(holds, { numRuns: Number(runs ?? 200), ...(seed === undefined ? {} : { seed: Number(seed) }) })
  } finally {
    await lab.close()
  }
}
