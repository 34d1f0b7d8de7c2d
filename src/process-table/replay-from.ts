import { type LandingFile, type Snapshot, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import { leftOut } from '../landing/pending.ts'
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
    const loaded = refuseLeftOut(table.run, head, file)
    const moved = await moveBefore(table.run, loaded, file)
    if (moved === null) throw untaken(table.run, file)
    return commitMove(table, loaded, moved)
  })
}

function refuseLeftOut({ item, listing, config }: TableRun, head: Snapshot | null, file: LandingFile): Snapshot {
  const name = tableName(item.id)
  if (head === null) throw new UsageError(`${name} was not loaded yet: there is nothing to take again`, 'dmscdc run')
  if (file.kind === 'load') return head
  const before = head.load.generation > 1 ? leftOut([file], listing.loads, config.landingTimezone) : []
  if (before.length === 0) return head
  throw new UsageError(
    `landing file ${file.key} of ${name} lies before the full load, which left it out`,
    `dmscdc history ${name}`,
  )
}

const untaken = ({ item }: TableRun, file: LandingFile) =>
  new UsageError(
    `landing file ${file.key} of ${tableName(item.id)} was not taken yet: the next run takes it`,
    'dmscdc run',
  )
