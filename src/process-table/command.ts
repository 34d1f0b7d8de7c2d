import type { Snapshot } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import type { Done } from './commit-work.ts'
import { finishHead } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import { holdingTheTable } from './hold-table.ts'
import { openHead } from './open-head.ts'
import type { TableRun } from './table-run.ts'

/**
 * An operator's command as one commit on a table, under its lease. Returns the version. Throws `conflict` where another run holds the table
 * or moves it meanwhile.
 */
export async function commitCommand(
  run: TableRun,
  commit: (table: HeldTable, head: Snapshot | null) => Promise<Done>,
): Promise<number> {
  let version = -1
  const held = await holdingTheTable(run, async (table) => {
    if (await isMoved(run)) throw movedMeanwhile()
    const { result } = await commit(table, await finishHead(table, await openHead(run))).catch(async (thrown) => {
      throw (await isMoved(run)) ? movedMeanwhile() : thrown
    })
    if (result.kind !== 'won') throw movedMeanwhile()
    version = result.version
  })
  if (held.kind === 'worked') return version
  throw new DmscdcError('conflict', `run ${held.lease.runId} on ${held.lease.host} holds the table`, {
    hint: 'give the command again when that run has ended',
  })
}

/**
 * Whether the row says something else than when the command looked at the landing: its listing may be older than the head then,
 * and its mirror would leave a cursor beside another twin, which is an edit that nobody made.
 */
async function isMoved({ ports, item }: TableRun): Promise<boolean> {
  const now = (await ports.state.get(item.id))?.row
  return ['Version', 'LastIncrementalFile', 'LastFullLoadDate'].some((name) => now?.[name] !== item.row?.[name])
}

function movedMeanwhile(): DmscdcError {
  return new DmscdcError('conflict', 'another run changed the table meanwhile', { hint: 'give the command again' })
}
