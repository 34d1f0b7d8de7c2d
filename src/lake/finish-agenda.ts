import { compareBytes, type DataFile, type Snapshot, type View } from '../domain.ts'
import { checkpointDue } from './checkpoint.ts'
import type { FinishInput } from './finish.ts'
import { dataKey, deleteKey, retainedKey, stagedKey } from './keys.ts'
import { folderOf, type Manifest, manifestsOf } from './manifest.ts'
import { hasExpired, isViewed, retainMsOf } from './retention.ts'

export type PlacedFile = {
  readonly path: string
  readonly txnId: string
  readonly from: string
  readonly to: string
}

export type FinishCall =
  /** Copies staged files into the data folder. */
  | { readonly kind: 'place'; readonly files: readonly PlacedFile[] }
  | { readonly kind: 'check'; readonly files: readonly { readonly path: string; readonly key: string }[] }
  /** `lost`: listed paths that are nowhere. */
  | { readonly kind: 're-read-head'; readonly lost: readonly string[] }
  /** Puts the log's own entries into the Delta view, in order, each only if absent. */
  | { readonly kind: 'mirror-log'; readonly from: number; readonly to: number }
  /** Begins the Delta view at the head: a checkpoint, that version's entry, `_last_checkpoint`. */
  | { readonly kind: 'begin-view'; readonly head: Snapshot }
  /** Deletes the Delta view's log. */
  | { readonly kind: 'drop-view' }
  /** Makes the symlink manifests say what version `version` says; `whole`: all others are emptied. */
  | {
      readonly kind: 'put-manifests'
      readonly version: number
      readonly manifests: readonly Manifest[]
      readonly whole: boolean
    }
  | { readonly kind: 'drop-manifests' }
  /** Copies superseded files out of the data folder (one that is not there was moved before), then deletes them there. */
  | { readonly kind: 'retain'; readonly files: readonly { readonly from: string; readonly to: string }[] }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }

/** Copies go some sixteen at a time; a group of partitions with fewer files would only wait. */
const groupFilesMin = 16

/** What is to do for a head, in order. Pure; empty where everything is finished. */
export function finishAgenda(input: FinishInput): readonly FinishCall[] {
  const { publish, published } = input
  const viewed = isViewed(publish)
  if (standsStill(input.head))
    return [
      ...groups(input, viewed ? [] : supersededPaths(input, { dropped: false })),
      ...deletion(forgottenKeys(input)),
    ]
  const isTakenOff = (view: View) => published.includes(view) && !publish.includes(view)
  return [
    ...(isTakenOff('delta') ? [{ kind: 'drop-view' } as const] : []),
    ...(isTakenOff('manifest') ? [{ kind: 'drop-manifests' } as const] : []),
    ...groups(input, viewed ? [] : supersededPaths(input, { dropped: isViewed(published) })),
    ...(publish.includes('delta') ? deltaCalls(input) : []),
    ...(publish.includes('manifest') ? manifestCalls(input) : []),
    ...deletion([...expiredKeys(input, { viewed, wasViewed: isViewed(published) }), ...forgottenKeys(input)]),
  ]
}

/**
 * In the midst of a replay the rows are what the table never was. The views stay as they stand, and so do the superseded files that
 * their readers need, however old.
 */
export function standsStill({ progress }: Snapshot): boolean {
  return progress.replay?.underWay === true
}

/** Listed files that may not be in place yet. What a checkpoint holds is: it is written after `finish`. */
function unplaced({ head, mirroredVersion }: FinishInput): readonly DataFile[] {
  return head.files.filter(({ addedVersion }) => addedVersion !== undefined && addedVersion > (mirroredVersion ?? -1))
}

/** Paths that must leave the data folder now, where no view lets readers see them any longer. Never one that is listed. */
function supersededPaths(input: FinishInput, { dropped }: { dropped: boolean }): readonly string[] {
  const { head, mirroredVersion, placedBefore } = input
  const listed = new Set(head.files.map(({ path }) => path))
  const removed = head.tombstones.filter(({ deletedVersion }) => {
    return dropped || (deletedVersion !== undefined && deletedVersion > (mirroredVersion ?? -1))
  })
  const paths = [...removed.map(({ path }) => path), ...placedBefore]
  return [...new Set(paths)].filter((path) => !listed.has(path))
}

/**
 * Partition after partition, new files in and stale ones out, so that a reader of the bare folder meets both for a
 * short while only and in few partitions; small partitions go together.
 */
function groups(input: FinishInput, superseded: readonly string[]): readonly FinishCall[] {
  const { place } = input
  const files = unplaced(input).map(({ path, txnId }): PlacedFile => {
    return { path, txnId, from: stagedKey(place, txnId, path), to: dataKey(place, path) }
  })
  return partitionGroups(files, superseded).flatMap((group) => [
    ...(group.files.length > 0 ? [{ kind: 'place', files: group.files } as const] : []),
    ...removal(input, group.superseded),
  ])
}

