import type { Snapshot } from '../domain.ts'
import { asDmscdcError, DmscdcError } from '../errors.ts'
import { listAll, type ObjectStore } from '../objects/object-store.ts'
import { inParallel } from './in-parallel.ts'
import { dataKey, entryKey, logPrefix, manifestKey, manifestPrefix, type TablePlace, uriOf } from './keys.ts'

/** What a manifest must say: the data files of one Hive folder, in order; none in a folder that the head has left. */
export type Manifest = { readonly folder: string; readonly paths: readonly string[] }

/** The Hive folder of a data file, `a=1/b=2/`; empty without partitions. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

/**
 * The manifests of a head whose folders changed after `sinceVersion`; null: all of them. A table without partitions has its
 * one manifest also when it is empty.
 */
export function manifestsOf(head: Snapshot, sinceVersion: number | null): readonly Manifest[] {
  const paths = new Map<string, string[]>(head.partitionColumns.length === 0 ? [['', []]] : [])
  for (const { path } of head.files) {
    const found = paths.get(folderOf(path))
    if (found) found.push(path)
    else paths.set(folderOf(path), [path])
  }
  if (sinceVersion === null) return [...paths].map(([folder, own]) => ({ folder, paths: own.sort() }))
  const isNewer = (version: number | undefined) => version !== undefined && version > sinceVersion
  const changed = [
    ...head.files.filter(({ addedVersion }) => isNewer(addedVersion)),
    ...head.tombstones.filter(({ deletedVersion }) => isNewer(deletedVersion)),
  ]
  return [...new Set(changed.map(({ path }) => folderOf(path)))].map((folder) => ({
    folder,
    paths: (paths.get(folder) ?? []).sort(),
  }))
}

/** One full URI a line, as it is: a data file's key is not percent-encoded once more. */
export function manifestText(store: ObjectStore, place: TablePlace, { paths }: Manifest): string {
  return paths.map((path) => `${uriOf(store.place, dataKey(place, path))}\n`).join('')
}

export type ManifestRequest = {
  readonly store: ObjectStore
  readonly place: TablePlace
  /** Of the head that the manifests are made from. */
  readonly version: number
  readonly manifests: readonly Manifest[]
  /** These are all there are: every other manifest is emptied. */
  readonly whole: boolean
}

/**
 * Makes the manifests say what the head says; each is swapped by one put. Reads what stands there, then makes sure that the
 * head is still the newest, then puts with If-Match: so a run that slept puts back no old one. `overtaken`: there is a newer
 * head. A folder that the head has left keeps an empty manifest: deleting has no condition, and might take a newer one.
 */
export async function putManifests(request: ManifestRequest): Promise<'performed' | 'overtaken'> {
  const wanted = await allWanted(request)
  for (let round = 1; round <= roundsMax; round++) {
    const stale = await staleManifests(request.store, wanted)
    if (stale.length === 0) return 'performed'
    if (await isOvertaken(request)) return 'overtaken'
    const outcomes = await inParallel(stale, (manifest) => putOne(request.store, manifest))
    if (outcomes.every((outcome) => outcome === 'stored')) return 'performed'
  }
  throw new DmscdcError(
    'conflict',
    `manifests in ${manifestPrefix(request.place)}: another program changed one before each of ${String(roundsMax)} puts`,
    { hint: 'keep other writers away from that folder, then run again' },
  )
}

/** Deletes every manifest. */
export async function dropManifests(store: ObjectStore, place: TablePlace): Promise<void> {
  const keys = await listedKeys(store, manifestPrefix(place))
  if (keys.length > 0) await store.deleteMany(keys)
}

const roundsMax = 4

type Wanted = { readonly key: string; readonly body: Uint8Array }
type Stale = Wanted & { readonly etag: string | null }

async function allWanted({ store, place, manifests, whole }: ManifestRequest): Promise<readonly Wanted[]> {
  const wanted = manifests.map((manifest) => ({
    key: manifestKey(place, manifest.folder),
    body: Buffer.from(manifestText(store, place, manifest)),
  }))
  if (!whole) return wanted
  const known = new Set(wanted.map(({ key }) => key))
  const left = (await listedKeys(store, manifestPrefix(place))).filter((key) => !known.has(key))
  return [...wanted, ...left.map((key) => ({ key, body: new Uint8Array() }))]
}

async function listedKeys(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const page of listAll(store, { prefix })) keys.push(...page.objects.map(({ key }) => key))
  return keys
}

async function staleManifests(store: ObjectStore, wanted: readonly Wanted[]): Promise<readonly Stale[]> {
  const stale = await inParallel(wanted, async ({ key, body }) => {
    const found = await store.get(key)
    if (found === null) return [{ key, body, etag: null }]
    return Buffer.compare(found.body, body) === 0 ? [] : [{ key, body, etag: found.info.etag }]
  })
  return stale.flat()
}

/** Asked after the manifests were read: whoever made the next version has not put its own yet, or If-Match fails. */
async function isOvertaken({ store, place, version }: ManifestRequest): Promise<boolean> {
  return (await store.head(entryKey(logPrefix(place), version + 1))) !== null
}

/** A put whose answer was lost is settled by the next round, which reads what stands there. */
async function putOne(store: ObjectStore, { key, body, etag }: Stale): Promise<'stored' | 'again'> {
  try {
    const outcome = await store.put(key, body, etag === null ? { kind: 'absent' } : { kind: 'match', etag })
    return outcome.kind === 'stored' ? 'stored' : 'again'
  } catch (thrown) {
    if (asDmscdcError(thrown).maybeApplied) return 'again'
    throw thrown
  }
}
