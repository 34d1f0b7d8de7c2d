import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import type { DataFile, Snapshot, View } from '../domain.ts'
import { type ByteRange, listAll, type ObjectInfo, type ObjectStore } from '../objects/object-store.ts'
import { inParallel } from './in-parallel.ts'
import {
  dataKey,
  deltaViewPrefix,
  entryKey,
  logPrefix,
  manifestKey,
  manifestPrefix,
  stagedKey,
  stagingPrefix,
  type TablePlace,
} from './keys.ts'
import { manifestsOf, manifestText } from './manifest.ts'
import { segmentSpans } from './open-data.ts'
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
 * table's folder or in staging. Reads every byte of every listed file, in pieces. Problems of listed files come first.
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
    ...(await checkDeltaView(request)),
    ...(await checkManifests(request, objects)),
    ...(ofFiles.length === 0 ? await checkKeys(request) : []),
  ]
}

const filesAtOnce = 4
const pieceBytes = 8 * 1_048_576

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
  for (const { start, length, sha256 } of segmentSpans(file)) {
    const found = await hashSpan(request.store, path, { start, length })
    if (found === null) return [missing(path, 'it went away, or became shorter, while it was read')]
    if (found !== sha256)
      return [damaged(path, `found content hash ${found} of bytes ${start} to ${start + length}, expected ${sha256}`)]
  }
  return checkCount(request, file, path)
}

async function hashSpan(store: ObjectStore, key: string, span: ByteRange): Promise<string | null> {
  const hash = createHash('sha256')
  for (let at = 0; at < span.length; ) {
    const length = Math.min(pieceBytes, span.length - at)
    const piece = await store.get(key, { start: span.start + at, length })
    if (piece === null || piece.body.length === 0) return null
    hash.update(piece.body)
    at += piece.body.length
  }
  return hash.digest('hex')
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

/** The view ends with the head's own entry, to the byte. */
async function checkDeltaView({ store, place, snapshot, published }: VerifyRequest): Promise<readonly Problem[]> {
  if (!published.includes('delta')) return []
  const path = entryKey(deltaViewPrefix(place), snapshot.version)
  const shown = await store.get(path)
  if (shown === null) return [missing(path, 'the published Delta view does not show the newest version; run again')]
  const own = await store.get(entryKey(logPrefix(place), snapshot.version))
  if (own === null || Buffer.compare(own.body, shown.body) === 0) return []
  return [damaged(path, "the published Delta view differs from the table's own log")]
}

/** Every manifest names the live files of its folder; one of a folder that the head has left is empty. */
async function checkManifests({ store, place, snapshot, published }: VerifyRequest, objects: Objects) {
  if (!published.includes('manifest')) return []
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
