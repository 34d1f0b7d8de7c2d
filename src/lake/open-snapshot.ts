import * as z from 'zod'
import { type Snapshot, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { listAll, type ObjectStore } from '../objects/object-store.ts'
import type { CheckpointEngine } from './checkpoint.ts'
import { corruptLake } from './corrupt-lake.ts'
import { checkpointKey, entryKey, lastCheckpointKey, logPrefix, parseLogKey, type TablePlace } from './keys.ts'
import { parseEntry, parseLines } from './parse-actions.ts'
import { checkpointSnapshot, type LogEntry, replayAll } from './snapshot.ts'

export type OpenRequest = {
  readonly store: ObjectStore
  readonly place: TablePlace
  /** A version that is known to exist (the state row's), null without one. */
  readonly knownVersion: number | null
  readonly readCheckpoint: CheckpointEngine['readCheckpoint']
  /** An older version instead of the head. */
  readonly version?: number
}

/**
 * The table at the head of its log, or at `version`; null when there is no log. Costs the checkpoint, the entries after it and
 * one GET that finds nothing: LIST is only asked where the pointer or an entry is missing. Needs no JSON older than the
 * checkpoint. Throws `corrupt-lake` naming the version that is missing or damaged, `invalid-config` for a
 * `version` that the table does not have.
 */
export async function openSnapshot(request: OpenRequest): Promise<Snapshot | null> {
  const pointer = await readPointer(request)
  const trusted = pointer.kind === 'at' && !beyond(request, pointer.version)
  if (!trusted && !startsAtZero(request, pointer)) return openFromListing(request)
  const base = trusted ? await readCheckpointAt(request, pointer) : null
  if (trusted && base === null) return openFromListing(request)
  const opened = await readEntries(request, base)
  return opened.kind === 'hole' ? openFromListing(request) : opened.snapshot
}

// A younger table has no checkpoint yet; an older one without its pointer is worth a listing.
const entriesWithoutCheckpointMax = 16
const entriesAtOnce = 8

type CheckpointAt = { readonly version: number; readonly sizeBytes: number }
type Pointer = ({ readonly kind: 'at' } & CheckpointAt) | { readonly kind: 'none' | 'garbage' }

async function readPointer({ store, place }: OpenRequest): Promise<Pointer> {
  const found = await store.get(lastCheckpointKey(logPrefix(place)))
  if (found === null) return { kind: 'none' }
  try {
    const { version, sizeInBytes } = pointerShape.parse(JSON.parse(new TextDecoder().decode(found.body)))
    return { kind: 'at', version, sizeBytes: sizeInBytes }
  } catch {
    return { kind: 'garbage' }
  }
}

const pointerShape = z.object({ version: z.int().nonnegative(), sizeInBytes: z.int().nonnegative() })

function beyond({ version }: OpenRequest, checkpointVersion: number): boolean {
  return version !== undefined && checkpointVersion > version
}

function startsAtZero({ knownVersion }: OpenRequest, pointer: Pointer): boolean {
  return pointer.kind === 'none' && knownVersion !== null && knownVersion < entriesWithoutCheckpointMax
}

/** The long way, where the short one found no pointer or a hole: the newest checkpoint that can be read, and on from there. */
async function openFromListing(request: OpenRequest): Promise<Snapshot | null> {
  const { place, knownVersion } = request
  const listed = await listLog(request)
  if (listed.length === 0 && knownVersion === null) return null
  const checkpoints = listed.filter(({ kind, version }) => kind === 'checkpoint' && !beyond(request, version))
  const base = await firstReadable(
    request,
    checkpoints.sort((a, b) => b.version - a.version),
  )
  const known = listed.reduce((newest, { version }) => Math.max(newest, version), knownVersion ?? -1)
  if (request.version !== undefined && request.version > known) throw noSuchVersion(request, request.version, known)
  const opened = await readEntries({ ...request, knownVersion: known }, base)
  if (opened.kind === 'open') return opened.snapshot
  throw corruptLake(
    `lake log of ${tableName(place.id)}: version ${opened.missing} is missing, expected it ` +
      `(the log was known to reach version ${known})`,
    { hint: `bring back ${entryKey(logPrefix(place), opened.missing)} in the lake, then run again` },
  )
}

async function listLog({ store, place }: OpenRequest) {
  const log = logPrefix(place)
  const found = []
  for await (const page of listAll(store, { prefix: log })) {
    for (const { key, sizeBytes } of page.objects) {
      const parsed = parseLogKey(log, key)
      if (parsed !== null) found.push({ ...parsed, sizeBytes })
    }
  }
  return found
}

async function firstReadable(request: OpenRequest, checkpoints: readonly CheckpointAt[]): Promise<Snapshot | null> {
  for (const checkpoint of checkpoints) {
    const snapshot = await readCheckpointAt(request, checkpoint)
    if (snapshot !== null) return snapshot
  }
  return null
}

/** Null when the checkpoint is missing or damaged: it is only a shortcut, the entries are the truth. */
async function readCheckpointAt(request: OpenRequest, at: CheckpointAt): Promise<Snapshot | null> {
  const { store, place, readCheckpoint } = request
  const { version, sizeBytes } = at
  const key = checkpointKey(logPrefix(place), version)
  const copy = await store.fetch(key)
  if (copy === null) return null
  try {
    return checkpointSnapshot(version, parseLines(key, await readCheckpoint(copy.path)), sizeBytes)
  } catch (thrown) {
    if (thrown instanceof DmscdcError && thrown.kind === 'unavailable') throw thrown
    return null
  } finally {
    await copy.release()
  }
}

type Opened =
  | { readonly kind: 'open'; readonly snapshot: Snapshot }
  | { readonly kind: 'hole'; readonly missing: number }

/** Reads the entries after `base`: those known to exist and the one after them together, further ones until one is missing. */
async function readEntries(request: OpenRequest, base: Snapshot | null): Promise<Opened> {
  const from = base === null ? 0 : base.version + 1
  const known = request.version ?? Math.max(request.knownVersion ?? -1, from - 1)
  const wanted = request.version === undefined ? known + 1 : known
  const window = await readWindow(request, from, wanted)
  const missing = window.indexOf(null)
  if (missing >= 0 && from + missing <= known) return { kind: 'hole', missing: from + missing }
  const entries = window.filter((entry) => entry !== null)
  if (request.version === undefined && missing < 0) entries.push(...(await readOn(request, wanted + 1)))
  if (entries.length > 0) return { kind: 'open', snapshot: replayAll(base, entries) }
  return base === null ? { kind: 'hole', missing: from } : { kind: 'open', snapshot: base }
}

/** Ends with the first entry that is missing: how far the log reaches is another's claim, and may be any number. */
async function readWindow(request: OpenRequest, from: number, to: number): Promise<(LogEntry | null)[]> {
  const found: (LogEntry | null)[] = []
  for (let start = from; start <= to && !found.includes(null); start += entriesAtOnce) {
    const versions = Array.from({ length: Math.min(entriesAtOnce, to - start + 1) }, (_, at) => start + at)
    found.push(...(await Promise.all(versions.map((version) => readEntry(request, version)))))
  }
  return found
}

async function readOn(request: OpenRequest, from: number): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = []
  for (;;) {
    const entry = await readEntry(request, from + entries.length)
    if (entry === null) return entries
    entries.push(entry)
  }
}

async function readEntry({ store, place }: OpenRequest, version: number): Promise<LogEntry | null> {
  const key = entryKey(logPrefix(place), version)
  const found = await store.get(key)
  if (found === null) return null
  return { version, actions: parseEntry(key, found.body), sizeBytes: found.body.length }
}

function noSuchVersion({ place }: OpenRequest, version: number, newest: number): DmscdcError {
  const name = tableName(place.id)
  return new DmscdcError('invalid-config', `${name}: found no version ${version}, the newest is ${newest}`, {
    hint: `choose one of the versions that \`dmscdc history ${name}\` shows`,
  })
}
