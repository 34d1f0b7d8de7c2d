import type { Snapshot, Tombstone, View } from '../domain.ts'
import { listAll, type ObjectStore } from '../objects/object-store.ts'
import { addLine, loadLine, metadataLine, progressLine, protocolLine, removeLine } from './actions.ts'
import { checkpointKey, deltaViewPrefix, lastCheckpointKey, logPrefix, parseLogKey, type TablePlace } from './keys.ts'
import { retainMsOf, unexpired, viewRetainMs } from './retention.ts'

/** Writing and reading a checkpoint's Parquet; the SQL is in `checkpoint-sql.ts`. */
export type CheckpointEngine = {
  /** `actions`: one JSON object a line. The scratch file is the engine's to delete. */
  writeCheckpoint(actions: string): Promise<{ readonly scratchFile: string; readonly sizeBytes: number }>
  /** The actions of a local checkpoint file, each as JSON text. */
  readCheckpoint(localPath: string): Promise<readonly string[]>
}

export type CheckpointRequest = {
  readonly store: ObjectStore
  readonly engine: CheckpointEngine
  readonly place: TablePlace
  /** The head, for which `finish` has ended: who opens the checkpoint takes its files for placed. */
  readonly snapshot: Snapshot
  readonly publish: readonly View[]
  readonly retainMs: number | null
  /** The same moment as `finish` was given, so that no expired file is forgotten before it is deleted. */
  readonly nowMs: number
}

const entriesMax = 8
/** Below this JSON costs nothing to read; without it small tables would write a checkpoint every other commit. */
const jsonBytesMin = 1_048_576

/** True when the next open would pay more for the JSON since the last checkpoint than for a new one. */
export function checkpointDue(snapshot: Snapshot): boolean {
  const entries = snapshot.version - (snapshot.checkpointVersion ?? -1)
  return (
    entries >= entriesMax || snapshot.logBytesSinceCheckpoint > Math.max(jsonBytesMin, snapshot.checkpointBytes ?? 0)
  )
}

/**
 * Writes a checkpoint of the head into the log and, where Delta is published, into the view, whose outdated entries go.
 * Best effort and never part of a commit: plain PUTs, the last writer wins. Returns the snapshot that knows of it.
 */
export async function writeCheckpoint(request: CheckpointRequest): Promise<Snapshot> {
  const { store, snapshot, place, publish, nowMs } = request
  const logs = [logPrefix(place), ...(publish.includes('delta') ? [deltaViewPrefix(place)] : [])]
  const checkpoint = await makeCheckpoint(request)
  for (const log of logs) {
    await putCheckpoint(store, log, snapshot.version, checkpoint)
    await putLastCheckpoint(store, log, checkpoint)
  }
  if (publish.includes('delta')) await cleanView(store, deltaViewPrefix(place), nowMs)
  const { sizeBytes: checkpointBytes } = checkpoint
  return { ...snapshot, checkpointVersion: snapshot.version, checkpointBytes, logBytesSinceCheckpoint: 0 }
}

export type MadeCheckpoint = {
  readonly scratchFile: string
  readonly sizeBytes: number
  /** The content of `_last_checkpoint`. */
  readonly pointer: string
}

export async function makeCheckpoint(request: Omit<CheckpointRequest, 'store' | 'place'>): Promise<MadeCheckpoint> {
  const { snapshot, engine, publish, nowMs } = request
  const retainMs = retainMsOf(publish, request.retainMs)
  const lines = checkpointLines(snapshot, unexpired(snapshot, { retainMs, nowMs }))
  const { scratchFile, sizeBytes } = await engine.writeCheckpoint(`${lines.join('\n')}\n`)
  const pointer = JSON.stringify({
    version: snapshot.version,
    size: lines.length,
    sizeInBytes: sizeBytes,
    numOfAddFiles: snapshot.files.length,
  })
  return { scratchFile, sizeBytes, pointer }
}

export async function putCheckpoint(store: ObjectStore, log: string, version: number, made: MadeCheckpoint) {
  await store.put(checkpointKey(log, version), { scratchFile: made.scratchFile }, { kind: 'any' })
}

/** After the checkpoint itself, so that the pointer never names what is not there. */
export async function putLastCheckpoint(store: ObjectStore, log: string, made: MadeCheckpoint) {
  await store.put(lastCheckpointKey(log), new TextEncoder().encode(made.pointer), { kind: 'any' })
}

/** The reconciled actions of a version, as a checkpoint holds them: no commitInfo, removes without statistics. */
export function checkpointLines(snapshot: Snapshot, tombstones: readonly Tombstone[]): readonly string[] {
  return [
    protocolLine(),
    metadataLine(snapshot),
    loadLine(snapshot.load),
    progressLine(snapshot.txnId, snapshot.progress),
    ...snapshot.files.map((file) => addLine(file, { dataChange: false })),
    ...tombstones.map((tombstone) => removeLine(tombstone, { dataChange: false })),
  ]
}

async function cleanView(store: ObjectStore, log: string, nowMs: number): Promise<void> {
  const objects: LogListing[] = []
  for await (const page of listAll(store, { prefix: log })) objects.push(...page.objects)
  const outdated = outdatedLogKeys(log, objects, nowMs - viewRetainMs)
  if (outdated.length > 0) await store.deleteMany(outdated)
}

type LogListing = { readonly key: string; readonly modifiedMs: number }

/**
 * What of a view no reader needs: everything before the newest checkpoint that is older than `beforeMs`. That
 * checkpoint's own JSON stays (Spark asks for it), and without such a checkpoint everything stays.
 */
export function outdatedLogKeys(log: string, objects: readonly LogListing[], beforeMs: number): readonly string[] {
  const found = objects.flatMap((object) => {
    const parsed = parseLogKey(log, object.key)
    return parsed === null ? [] : [{ ...object, ...parsed }]
  })
  const old = found.filter(({ kind, modifiedMs }) => kind === 'checkpoint' && modifiedMs < beforeMs)
  const keepFrom = old.reduce((newest, { version }) => Math.max(newest, version), -1)
  return found.filter(({ version }) => version < keepFrom).map(({ key }) => key)
}
