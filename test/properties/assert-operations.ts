import fc from 'fast-check'
import { openLab } from '../support/lab.ts'
import { operations } from '../support/operations.ts'
import { expectOperationsToHold } from './run-operations.ts'

const shrinkMs = 60_000

/**
 * Goes through random operations for about `limitMs`, and some time more to shrink those that fail. A failure prints its seed:
 * `DMSCDC_SEED=… DMSCDC_RUNS=…` go through the same ones, and as many, without a limit.
 */
export async function assertOperations(keyColumns: readonly string[], limitMs: number): Promise<void> {
  const { DMSCDC_SEED: seed, DMSCDC_RUNS: runs } = process.env
  const lab = await openLab()
  let endsMs = runs === undefined ? Date.now() + limitMs : Number.POSITIVE_INFINITY
  let shrinking = false
  const holds = fc.asyncProperty(operations(), async (some) => {
    if (Date.now() > endsMs) return
    await expectOperationsToHold(lab, some, keyColumns).catch((failure: unknown) => {
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
