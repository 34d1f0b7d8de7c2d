import pLimit from 'p-limit'
import type { DataFile, DeleteFile, Snapshot, View } from '../domain.ts'
import { listAll, type ObjectInfo, type ObjectStore } from '../objects/object-store.ts'
import { standsStill } from './finish-agenda.ts'
import { differenceFrom, hashObject } from './hash-object.ts'
import { inParallel } from './in-parallel.ts'
import {
  dataKey,
  deleteKey,
  deleteName,
  deletesPrefix,
  deltaViewPrefix,
  entryKey,
  logPrefix,
  manifestKey,
  manifestPrefix,
  retainedKey,
  retainedPrefix,
  stagedKey,
  stagingPrefix,
  type TablePlace,
} from './keys.ts'
import { manifestsOf, manifestText } from './manifest.ts'
import { isViewed } from './retention.ts'

export type Problem = {
  readonly kind: 'missing' | 'damaged' | 'unlisted' | 'duplicate-key' | 'count' | 'untaken'
  /** Key in the lake store. */
  readonly path: string
  readonly message: string
}

export type VerifyRequest = {
  readonly store: ObjectStore
  readonly place: TablePlace
  /** The head. */
  readonly snapshot: Snapshot
  readonly published: readonly View[]
  /** Attempts that are at work right now: their staged files are on their way. */
  readonly activeTxnIds?: readonly string[]
  /** Rows that a local Parquet file really holds, compared with the log. */
  readonly countRows?: (localPath: string) => Promise<number>
  /** Keys that the table holds more than once; asked only when no file is missing or damaged. */
  readonly duplicateKeys?: (files: readonly DataFile[]) => Promise<number>
}

/**
 * Holds the lake against the log: every listed file is there with the bytes that were committed, and nothing else lies in the
 * table's folder, in staging or among the remembered deletions. Reads every byte of every listed file, in pieces. Problems of listed files come first.
 */
export async function verifyTable(request: VerifyRequest): Promise<readonly Problem[]> {
  const objects = await listFolder(request.store, request.place.dataPrefix)
  const limit = pLimit(filesAtOnce)
  const { files } = request.snapshot
  const ofFiles = (await Promise.all(files.map((file) => limit(() => checkFile(request, file, objects))))).flat()
  return [
    ...ofFiles,
    ...unlistedData(request, objects),
    ...(await unlistedStaging(request, objects)),
    ...(await checkDeleteFiles(request)),
    ...(await wrongRetained(request)),
    ...(await checkDeltaView(request)),
    ...(await checkManifests(request, objects)),
    ...(ofFiles.length === 0 ? await checkKeys(request) : []),
  ]
}

const filesAtOnce = 4

type Objects = ReadonlyMap<string, ObjectInfo>

async function listFolder(store: ObjectStore, prefix: string): Promise<Objects> {
  const objects = new Map<string, ObjectInfo>()
  for await (const page of listAll(store, { prefix }))
    for (const object of page.objects) objects.set(object.key, object)
  return objects
}

async function checkFile(request: VerifyRequest, file: DataFile, objects: Objects): Promise<readonly Problem[]> {
  const path = dataKey(request.place, file.path)
  const object = objects.get(path)
  if (object === undefined) return [missing(path, 'the log lists it, the folder does not hold it')]
  if (object.sizeBytes !== file.sizeBytes)
    return [damaged(path, `found ${object.sizeBytes} bytes, expected ${file.sizeBytes}`)]
  const difference = await differenceFrom(file, request.store, path)
  if (difference?.kind === 'missing') return [missing(path, 'it went away, or became shorter, while it was read')]
  if (difference !== null) return [damaged(path, difference.message)]
  return checkCount(request, file, path)
}

async function checkCount(request: VerifyRequest, file: DataFile, path: string): Promise<readonly Problem[]> {
  if (request.countRows === undefined) return []
  const copy = await request.store.fetch(path)
  if (copy === null) return [missing(path, 'it went away while it was read')]
  try {
    const rows = await request.countRows(copy.path)
    return rows === file.rows ? [] : [{ kind: 'count', path, message: `found ${rows} rows, expected ${file.rows}` }]
  } finally {
    await copy.release()
  }
}

/** Objects in the data folder that neither the head nor a published view explains. */
function unlistedData({ place, snapshot, published }: VerifyRequest, objects: Objects): readonly Problem[] {
  const viewed = isViewed(published)
  const known = new Set([...snapshot.files, ...(viewed ? snapshot.tombstones : [])].map(({ path }) => path))
  return [...objects.keys()]
    .filter((key) => !known.has(key.slice(place.dataPrefix.length)))
    .filter((key) => !(published.includes('delta') && key.startsWith(deltaViewPrefix(place))))
    .filter((key) => !(published.includes('manifest') && key.startsWith(manifestPrefix(place))))
    .filter((key) => !isMarker(key.slice(place.dataPrefix.length)))
    .map((key) => unlisted(key, 'it lies in the folder of the table, the log does not list it'))
}

/**
 * Names such as `_SUCCESS` or `.keep` that other programs leave and readers pass over, and what Hadoop's S3 clients put for a folder
 * (`a_$folder$`, `a/`). Folders of the first kind are no markers.
 */
