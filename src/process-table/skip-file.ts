import { type LandingFile, noLoad, type Snapshot, type TakenFile, tableName } from '../domain.ts'
import { DmscdcError, UsageError } from '../errors.ts'
import { advance, pendingChanges } from '../landing/pending.ts'
import { emptySnapshot, type StagedWork, unchanged } from './carry-out.ts'
import { commitStaged } from './commit-work.ts'
import { finishHead } from './finish-head.ts'
import { holdingTheTable } from './hold-table.ts'
import { openHead } from './open-head.ts'
import type { TableRun } from './table-run.ts'

/** Records in a commit of its own that a landing file is passed over; the rows stay as they are. Returns its version. */
export async function skipFile(run: TableRun, file: LandingFile, why: string): Promise<number> {
  let version = -1
  const held = await holdingTheTable(run, async (table) => {
    const head = await finishHead(table, await openHead(run))
    refuseTaken(run, head, file)
    const attempt = { txnId: run.ports.newId(), startedMs: run.ports.clock.nowMs() }
    const { result } = await commitStaged(table, skipping(run, head, file, why), attempt)
    if (result.kind !== 'won')
      throw new DmscdcError('conflict', 'another run changed the table meanwhile', { hint: 'give the command again' })
    version = result.version
  })
  if (held.kind === 'worked') return version
  throw new DmscdcError('conflict', `run ${held.lease.runId} on ${held.lease.host} holds the table`, {
    hint: 'give the command again when that run has ended',
  })
}

function refuseTaken(run: TableRun, head: Snapshot | null, file: LandingFile): void {
  if (head === null) return
  const taken = [...head.load.files, ...head.progress.window].find(({ key }) => key === file.key)
  const isPending = pendingChanges([file], head.progress).length > 0
  const isTaken =
    file.kind === 'load' ? taken?.etag === file.etag : taken === undefined ? !isPending : taken.etag === file.etag
  if (!isTaken) return
  const name = tableName(run.item.id)
  throw new UsageError(`landing file ${file.key} of ${name} was taken or passed over already`, `dmscdc history ${name}`)
}

function skipping(run: TableRun, head: Snapshot | null, file: LandingFile, why: string): StagedWork {
  const { config, listing } = run
  const base = head ?? emptySnapshot(config)
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
    load: file.kind === 'load' ? { ...base.load, files: [...loads, skipped] } : head === null ? noLoad : null,
    passedOver: [{ key, why }],
  }
}
