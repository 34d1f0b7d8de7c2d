import type { Snapshot } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { type Done, fence } from './commit-work.ts'
import { finishHead } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import { holdingTheTable } from './hold-table.ts'
import { openHead } from './open-head.ts'
import { isSweepDue, sweepWith } from './sweep-table.ts'
import type { TableRun } from './table-run.ts'

/**
 * An operator's command as one commit on a table, under its lease; null from `commit`: there is nothing to commit. Returns the head's
 * version. What has expired goes only after the commit, which may need it. Throws `conflict` where another run holds the table or
 * moves it meanwhile.
 */
export async function commitCommand(
  run: TableRun,
  commit: (table: HeldTable, head: Snapshot | null) => Promise<Done | null>,
  after: Pick<HeldTable, 'setInactive'> = { setInactive: false },
): Promise<number> {
  let version: number | null = null
  for (let tries = 0; tries < takeOversMax; tries++) {
    const held = await holdingTheTable(run, async (table) => {
      const head = await finishHead(table, await openHead(run), { keepExpired: true })
      version ??= await commitOnce(table, head, commit)
      table.setInactive = after.setInactive
    })
    if (held.kind === 'held-by')
      throw new DmscdcError('conflict', `run ${held.lease.runId} on ${held.lease.host} holds the table`, {
        hint: 'give the command again when that run has ended',
      })
    if (held.told) return version as unknown as number
  }
  throw new DmscdcError('conflict', 'other runs took the table over before its row could be told of the command', {
    hint: 'give the command again',
  })
}

/** Where this run stood still for longer than its lease lasts, the row is another's to write; then it is asked for again. */
const takeOversMax = 3

/** What a dead run staged is swept by the command's own commit, or by a fence where it has none. */
async function commitOnce(
  table: HeldTable,
  head: Snapshot | null,
  commit: (table: HeldTable, head: Snapshot | null) => Promise<Done | null>,
): Promise<number> {
  let done: Done | null | undefined
  const once = () =>
    commit(table, head).catch(async (thrown: unknown) => {
      throw (await isMoved(table.run)) ? movedMeanwhile() : thrown
    })
  if (table.unswept || (head !== null && isSweepDue(table, head)))
    await sweepWith(table, head, async () => {
      done = await once()
      return (done ?? (await fence(table, head as Snapshot))).result
    })
  if (done === undefined) done = await once()
  if (done === null) return head?.version ?? -1
  if (done.result.kind === 'won') return done.result.version
  throw movedMeanwhile()
}

/** Whether another run has told the row of more since the lease was taken: what has landed was listed before, and may lack what that run took. */
async function isMoved({ ports, item }: TableRun): Promise<boolean> {
  const now = (await ports.state.get(item.id))?.row
  return ['Version', 'LastIncrementalFile', 'LastFullLoadDate'].some((name) => now?.[name] !== item.row?.[name])
}

function movedMeanwhile(): DmscdcError {
  return new DmscdcError('conflict', 'another run changed the table meanwhile', { hint: 'give the command again' })
}
