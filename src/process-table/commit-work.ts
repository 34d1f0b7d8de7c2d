import { noChanges, type Snapshot, type StagedCommit, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import type { CommitResult } from '../lake/commit.ts'
import { commitBody, nextVersion } from '../lake/commit-body.ts'
import { stagedKey, stagingPrefix } from '../lake/keys.ts'
import { commitEntry, discardStaged } from '../lake/perform.ts'
import { committedSnapshot } from '../lake/snapshot.ts'
import { listAll } from '../objects/object-store.ts'
import { dmscdcVersion } from '../version.ts'
import { carryOut, type StagedWork, unchanged } from './carry-out.ts'
import type { TableWork } from './decide.ts'
import { startingPoint } from './edited-cursors.ts'
import { finishHead } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import type { Moved } from './move-table.ts'
import { openHead } from './open-head.ts'
import { configFor } from './table-run.ts'

export type Done = {
  readonly result: CommitResult
  readonly head: Snapshot | null
  readonly staged: StagedWork
}

/**
 * One piece of work to its end: stage, commit, finish. A commit that is lost to another run leaves nothing behind, and
 * the head it lost to is what the next decision is made on: always a new plan, never these files again. So is work that
 * fails while another run moves the head: it is lost before it could be committed.
 */
export async function commitWork(
  table: HeldTable,
  head: Snapshot | null,
  work: Exclude<TableWork, { kind: 'idle' | 'held' }>,
): Promise<Done> {
  const { ports, place, listing, session: openSession } = table.run
  const txnId = ports.newId()
  const staging = { lake: ports.lake, place, txnId, newId: ports.newId, nowMs: ports.clock.nowMs }
  const startedMs = ports.clock.nowMs()
  ports.log.info({ table: tableName(place.id), work: work.kind }, `${work.kind} work begins`)
  let staged: StagedWork
  table.settled = false
  try {
    const start = startingPoint(table.run)
    const config = configFor(table.run, head)
    const session = await openSession()
    const { landing, writeCosts: costs } = ports
    const context = { landing, session, staging, config, listing, snapshot: head, start, costs }
    staged = await carryOut(context, work)
  } catch (error) {
    table.settled = await discardAttempt(table, txnId)
    const moved = await movedHead(table, head)
    if (moved === null) throw error
    // The files that the plan was made on are gone with the head that listed them: nothing is wrong but the plan.
    const result = { kind: 'lost', version: moved.version } as const
    return { result, head: await finishHead(table, moved), staged: unchanged(head) }
  }
  return commitStaged(table, staged, { txnId, startedMs })
}

/** The head where another run has moved it on from `head`; null where it stands or cannot be read. */
async function movedHead({ run }: HeldTable, head: Snapshot | null): Promise<Snapshot | null> {
  const now = await openHead(run).catch(() => null)
  return now !== null && now.version !== head?.version ? now : null
}

/** Commits what is staged under `txnId` and finishes the head that results. */
export async function commitStaged(
  table: HeldTable,
  staged: StagedWork,
  attempt: { readonly txnId: string; readonly startedMs: number },
): Promise<Done> {
  const { ports, place } = table.run
  const commit = stagedCommit(table, staged, attempt)
  const body = commitBody(commit, dmscdcVersion)
  const version = nextVersion(commit)
  const result = await commitEntry(
    { store: ports.lake, clock: ports.clock },
    { place, version, body, txnId: attempt.txnId, notAfterMs: table.notAfterMs() },
  )
  switch (result.kind) {
    case 'won':
      ports.log.info({ table: tableName(place.id), version }, 'committed')
      return { result, head: await finishHead(table, committedSnapshot(staged.base, body)), staged }
    case 'lost':
    case 'expired':
      await discardStaged(ports.lake, place, commit.add)
      return { result, head: await finishHead(table, await openHead(table.run)), staged }
    case 'unknown':
      throw new DmscdcError(
        'unavailable',
        `commit of version ${String(version)}: its answer was lost, and so were those of all tries to read it back`,
        {
          hint: 'run again: the next run sees whether it was applied',
          cause: result.cause,
        },
      )
  }
}

/** An empty commit: no attempt that stems from an older head can win any more. */
export function fence(table: HeldTable, head: Snapshot): Promise<Done> {
  const { ports } = table.run
  const attempt = { txnId: ports.newId(), startedMs: ports.clock.nowMs() }
  return commitStaged(table, { ...unchanged(head), operation: 'FENCE' }, attempt)
}

/** A commit of the bookkeeping alone: the operator moved it. */
export function commitMove(table: HeldTable, head: Snapshot, moved: Moved): Promise<Done> {
  const { ports } = table.run
  const attempt = { txnId: ports.newId(), startedMs: ports.clock.nowMs() }
  const { progress, passedOver, note } = moved
  const load = moved.load === head.load ? null : moved.load
  return commitStaged(table, { ...unchanged(head), operation: 'REPLAY', progress, load, passedOver, note }, attempt)
}

function stagedCommit(
  { run }: HeldTable,
  staged: StagedWork,
  attempt: { readonly txnId: string; readonly startedMs: number },
): StagedCommit {
  const rows = (files: readonly { readonly rows: number }[]) => files.reduce((total, file) => total + file.rows, 0)
  const rowsBefore = rows(staged.base?.files ?? [])
  const { landingFiles, passedOver, note, changes, filesRewritten, bytesRead, bytesCarried, ...commit } = staged
  return {
    ...commit,
    txnId: attempt.txnId,
    timestampMs: run.ports.clock.nowMs(),
    receipt: {
      landingFiles: landingFiles.map(({ key }) => key),
      passedOver,
      ...(note === undefined ? {} : { note }),
      changes: changes ?? noChanges,
      rowsBefore,
      rowsAfter: rowsBefore - rows(staged.remove) + rows(staged.add),
      filesRewritten,
      bytesRead,
      bytesWritten: sumBytes(staged.operation === 'ADOPT' ? [] : staged.add) - bytesCarried,
      requests: run.costs().requests,
      startedMs: attempt.startedMs,
    },
  }
}

const sumBytes = (files: readonly { readonly sizeBytes: number }[]) =>
  files.reduce((total, { sizeBytes }) => total + sizeBytes, 0)

/** Best effort: what cannot be deleted now is swept by a later run. False: something may be left. */
async function discardAttempt({ run }: HeldTable, txnId: string): Promise<boolean> {
  const { ports, place } = run
  try {
    for await (const { objects } of listAll(ports.lake, { prefix: stagedKey(place, txnId, '') }))
      await ports.lake.deleteMany(objects.map(({ key }) => key))
    return true
  } catch (error) {
    ports.log.warn(
      { table: tableName(place.id), error: String(error) },
      `staged files below ${stagingPrefix(place)}${txnId}/ were left for a later run`,
    )
    return false
  }
}
