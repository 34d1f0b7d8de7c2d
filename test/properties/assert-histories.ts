import fc from 'fast-check'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import { histories } from '../support/histories.ts'
import { eagerSplices, openLab } from '../support/lab.ts'
import { expectHistoryToHold } from './run-history.ts'

const shrinkMs = 60_000

/**
 * Goes through random histories (`spliced`: with every splice that can be) for about `limitMs`, and some time more to shrink one that fails. A failure prints its
 * seed: `DMSCDC_SEED=… DMSCDC_RUNS=…` go through the same histories, and as many, without a limit. Returns how many files were spliced.
 */
export async function assertHistories(limitMs: number, options: { readonly spliced: boolean }): Promise<number> {
  const { DMSCDC_SEED: seed, DMSCDC_RUNS: runs } = process.env
  const own = await openLab()
  let splices = 0
  const lake: ObjectStore = {
    ...own.ports.lake,
    putSpliced(...asked) {
      splices++
      return own.ports.lake.putSpliced(...asked)
    },
  }
  const lab = { ...own, ports: { ...own.ports, lake, ...(options.spliced ? { writeCosts: eagerSplices } : {}) } }
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
    return splices
  } finally {
    await lab.close()
  }
}
