import { noChanges, type Snapshot, type StagedCommit, tableName } from '../domain.ts'
import { asDmscdcError, DmscdcError } from '../errors.ts'
import type { CommitResult } from '../lake/commit.ts'
import { commitBody, nextVersion } from '../lake/commit-body.ts'
import { withForgotten } from '../lake/delete-files.ts'
import { deleteKey, deleteName, stagedKey, stagingPrefix } from '../lake/keys.ts'
import { commitEntry, discardStaged } from '../lake/perform.ts'
import { committedSnapshot } from '../lake/snapshot.ts'
import type { Staging } from '../lake/write-data.ts'
import { advanceReplay } from '../landing/replay-mark.ts'
import { listAll } from '../objects/object-store.ts'
import { sum, totalBytes } from '../sum.ts'
import { dmscdcVersion } from '../version.ts'
import type { carryOut } from './carry-out.ts'
import type { TableWork } from './decide.ts'
import { startingPoint } from './edited-cursors.ts'
import { finishHead } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import type { Moved } from './move-table.ts'
import { openHead } from './open-head.ts'
import { type StagedWork, unchanged } from './staged-work.ts'
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
  stageWork: typeof carryOut,
): Promise<Done> {
  return stageAndCommit(table, head, work.kind, async (staging) => {
    const { ports, listing, session: openSession } = table.run
    const start = startingPoint(table.run)
    const config = configFor(table.run, head)
    const session = await openSession()
    const { landing, writeCosts: costs } = ports
    const context = { landing, session, staging, config, listing, snapshot: head, start, costs }
    return stageWork(context, work)
  })
}

/** The same for anything that stages files: `stage` does so up to the commit, on `head`. */
export async function stageAndCommit(
  table: HeldTable,
  head: Snapshot | null,
  kind: string,
  stage: (staging: Staging) => Promise<StagedWork>,
): Promise<Done> {
  const { ports, place } = table.run
  const txnId = ports.newId()
  const startedMs = ports.clock.nowMs()
  ports.log.info({ table: tableName(place.id), work: kind }, `${kind} work begins`)
  let staged: StagedWork
  table.settled = false
  try {
    staged = await stage({ lake: ports.lake, place, txnId, newId: ports.newId, nowMs: ports.clock.nowMs })
  } catch (error) {
    await discardAttempt(table, txnId)
    // A file whose answer was lost may turn up after it was looked for.
    if (asDmscdcError(error).maybeApplied) table.littered = true
    table.settled = true
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
      await discardLost(table, commit)
      return { result, head: await finishHead(table, await openHead(table.run)), staged }
    case 'unknown':
      table.littered = true
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
  const rows = (files: readonly { readonly rows: number }[]) => sum(files.map((file) => file.rows))
  const rowsBefore = rows(staged.base?.files ?? [])
  const {
    landingFiles,
    passedOver,
    note,
    restored,
    changes,
    filesRewritten,
    bytesRead,
    bytesCarried,
    warnings: _,
    ...commit
  } = staged
  const before = staged.base?.progress ?? null
  const written = staged.operation === 'ADOPT' ? [] : staged.add
  return {
    ...commit,
    progress: advanceReplay(before, withForgotten(before, staged.progress, attempt.txnId), {
      version: (staged.base?.version ?? -1) + 1,
      changes: run.listing.changes,
      takes: landingFiles.length > 0,
      restores: staged.operation === 'RESTORE',
    }),
    txnId: attempt.txnId,
    timestampMs: run.ports.clock.nowMs(),
    receipt: {
      landingFiles: landingFiles.map(({ key }) => key),
      passedOver,
      ...(note === undefined ? {} : { note }),
      ...(restored === undefined ? {} : { restored }),
      changes: changes ?? noChanges,
      rowsBefore,
      rowsAfter: rowsBefore - rows(staged.remove) + rows(staged.add),
      filesRewritten,
      bytesRead,
      bytesWritten: totalBytes(written) - bytesCarried,
      requests: run.costs().requests,
      startedMs: attempt.startedMs,
    },
  }
}

/** Whatever an attempt staged before it failed. */
async function discardAttempt(table: HeldTable, txnId: string): Promise<void> {
  const { ports, place, config } = table.run
  await bestEffort(table, async () => {
    for await (const { objects } of listAll(ports.lake, { prefix: stagedKey(place, txnId, '') }))
      await ports.lake.deleteMany(objects.map(({ key }) => key))
    if (config.sequenceColumn !== null) await ports.lake.deleteMany([deleteKey(place, deleteName(txnId))])
  })
}

async function discardLost(table: HeldTable, commit: StagedCommit): Promise<void> {
  const { ports, place } = table.run
  await bestEffort(table, () => discardStaged(ports.lake, place, commit))
}

/** What cannot be deleted now is swept by the next run. */
async function bestEffort(table: HeldTable, discard: () => Promise<void>): Promise<void> {
  try {
    await discard()
  } catch (error) {
    const { ports, place } = table.run
    table.littered = true
    ports.log.warn(
      { table: tableName(place.id), error: String(error) },
      `staged files below ${stagingPrefix(place)} were left for the next run`,
    )
  }
}
