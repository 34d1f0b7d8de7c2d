import { type LandingFile, type Snapshot, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import { leftOut, pendingChanges } from '../landing/pending.ts'
import { commitCommand } from './command.ts'
import { commitMove } from './commit-work.ts'
import { moveBefore } from './move-table.ts'
import type { TableRun } from './table-run.ts'

/**
 * Moves the progress back to before a landing file, in a commit of its own; the next run takes the files from there on again. A file of the
 * full load means the whole table. Returns the version of the commit.
 */
export function replayFrom(run: TableRun, file: LandingFile): Promise<number> {
  return commitCommand(run, async (table, head) => {
    const loaded = refuseUntaken(table.run, head, file)
    return commitMove(table, loaded, await moveBefore(table.run, loaded, file))
  })
}

function refuseUntaken({ item, listing, config }: TableRun, head: Snapshot | null, file: LandingFile): Snapshot {
  const name = tableName(item.id)
  if (head === null) throw new UsageError(`${name} was not loaded yet: there is nothing to take again`, 'dmscdc run')
  if (file.kind === 'load') return head
  if (pendingChanges([file], head.progress).length > 0)
    throw new UsageError(`landing file ${file.key} of ${name} was not taken yet: the next run takes it`, 'dmscdc run')
  const before = head.load.generation > 1 ? leftOut([file], listing.loads, config.landingTimezone) : []
  if (before.length === 0) return head
  throw new UsageError(
    `landing file ${file.key} of ${name} lies before the full load, which left it out`,
    `dmscdc history ${name}`,
  )
}
