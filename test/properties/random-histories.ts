import type { WriteCosts } from '../../src/costs.ts'
import { histories } from '../support/histories.ts'
import { assertForAWhile } from './assert-for-a-while.ts'
import { expectHistoryToHold } from './run-history.ts'
import { watchSplices } from './watch-splices.ts'

/** Random histories for about `limitMs`, the files written as the costs say; `planned`: each run is planned before. Returns how many were spliced. */
export async function expectHistoriesToHold(
  costs: WriteCosts,
  { limitMs, planned = false }: { readonly limitMs: number; readonly planned?: boolean },
): Promise<number> {
  let splices = 0
  await assertForAWhile(
    histories(),
    (lab, history) =>
      expectHistoryToHold(
        watchSplices(lab, costs, () => splices++),
        history,
        { planned },
      ),
    limitMs,
  )
  return splices
}
