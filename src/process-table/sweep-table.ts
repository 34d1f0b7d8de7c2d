import type { Snapshot } from '../domain.ts'
import type { CommitResult } from '../lake/commit.ts'
import { sweepStaging } from '../lake/perform.ts'
import type { HeldTable } from './held-table.ts'

/**
 * Clears what a dead run staged. Its commit may still be on its way, so first comes a commit of ours on `head`, where there is something to
 * clear. False: that commit was lost to another run, so nothing was deleted.
 */
export async function sweepWith(
  table: HeldTable,
  head: Snapshot | null,
  commit: () => Promise<CommitResult>,
): Promise<boolean> {
  const { ports, place } = table.run
  const result = await sweepStaging({ store: ports.lake, commit }, { place, head, ownTxnId: '' })
  table.unswept = result.kind === 'void'
  return !table.unswept
}

/** Where a run before this one did not end well, and at every checkpoint: what was staged late is known to nobody. */
export function isSweepDue({ unswept }: HeldTable, head: Snapshot | null): boolean {
  return unswept || head?.checkpointVersion === head?.version
}