type Group = { readonly files: readonly PlacedFile[]; readonly superseded: readonly string[] }

function partitionGroups(files: readonly PlacedFile[], superseded: readonly string[]): readonly Group[] {
  const filesOf = byFolder(files, ({ path }) => path)
  const supersededOf = byFolder(superseded, (path) => path)
  const groups: { files: PlacedFile[]; superseded: string[] }[] = []
  for (const folder of [...new Set([...filesOf.keys(), ...supersededOf.keys()])].sort(compareBytes)) {
    const last = groups.at(-1)
    const group = last && last.files.length < groupFilesMin ? last : { files: [], superseded: [] }
    if (group !== last) groups.push(group)
    group.files.push(...(filesOf.get(folder) ?? []))
    group.superseded.push(...(supersededOf.get(folder) ?? []))
  }
  return groups
}

function byFolder<T>(items: readonly T[], pathOf: (item: T) => string): Map<string, T[]> {
  const folders = new Map<string, T[]>()
  for (const item of items) {
    const folder = folderOf(pathOf(item))
    const found = folders.get(folder)
    if (found) found.push(item)
    else folders.set(folder, [item])
  }
  return folders
}

/** Only what the log still knows as removed is retained: nobody would ever take anything else away again. */
function removal({ place, head, publish, retainMs, nowMs }: FinishInput, paths: readonly string[]) {
  const keptMs = retainMsOf(publish, retainMs)
  const unexpired = head.tombstones.filter((tombstone) => !hasExpired(tombstone, { retainMs: keptMs, nowMs }))
  const known = new Set(keptMs === 0 ? [] : unexpired.map(({ path }) => path))
  const retained = paths.filter((path) => known.has(path))
  const gone = paths.filter((path) => !known.has(path))
  const moves = retained.map((path) => ({ from: dataKey(place, path), to: retainedKey(place, path) }))
  return [
    ...(moves.length > 0 ? [{ kind: 'retain', files: moves } as const] : []),
    ...(gone.length > 0 ? [{ kind: 'delete', keys: gone.map((path) => dataKey(place, path)) } as const] : []),
  ]
}

/** The view stands where the row was mirrored. One that was not published then, or stood still, or nobody knows, begins at the head. */
function deltaCalls(input: FinishInput): readonly FinishCall[] {
  const { head } = input
  const standsAt = viewVersion(input, 'delta')
  if (standsAt === null && head.version > 0) return [{ kind: 'begin-view', head }]
  const from = standsAt === null ? 0 : standsAt + 1
  return from > head.version ? [] : [{ kind: 'mirror-log', from, to: head.version }]
}

/** The version that a view shows; null where it shows none, or an older one than anybody knows. */
function viewVersion({ head, mirroredVersion, published }: FinishInput, view: View): number | null {
  const { shownFrom = 0 } = head.progress
  return published.includes(view) && mirroredVersion !== null && mirroredVersion >= shownFrom ? mirroredVersion : null
}

/** Only the folders that changed, where the manifests stand as the row was mirrored. */
function manifestCalls(input: FinishInput): readonly FinishCall[] {
  const { head } = input
  const standsAt = viewVersion(input, 'manifest')
  const manifests = manifestsOf(head, standsAt)
  if (standsAt !== null && manifests.length === 0) return []
  return [{ kind: 'put-manifests', version: head.version, manifests, whole: standsAt === null }]
}

/**
 * Superseded files whose time is over, wherever they are kept. Where nothing is kept and the row knows of none that were, there can
 * only be some that nobody remembers: they are looked for when the next checkpoint is about to forget them.
 */
function expiredKeys(
  input: FinishInput,
  { viewed, wasViewed }: { viewed: boolean; wasViewed: boolean },
): readonly string[] {
  const { place, head, publish, nowMs, placedBefore, keepExpired, retainedBefore = false } = input
  const retainMs = retainMsOf(publish, input.retainMs)
  if (keepExpired || (retainMs === 0 && !viewed && !wasViewed && !retainedBefore && !checkpointDue(head))) return []
  const known = new Set([...head.files, ...head.tombstones].map(({ path }) => path))
  const expired = head.tombstones.filter((tombstone) => hasExpired(tombstone, { retainMs, nowMs }))
  const forgotten = viewed ? placedBefore.filter((path) => !known.has(path)) : []
  const paths = [...expired.map(({ path }) => path), ...forgotten]
  return paths.flatMap((path) => [dataKey(place, path), retainedKey(place, path)])
}

/** Files of remembered deletions that the head dropped. An earlier head's are gone: each head is finished before the next. */
function forgottenKeys({ place, head, mirroredVersion }: FinishInput): readonly string[] {
  if (mirroredVersion !== null && head.version <= mirroredVersion) return []
  return (head.progress.forgotten ?? []).map((name) => deleteKey(place, name))
}

function deletion(keys: readonly string[]): readonly FinishCall[] {
  return keys.length === 0 ? [] : [{ kind: 'delete', keys }]
}
