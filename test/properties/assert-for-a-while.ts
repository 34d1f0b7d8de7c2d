import fc from 'fast-check'
import { type Lab, openLab } from '../support/lab.ts'

const shrinkMs = 60_000

/**
 * Goes through random values for about `limitMs`, and some time more to shrink one that fails. A failure prints its seed:
 * `DMSCDC_SEED=… DMSCDC_RUNS=…` go through the same ones, and as many, without a limit.
 */
export async function assertForAWhile<T>(
  values: fc.Arbitrary<T>,
  expectToHold: (lab: Lab, value: T) => Promise<void>,
  limitMs: number,
): Promise<void> {
  const { DMSCDC_SEED: seed, DMSCDC_RUNS: runs } = process.env
  const lab = await openLab()
  let endsMs = runs === undefined ? Date.now() + limitMs : Number.POSITIVE_INFINITY
  let shrinking = false
  const holds = fc.asyncProperty(values, async (value) => {
    if (Date.now() > endsMs) return
    await expectToHold(lab, value).catch((failure: unknown) => {
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
