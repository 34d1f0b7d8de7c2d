import { asDmscdcError, DmscdcError } from '../errors.ts'
import { listAll, type ObjectInfo, type ObjectStore } from '../objects/object-store.ts'
import { type CheckpointRequest, makeCheckpoint, putCheckpoint, putLastCheckpoint } from './checkpoint.ts'
import { corruptLake } from './corrupt-lake.ts'
import type { FinishAnswer } from './finish.ts'
import { deltaViewPrefix, entryKey, logPrefix, type TablePlace } from './keys.ts'

const entryAttemptsMax = 4

/** Puts the own entries `from` to `to` into the Delta view, the same bytes, in order, so that no reader meets a gap. */
export async function mirrorLog(
  store: ObjectStore,
  place: TablePlace,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<FinishAnswer> {
  for (let version = from; version <= to; version++) {
    const entry = await store.get(entryKey(logPrefix(place), version))
    if (entry === null) return { kind: 'entry-missing' }
    requireWhole(entry)
    if ((await putEntry(store, place, version, entry.body)) === 'foreign') return { kind: 'foreign-entry', version }
  }
  return { kind: 'performed' }
}

/**
 * Begins the Delta view at the head with a checkpoint, that version's entry (Spark asks for it beside a checkpoint) and
 * `_last_checkpoint`. The versions before it cannot be read through the view: their files are gone.
 */
export async function beginView(request: CheckpointRequest): Promise<FinishAnswer> {
  const { store, place, snapshot } = request
  const { version } = snapshot
  const view = deltaViewPrefix(place)
  const key = entryKey(logPrefix(place), version)
  const entry = await store.get(key)
  if (entry === null) throw corruptLake(`lake log: ${key} is missing, expected the head's own entry for its Delta view`)
  requireWhole(entry)
  const checkpoint = await makeCheckpoint(request)
  await putCheckpoint(store, view, version, checkpoint)
  if ((await putEntry(store, place, version, entry.body)) === 'foreign') return { kind: 'foreign-entry', version }
  await putLastCheckpoint(store, view, checkpoint)
  return { kind: 'performed' }
}

/** What is published stays: half an entry could never be put right, for its key is taken. */
function requireWhole({ body, info }: { readonly body: Uint8Array; readonly info: ObjectInfo }): void {
  if (body.length === info.sizeBytes) return
  const found = `${String(body.length)} bytes, expected ${String(info.sizeBytes)}`
  throw new DmscdcError('unavailable', `lake log: ${info.key} was read as ${found}`, { hint: 'run again' })
}

/** Deletes the Delta view's log; readers fall back to the folder. */
export async function dropView(store: ObjectStore, place: TablePlace): Promise<FinishAnswer> {
  const keys: string[] = []
  for await (const page of listAll(store, { prefix: deltaViewPrefix(place) }))
    keys.push(...page.objects.map(({ key }) => key))
  if (keys.length > 0) await store.deleteMany(keys)
  return { kind: 'performed' }
}

/**
 * An entry that is there already must be ours to the byte: otherwise another program has written to the view. A put whose
 * answer was lost is settled by what stands there.
 */
async function putEntry(store: ObjectStore, place: TablePlace, version: number, body: Uint8Array) {
  const key = entryKey(deltaViewPrefix(place), version)
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await store.put(key, body, { kind: 'absent' })
      if (outcome.kind === 'stored') return 'ours'
    } catch (thrown) {
      if (!(asDmscdcError(thrown).maybeApplied && attempt < entryAttemptsMax)) throw thrown
    }
    const found = await store.get(key)
    if (found !== null) return Buffer.compare(found.body, body) === 0 ? 'ours' : 'foreign'
    if (attempt === entryAttemptsMax) return 'foreign'
  }
}
