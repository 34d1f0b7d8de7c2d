import { type LandingFile, type Snapshot, type TakenFile, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import { advance, isPendingKey, pendingChanges } from '../landing/pending.ts'
import { commitCommand } from './command.ts'
import { commitStaged } from './commit-work.ts'
import { startingPoint } from './edited-cursors.ts'
import { type Moved, obeyStanding } from './move-table.ts'
import { emptySnapshot, type StagedWork, unchanged } from './staged-work.ts'
import type { TableRun } from './table-run.ts'

/**
 * Records in a commit of its own that a landing file is passed over; the rows stay as they are. An edit of the cursors that stands in the row comes
 * first: beside the cursor that this leaves it would mean another thing. Returns the commit's version.
 */
export function skipFile(run: TableRun, file: LandingFile, why: string): Promise<number> {
  return commitCommand(run, async (table, head) => {
    const moved = head === null ? null : await obeyStanding(table.run, head)
    refuseTaken(table.run, moved, file)
    const attempt = { txnId: run.ports.newId(), startedMs: run.ports.clock.nowMs() }
    return commitStaged(table, skipping(table.run, { head, moved }, file, why), attempt)
  })
}

function refuseTaken(run: TableRun, moved: Moved | null, file: LandingFile): void {
  if (moved === null) return
  const taken = [...moved.load.files, ...moved.progress.window].find(({ key }) => key === file.key)
  const isPending = isPendingKey(file.key, moved.progress)
  const isTaken =
    file.kind === 'load' ? taken?.etag === file.etag : taken === undefined ? !isPending : taken.etag === file.etag
  if (!isTaken) return
  const name = tableName(run.item.id)
  throw new UsageError(`landing file ${file.key} of ${name} was taken or passed over already`, `dmscdc history ${name}`)
}

type Table = {
  readonly head: Snapshot | null
  /** The head's bookkeeping, with an edit obeyed. */
  readonly moved: Moved | null
}

function skipping(run: TableRun, { head, moved }: Table, file: LandingFile, why: string): StagedWork {
  const { config, listing } = run
  const base = moved ?? emptySnapshot(config, startingPoint(run))
  const { key, etag, sizeBytes } = file
  const skipped: TakenFile = { key, etag, sizeBytes, sha256: null, passedOver: 'skipped' }
  const stillPending = pendingChanges(listing.changes, base.progress).filter((pending) => pending.key !== key)
  const { primaryKey, partitionKey } = head === null ? config : head.progress
  const changes = file.kind === 'change' ? [skipped] : []
  const loads = base.load.files.filter((taken) => taken.key !== key)
  return {
    ...unchanged(head),
    operation: 'SKIP',
    schema: head === null ? { columns: [], partitionColumns: config.partitionKey } : null,
    progress: advance(base.progress, changes, {
      lookBackMs: config.lookBackMs,
      stillPending,
      primaryKey,
      partitionKey,
    }),
    load:
      file.kind === 'load' ? { ...base.load, files: [...loads, skipped] } : base.load === head?.load ? null : base.load,
    passedOver: [...(moved?.passedOver ?? []), { key, why }],
    ...(moved === null || moved.note === '' ? {} : { note: moved.note }),
  }
}
