import type { TableId } from '../domain.ts'

/** Where a table lies in the lake store. Both prefixes end with a slash. */
export type TablePlace = {
  readonly id: TableId
  /** The folder that readers see: data files and published views. */
  readonly dataPrefix: string
  /** Ours alone: the log, staged files, retained files. */
  readonly ownPrefix: string
}

/** The folder of everything that is ours; no schema has this name. */
export const ownRoot = '_dmscdc/'

/** The place of a table; `dataPrefix` differs from `<schema>/<table>/` only where a state row says so. */
export function tablePlace(id: TableId, dataPrefix = `${id.schema}/${id.table}/`): TablePlace {
  return { id, dataPrefix, ownPrefix: `${ownRoot}${id.schema}/${id.table}/` }
}

// ---- data files; `path` is `DataFile.path` ------------------------------------------------------------------------

export const dataKey = (place: TablePlace, path: string) => `${place.dataPrefix}${path}`
export const deletesPrefix = (place: TablePlace) => `${place.ownPrefix}deletes/`
/** Remembered deletions; `name` is `DeleteFile.name`. */
export const deleteKey = (place: TablePlace, name: string) => `${deletesPrefix(place)}${name}`
/** An attempt writes at most one file of them. */
export const deleteName = (txnId: string) => `${txnId}.parquet`
export const retainedPrefix = (place: TablePlace) => `${place.ownPrefix}retained/`
export const retainedKey = (place: TablePlace, path: string) => `${retainedPrefix(place)}${path}`

/**
 * Whether a text that a log holds may be `DataFile.path`: a place below the table's folder, and none in the views'. It is the last
 * thing between a damaged log and a delete elsewhere: a bucket takes `../` for a name, other programs that read it do not.
 */
export function isTablePath(path: string): boolean {
  const segments = path.split('/')
  return segments.every(isSegment) && !viewFolders.includes(segments[0] as string)
}

/** Whether a text can stand between two slashes of a key on every store. */
export function isSegment(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !/[/\0]/u.test(text)
}

const viewFolders = ['_delta_log', '_symlink_format_manifest']
/** How readers of all engines write a key of the lake: as it is, not percent-encoded. `lakePlace` is the store's `place`. */
export const uriOf = (lakePlace: string, key: string) =>
  lakePlace.startsWith('/') ? `file://${lakePlace}${key}` : `s3://${lakePlace}${key}`
export const stagingPrefix = (place: TablePlace) => `${place.ownPrefix}staging/`
export const stagedKey = (place: TablePlace, txnId: string, path: string) => `${stagingPrefix(place)}${txnId}/${path}`

/** The attempt that a key below `stagingPrefix` belongs to; null for any other key. */
export function stagedTxnId(place: TablePlace, key: string): string | null {
  const prefix = stagingPrefix(place)
  if (!key.startsWith(prefix)) return null
  const slash = key.indexOf('/', prefix.length)
  return slash === -1 ? null : key.slice(prefix.length, slash)
}

// ---- logs: the table's own, which is the truth, and the published Delta view, its mirror --------------------------

export const logPrefix = (place: TablePlace) => `${place.ownPrefix}_delta_log/`
/** The symlink manifests, one for each Hive folder of data files; what they say are full URIs of data files. */
export const manifestPrefix = (place: TablePlace) => `${place.dataPrefix}_symlink_format_manifest/`
export const manifestKey = (place: TablePlace, folder: string) => `${manifestPrefix(place)}${folder}manifest`

export const deltaViewPrefix = (place: TablePlace) => `${place.dataPrefix}_delta_log/`

export const entryKey = (log: string, version: number) => `${log}${versionDigits(version)}.json`
export const checkpointKey = (log: string, version: number) => `${log}${versionDigits(version)}.checkpoint.parquet`
export const lastCheckpointKey = (log: string) => `${log}_last_checkpoint`

export type LogObject = { readonly kind: 'entry' | 'checkpoint'; readonly version: number }

/** What a key in a log folder is; null for anything that is neither a commit nor a classic checkpoint. */
export function parseLogKey(log: string, key: string): LogObject | null {
  if (!key.startsWith(log)) return null
  const match = /^(\d{20})\.(json|checkpoint\.parquet)$/u.exec(key.slice(log.length))
  const version = Number(match?.[1])
  return Number.isSafeInteger(version) ? { kind: match?.[2] === 'json' ? 'entry' : 'checkpoint', version } : null
}

function versionDigits(version: number): string {
  return String(version).padStart(20, '0')
}
