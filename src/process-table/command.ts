import type { Snapshot } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { type Done, fence } from './commit-work.ts'
import { finishHead } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import { holdingTheTable } from './hold-table.ts'
import { openHead } from './open-head.ts'
import { sweepWith } from './sweep-table.ts'
import type { TableRun } from './table-run.ts'

/**
 * An operator's command as one commit on a table, under its lease; null from `commit`: there is nothing to commit. Returns the head's
 * version. What has expired goes only after the commit, which may need it. Throws `conflict` where another run holds the table or
 * moves it meanwhile.
 */
export async function commitCommand(
  run: TableRun,
  commit: (table: HeldTable, head: Snapshot | null) => Promise<Done | null>,
): Promise<number> {
  let version = -1
  const held = await holdingTheTable(run, async (table) => {
    const head = await finishHead(table, await openHead(run), { keepExpired: true })
    version = await commitOnce(table, head, commit)
  })
  if (held.kind === 'worked') return version
  throw new DmscdcError('conflict', `run ${held.lease.runId} on ${held.lease.host} holds the table`, {
    hint: 'give the command again when that run has ended',
  })
}

/** What a dead run staged is swept by the command's own commit, or by a fence where it has none. */
async function commitOnce(
  table: HeldTable,
  head: Snapshot | null,
  commit: (table: HeldTable, head: Snapshot | null) => Promise<Done | null>,
): Promise<number> {
  let done: Done | null | undefined
  if (table.unswept)
    await sweepWith(table, head, async () => {
      done = await commit(table, head)
      return (done ?? (await fence(table, head as Snapshot))).result
    })
  if (done === undefined) done = await commit(table, head)
  if (done === null) return head?.version ?? -1
  if (done.result.kind === 'won') return done.result.version
  throw new DmscdcError('conflict', 'another run changed the table meanwhile', { hint: 'give the command again' })
}
