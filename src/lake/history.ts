import pLimit from 'p-limit'
import type { Receipt } from '../domain.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { entryKey, logPrefix, type TablePlace } from './keys.ts'
import { parseEntry } from './parse-actions.ts'

export type HistoryEntry = {
  readonly version: number
  readonly timestampMs: number
  /** One of `StagedCommit`'s, or what another program wrote. */
  readonly operation: string
  readonly txnId: string
  readonly receipt: Receipt | null
  readonly filesAdded: number
  readonly filesRemoved: number
}

const entriesAtOnce = 16

/**
 * The commits up to version `head`, newest first, at most `limit` versions back. Old entries that somebody moved away are left
 * out. One GET per version. Throws `corrupt-lake` on an entry that cannot be read.
 */
export async function readHistory(
  store: ObjectStore,
  place: TablePlace,
  range: { readonly head: number; readonly limit?: number },
): Promise<readonly HistoryEntry[]> {
  const count = Math.min(range.head + 1, range.limit ?? Number.POSITIVE_INFINITY)
  const limit = pLimit(entriesAtOnce)
  const versions = Array.from({ length: count }, (_, at) => range.head - at)
  const entries = await Promise.all(versions.map((version) => limit(() => readEntry(store, place, version))))
  return entries.filter((entry) => entry !== null)
}

/** Of commits newest first those up to `last` that the table is made of: without what a later restore took back. */
export function inForce(entries: readonly HistoryEntry[], last = Number.POSITIVE_INFINITY): readonly HistoryEntry[] {
  let upTo = last
  return entries.filter(({ version, receipt }) => {
    if (version > upTo) return false
    upTo = receipt?.restored?.version ?? upTo
    return true
  })
}

/** The newest version up to `head` that added a data file; null where its entry is gone. Reads one entry after the other. */
export async function addedIn(
  store: ObjectStore,
  place: TablePlace,
  path: string,
  head: number,
): Promise<number | null> {
  for (let version = head; version >= 0; version--) {
    const key = entryKey(logPrefix(place), version)
    const found = await store.get(key)
    const actions = found === null ? [] : parseEntry(key, found.body)
    if (actions.some((action) => action.kind === 'add' && action.file.path === path)) return version
  }
  return null
}

async function readEntry(store: ObjectStore, place: TablePlace, version: number): Promise<HistoryEntry | null> {
  const key = entryKey(logPrefix(place), version)
  const found = await store.get(key)
  if (found === null) return null
  const actions = parseEntry(key, found.body)
  const action = actions.find(({ kind }) => kind === 'commitInfo')
  const count = (wanted: 'add' | 'remove') => actions.filter(({ kind }) => kind === wanted).length
  return action?.kind === 'commitInfo'
    ? { version, ...action.info, filesAdded: count('add'), filesRemoved: count('remove') }
    : null
}