export function isMarker(path: string): boolean {
  const segments = path.split('/')
  return (
    /^[_.]|^$|_\$folder\$$/u.test(segments.at(-1) ?? '') &&
    !segments.slice(0, -1).some((folder) => /^[_.]/u.test(folder))
  )
}

async function unlistedStaging(request: VerifyRequest, objects: Objects): Promise<readonly Problem[]> {
  const { store, place, snapshot, activeTxnIds = [] } = request
  const waiting = snapshot.files.filter(({ path }) => !objects.has(dataKey(place, path)))
  const named = new Set(waiting.map(({ txnId, path }) => stagedKey(place, txnId, path)))
  const staged = await listFolder(store, stagingPrefix(place))
  return [...staged.keys()]
    .filter((key) => !named.has(key) && !activeTxnIds.some((txnId) => key.startsWith(stagedKey(place, txnId, ''))))
    .map((key) => unlisted(key, 'it was staged and never committed; the next run that has work sweeps it away'))
}

/** Every file of remembered deletions is there with the bytes that were committed, and no other. */
async function checkDeleteFiles(request: VerifyRequest): Promise<readonly Problem[]> {
  const { store, place, snapshot, activeTxnIds = [] } = request
  const { remembered, forgotten = [] } = snapshot.progress
  const files = remembered?.files ?? []
  const objects = await listFolder(store, deletesPrefix(place))
  const named = [...files.map(({ name }) => name), ...activeTxnIds.map(deleteName), ...forgotten]
  const known = new Set(named.map((name) => deleteKey(place, name)))
  const checked = await inParallel(files, (file) => checkDeleteFile(request, file, objects))
  const others = [...objects.keys()].filter((key) => !known.has(key))
  const why = 'it was written and never committed; the next run that has work sweeps it away'
  return [...checked.flat(), ...others.map((key) => unlisted(key, why))]
}

async function checkDeleteFile(
  { store, place }: VerifyRequest,
  { name, sha256 }: DeleteFile,
  objects: Objects,
): Promise<readonly Problem[]> {
  const path = deleteKey(place, name)
  const object = objects.get(path)
  const found = object === undefined ? null : await hashObject(store, object)
  if (found === null) return [missing(path, 'the log lists it, the folder of remembered deletions does not hold it')]
  return found === sha256 ? [] : [damaged(path, `found content hash ${found}, expected ${sha256}`)]
}

/** What is retained outside the table's folder must be known to the log as removed: else nobody would ever take it away. */
async function wrongRetained({ store, place, snapshot }: VerifyRequest): Promise<readonly Problem[]> {
  const sizes = new Map(snapshot.tombstones.map(({ path, sizeBytes }) => [retainedKey(place, path), sizeBytes]))
  const retained = await listFolder(store, retainedPrefix(place))
  return [...retained.values()].flatMap(({ key, sizeBytes }) => {
    const expected = sizes.get(key)
    if (expected === undefined) return [unlisted(key, 'it is retained, the log knows of no such file that was removed')]
    return expected === sizeBytes ? [] : [damaged(key, `found ${sizeBytes} bytes, expected ${expected}`)]
  })
}

/** The view ends with the head's own entry, to the byte. */
async function checkDeltaView({ store, place, snapshot, published }: VerifyRequest): Promise<readonly Problem[]> {
  if (!published.includes('delta') || standsStill(snapshot)) return []
  const path = entryKey(deltaViewPrefix(place), snapshot.version)
  const shown = await store.get(path)
  if (shown === null) return [missing(path, 'the published Delta view does not show the newest version; run again')]
  const own = await store.get(entryKey(logPrefix(place), snapshot.version))
  if (own === null || Buffer.compare(own.body, shown.body) === 0) return []
  return [damaged(path, "the published Delta view differs from the table's own log")]
}

/** Every manifest names the live files of its folder; one of a folder that the head has left is empty. */
async function checkManifests({ store, place, snapshot, published }: VerifyRequest, objects: Objects) {
  if (!published.includes('manifest') || standsStill(snapshot)) return []
  const texts = manifestsOf(snapshot, null).map((manifest) => {
    return [manifestKey(place, manifest.folder), manifestText(store, place, manifest)] as const
  })
  const wanted = new Map(texts)
  const others = [...objects.keys()].filter((key) => key.startsWith(manifestPrefix(place)) && !wanted.has(key))
  for (const key of others) wanted.set(key, '')
  const problems = await inParallel([...wanted], async ([path, text]) => {
    const found = await store.get(path)
    if (found === null) return [missing(path, 'the manifest of a folder of the published view; run again')]
    if (Buffer.from(found.body).toString() === text) return []
    return [damaged(path, 'the manifest names other files than the log lists')]
  })
  return problems.flat()
}

async function checkKeys({ snapshot, place, duplicateKeys }: VerifyRequest): Promise<readonly Problem[]> {
  const count = duplicateKeys === undefined ? 0 : await duplicateKeys(snapshot.files)
  if (count === 0) return []
  return [
    { kind: 'duplicate-key', path: place.dataPrefix, message: `found ${count} keys more than once, expected none` },
  ]
}

const missing = (path: string, message: string): Problem => ({ kind: 'missing', path, message })
const damaged = (path: string, message: string): Problem => ({ kind: 'damaged', path, message })
const unlisted = (path: string, message: string): Problem => ({ kind: 'unlisted', path, message })
