import { createHash } from 'node:crypto'
import { dataKey, entryKey, logPrefix, parseLogKey, tablePlace } from '../../src/lake/keys.ts'
import type { StoredObjects } from '../../src/objects/memory-objects.ts'
import { id } from './world.ts'

export const place = tablePlace(id)

export type LogFile = {
  readonly path: string
  /** `bytes:sha256,…` of the whole file, in its order. */
  readonly segments: string
  readonly partition: { readonly [column: string]: string | null }
}

/** A version as the log's JSON alone describes it: read without a line of the code under test. */
export type LogVersion = {
  readonly version: number
  readonly body: Uint8Array
  readonly operation: string
  /** By path. */
  readonly live: ReadonlyMap<string, LogFile>
  readonly removed: readonly { readonly path: string; readonly deletedAtMs: number }[]
  readonly changes: { readonly [kind: string]: number }
  readonly progress: { readonly [field: string]: unknown }
  readonly committedMs: number
}

/** Every version of the table's own log; throws where one is missing. */
export function readLog(lake: StoredObjects): readonly LogVersion[] {
  const prefix = logPrefix(place)
  const numbers = [...lake.keys()].flatMap((key) => {
    const parsed = parseLogKey(prefix, key)
    return parsed?.kind === 'entry' ? [parsed.version] : []
  })
  let live: ReadonlyMap<string, LogFile> = new Map()
  return Array.from({ length: Math.max(-1, ...numbers) + 1 }, (_, version) => {
    const stored = lake.get(entryKey(prefix, version))
    if (stored === undefined) throw new Error(`the log has no version ${String(version)}`)
    const entry = parsed(stored.body)
    live = advanced(live, entry)
    const { added: _added, ...said } = entry
    return { ...said, version, body: stored.body, live }
  })
}

/** The names below `deletes/` of the deletions that a version remembers. */
export function rememberedIn(version: LogVersion | undefined): readonly string[] {
  const remembered = version?.progress.remembered as
    | { readonly files: readonly { readonly name: string }[] }
    | undefined
  return (remembered?.files ?? []).map(({ name }) => name)
}

/** The keys of the table's data folder that are data files, and no part of a view. */
export function dataPaths(lake: StoredObjects): readonly string[] {
  const paths: string[] = []
  for (const key of lake.keys()) {
    if (!key.startsWith(place.dataPrefix)) continue
    const path = key.slice(place.dataPrefix.length)
    if (!/^(?:_delta_log|_symlink_format_manifest)\//u.test(path)) paths.push(path)
  }
  return paths.sort()
}

export const dataKeyOf = (path: string) => dataKey(place, path)

/** Whether these are the bytes that the log has the hashes of. */
export function isWritten(body: Uint8Array, segments: string): boolean {
  const known = proven.get(body) ?? new Map<string, boolean>()
  proven.set(body, known)
  const found = known.get(segments) ?? holdsSegments(body, segments)
  known.set(segments, found)
  return found
}

const proven = new WeakMap<Uint8Array, Map<string, boolean>>()

function holdsSegments(body: Uint8Array, segments: string): boolean {
  let end = 0
  const same = segments.split(',').every((segment) => {
    const [bytes, sha256] = segment.split(':')
    const start = end
    end += Number(bytes)
    return createHash('sha256').update(body.subarray(start, end)).digest('hex') === sha256
  })
  return same && end === body.length
}

type Entry = Omit<LogVersion, 'version' | 'body' | 'live'> & { readonly added: readonly LogFile[] }
type Fields = { readonly [field: string]: unknown }
type Line = { readonly [action: string]: Fields | undefined }

const entries = new WeakMap<Uint8Array, Entry>()

function parsed(body: Uint8Array): Entry {
  const known = entries.get(body)
  if (known !== undefined) return known
  const lines = Buffer.from(body).toString().trimEnd().split('\n')
  const actions = lines.map((line) => JSON.parse(line) as Line)
  const of = (action: string): readonly Fields[] => actions.flatMap((line) => (line[action] ? [line[action]] : []))
  const progress = of('domainMetadata').find(({ domain }) => domain === 'dmscdc.progress')
  const [info] = of('commitInfo')
  const receipt = info?.dmscdc as { readonly changes: Record<string, number> } | undefined
  const entry = {
    operation: String(info?.operation),
    committedMs: Number(info?.timestamp),
    added: of('add').map(({ path, partitionValues, tags }) => ({
      path: decodeURIComponent(String(path)),
      segments: (tags as Record<string, string>)['dmscdc.segments'] ?? '',
      partition: partitionValues as LogFile['partition'],
    })),
    removed: of('remove').map(({ path, deletionTimestamp }) => {
      return { path: decodeURIComponent(String(path)), deletedAtMs: Number(deletionTimestamp) }
    }),
    changes: receipt?.changes ?? {},
    progress: progress === undefined ? {} : (JSON.parse(String(progress.configuration)) as LogVersion['progress']),
  }
  entries.set(body, entry)
  return entry
}

function advanced(live: ReadonlyMap<string, LogFile>, { added, removed }: Entry): ReadonlyMap<string, LogFile> {
  if (added.length + removed.length === 0) return live
  const next = new Map(live)
  for (const { path } of removed) next.delete(path)
  for (const file of added) next.set(file.path, file)
  return next
}
