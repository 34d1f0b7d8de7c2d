import { type Snapshot, type StagedCommit, tableName } from '../domain.ts'
import { asDmscdcError, type DmscdcError } from '../errors.ts'
import { listAll, type ObjectStore } from '../objects/object-store.ts'
import { drive } from '../steps.ts'
import type { CheckpointEngine } from './checkpoint.ts'
import { type CommitAnswer, type CommitAttempt, type CommitCall, type CommitResult, commitMachine } from './commit.ts'
import { corruptLake } from './corrupt-lake.ts'
import { type FinishAnswer, type FinishInput, type FinishResult, finishMachine } from './finish.ts'
import type { FinishCall } from './finish-agenda.ts'
import { inParallel } from './in-parallel.ts'
import {
  dataKey,
  deleteKey,
  deleteName,
  deletesPrefix,
  entryKey,
  logPrefix,
  stagedKey,
  stagingPrefix,
  type TablePlace,
} from './keys.ts'
import { dropManifests, putManifests } from './manifest.ts'
import { entryTxnId } from './parse-actions.ts'
import { beginView, dropView, mirrorLog } from './publish.ts'
import { type SweepAnswer, type SweepCall, type SweepInput, type SweepResult, sweepMachine } from './sweep.ts'

export type Clock = { nowMs(): number; sleep(ms: number): Promise<void> }

const backOffMs = 50
const backOffMsMax = 2_000

/**
 * Runs the commit. Never throws for what a store does: trouble ends as `unknown`, after which nothing may be deleted. A lost
 * or expired attempt leaves its staged files to `discardStaged`.
 */
export function commitEntry(
  ports: { store: ObjectStore; clock: Clock },
  attempt: CommitAttempt,
): Promise<CommitResult> {
  return drive(commitMachine(attempt), (call) => performCommit(ports, call))
}

export type FinishPorts = {
  readonly store: ObjectStore
  readonly engine: CheckpointEngine
  readonly readHead: () => Promise<Snapshot | null>
}

export type Finished = FinishResult & { readonly kind: 'finished' }

/** Runs `finish`. Throws `corrupt-lake` when a listed file or the log is gone; `unavailable` leaves the rest to the next run. */
export async function finishTable(ports: FinishPorts, input: FinishInput): Promise<Finished> {
  const result = await drive(finishMachine(input), (call) => performFinish(ports, input, call))
  if (result.kind === 'finished') return result
  throw finishError(input.place, result)
}

/** Runs the sweep. `commit` makes the run's own work commit or a FENCE on `input.head`. */
export function sweepStaging(
  ports: { store: ObjectStore; commit: () => Promise<CommitResult> },
  input: SweepInput,
): Promise<SweepResult> {
  return drive(sweepMachine(input), (call) => performSweep(ports, input, call))
}

/** Deletes what an attempt wrote. Only after its commit is `lost` or `expired`, or was never begun. */
export async function discardStaged(
  store: ObjectStore,
  place: TablePlace,
  { add, progress, txnId }: Pick<StagedCommit, 'add' | 'progress' | 'txnId'>,
): Promise<void> {
  const deletions = (progress.remembered?.files ?? []).filter(({ name }) => name === deleteName(txnId))
  const keys = [
    ...add.map((file) => stagedKey(place, file.txnId, file.path)),
    ...deletions.map(({ name }) => deleteKey(place, name)),
  ]
  if (keys.length > 0) await store.deleteMany(keys)
}

async function performCommit(ports: { store: ObjectStore; clock: Clock }, call: CommitCall): Promise<CommitAnswer> {
  const { store, clock } = ports
  switch (call.kind) {
    case 'put-absent':
      // Checked here, just before the PUT: a run that was asleep must not commit on a lease that ended meanwhile.
      if (clock.nowMs() > call.notAfterMs) return { kind: 'expired' }
      return putAbsent(store, call)
    case 'read-back':
      return readBack(store, call.key)
    case 'back-off':
      await clock.sleep(Math.min(backOffMsMax, backOffMs * 2 ** (call.attempt - 1)))
      return { kind: 'rested' }
  }
}

async function putAbsent(store: ObjectStore, { key, body }: { key: string; body: Uint8Array }): Promise<CommitAnswer> {
  try {
    const outcome = await store.put(key, body, { kind: 'absent' })
    return { kind: outcome.kind === 'stored' ? 'stored' : 'exists' }
  } catch (thrown) {
    const cause = asDmscdcError(thrown)
    // An error that nobody foresaw says nothing about what the store did.
    return { kind: cause.maybeApplied || cause.kind === 'bug' ? 'unknown' : 'not-applied', cause }
  }
}

async function readBack(store: ObjectStore, key: string): Promise<CommitAnswer> {
  try {
    const found = await store.get(key)
    return found === null ? { kind: 'missing' } : { kind: 'found', txnId: entryTxnId(found.body) }
  } catch (thrown) {
    return { kind: 'failed', cause: asDmscdcError(thrown) }
  }
}

async function performFinish(
  ports: FinishPorts,
  { place, ...input }: FinishInput,
  call: FinishCall,
): Promise<FinishAnswer> {
  const { store } = ports
  switch (call.kind) {
    case 'place': {
      const copied = await inParallel(call.files, ({ from, to }) => store.copy(from, to))
      return { kind: 'placed', missing: call.files.filter((_, at) => copied[at] === 'missing').map(({ path }) => path) }
    }
    case 'check': {
      const found = await inParallel(call.files, ({ key }) => store.head(key))
      return { kind: 'checked', missing: call.files.filter((_, at) => found[at] === null).map(({ path }) => path) }
    }
    case 're-read-head':
      return { kind: 'head', head: await ports.readHead() }
    case 'mirror-log':
      return mirrorLog(store, place, call)
    case 'begin-view':
      return beginView({ ...ports, ...input, place, snapshot: call.head })
    case 'drop-view':
      return dropView(store, place)
    case 'put-manifests':
      return { kind: await putManifests({ store, place, ...call }) }
    case 'drop-manifests':
      await dropManifests(store, place)
      return { kind: 'performed' }
    case 'retain':
      await inParallel(call.files, ({ from, to }) => store.copy(from, to))
      await store.deleteMany(call.files.map(({ from }) => from))
      return { kind: 'performed' }
    case 'delete':
      await store.deleteMany(call.keys)
      return { kind: 'performed' }
  }
}

async function performSweep(
  ports: { store: ObjectStore; commit: () => Promise<CommitResult> },
  { place }: SweepInput,
  call: SweepCall,
): Promise<SweepAnswer> {
  switch (call.kind) {
    case 'list-staging': {
      const keys: string[] = []
      for (const prefix of [stagingPrefix(place), deletesPrefix(place)])
        for await (const page of listAll(ports.store, { prefix })) keys.push(...page.objects.map(({ key }) => key))
      return { kind: 'listed', keys }
    }
    case 'commit':
      return { kind: 'committed', result: await ports.commit() }
    case 'delete':
      await ports.store.deleteMany(call.keys)
      return { kind: 'deleted' }
  }
}

function finishError(place: TablePlace, result: Exclude<FinishResult, Finished>): DmscdcError {
  const name = tableName(place.id)
  switch (result.kind) {
    case 'file-lost':
      return corruptLake(
        `lake ${name}: version ${result.version} lists ${dataKey(place, result.path)}, found neither it nor its staged copy`,
        { hint: 'bring that object back from a backup or from an earlier version in the bucket, then run again' },
      )
    case 'log-lost':
      return corruptLake(`lake ${name}: its log in ${logPrefix(place)} is gone, expected at least one version`)
    case 'view-foreign':
      return corruptLake(
        `lake ${name}: another program wrote version ${result.version} of the published Delta log, expected a copy of ` +
          entryKey(logPrefix(place), result.version),
        { hint: `keep other writers away; take the view off with \`dmscdc set ${name}\`, run, and put it on again` },
      )
  }
}
