/** The nouns of dmscdc, as plain immutable data. Defined in words in ARCHITECTURE.md. Imports nothing. */

export type TableId = { readonly schema: string; readonly table: string }

// ---- columns ----------------------------------------------------------------------------------------------------

/** A type that the lake holds, named as Delta names it. Landing types map onto these (see lake-types). */
export type LakeType =
  | { readonly kind: 'boolean' | 'byte' | 'short' | 'integer' | 'long' | 'float' | 'double' }
  | { readonly kind: 'string' | 'binary' | 'date' | 'timestamp' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }

/** `fieldId` is given once per name and not used again, as long as the versions follow each other; a restored one goes on from its own. */
export type Column = { readonly name: string; readonly type: LakeType; readonly fieldId: number }

// ---- landing ----------------------------------------------------------------------------------------------------

export type LandingFormat = 'parquet' | 'csv' | 'csv.gz'

/** An object that DMS wrote for a table. */
export type LandingFile = {
  readonly kind: 'load' | 'change'
  /** Base name: `LOAD00000001.parquet`, `20240612-103127367.parquet`. */
  readonly name: string
  /** Key below the table's folder: the base name, or with date or segment folders before it. */
  readonly key: string
  /** Key in the landing store. */
  readonly path: string
  readonly format: LandingFormat
  readonly sizeBytes: number
  readonly modifiedMs: number
  readonly etag: string
}

/** What the landing holds for one table. Loads in order of their key, changes in the order in which they apply. */
export type LandingTable = {
  readonly id: TableId
  readonly loads: readonly LandingFile[]
  readonly changes: readonly LandingFile[]
  /** Objects that are not DMS's table data: left alone. */
  readonly ignored: number
  /** `CDC_TXN-…` files of transaction mode: not supported, warned of. */
  readonly transactionFiles: number
  /** Requests that the listing took: one for each 1,000 names. */
  readonly pages: number
}

// ---- lake -------------------------------------------------------------------------------------------------------

/** Partition column → its value as text, null for NULL. */
export type PartitionValues = { readonly [column: string]: string | null }

/** A stretch of a data file and its SHA-256, in hex. */
export type Segment = { readonly bytes: number; readonly sha256: string }

export type DataFile = {
  /** Object key below the table's data folder (not percent-encoded as `add.path` is). */
  readonly path: string
  readonly partition: PartitionValues
  readonly sizeBytes: number
  readonly rows: number
  /** Delta statistics as JSON text. Never parsed into JavaScript numbers: 64-bit integers and decimals would be cut. */
  readonly stats: string
  /** The whole file, in its order: a file that another one is spliced onto keeps the hashes of the bytes that it keeps. */
  readonly segments: readonly Segment[]
  readonly footerBytes: number
  /** Bytes that its footer does not refer to any more. */
  readonly deadBytes: number
  /** The file's columns in their order. A column that came later is not in it and reads as NULL. */
  readonly fieldIds: readonly number[]
  /** The attempt that staged it: its staged copy lies at `staging/<txnId>/<path>` until it is placed. */
  readonly txnId: string
  readonly modifiedMs: number
  /** The version that added it. Absent: not committed yet, or known from a checkpoint only (then it is in place). */
  readonly addedVersion?: number
}

/** A data file that a commit removed. */
export type Tombstone = {
  readonly path: string
  readonly partition: PartitionValues
  readonly sizeBytes: number
  readonly deletedAtMs: number
  /** The version that removed it. Absent: known from a checkpoint only (then what had to follow at once is done). */
  readonly deletedVersion?: number
}

/** A landing object whose content a commit took, or passed over for good. `sha256` is null where the ETag is all we know. */
export type TakenFile = {
  readonly key: string
  readonly etag: string
  readonly sizeBytes: number
  readonly sha256: string | null
  /** `skipped`: by the command. `cursor`: by a cursor that the operator set forward, or by a restore that kept the progress. */
  readonly passedOver?: 'skipped' | 'before-load' | 'cursor'
}

/** The full load that the table was made of. Generation 0: none yet. */
export type LoadGeneration = {
  readonly generation: number
  readonly files: readonly TakenFile[]
  /** The newest of their object dates; null without files. */
  readonly newestModifiedMs: number | null
}

/** So many landing files of so many bytes, with changes of so many keys; `fingerprint` is of their content and of the table that they left. */
export type AppliedBatch = {
  readonly files: number
  readonly bytes: number
  readonly keys: number
  readonly fingerprint: string
}

/** How far the change files have been taken. Written in every commit. */
export type Progress = {
  /** Key of the last change file taken or passed over, in landing order; null before the first. */
  readonly cursor: string | null
  /** Change files with a base name up to this one count as taken; later ones only if they are in `window`. Null: none. */
  readonly windowFrom: string | null
  readonly window: readonly TakenFile[]
  readonly changeFilesTaken: number
  /** What the lake was built with. */
  readonly primaryKey: readonly string[] | null
  readonly partitionKey: readonly string[]
  /** Change files up to this key are no part of the table: the row's cursor said so before its first commit. */
  readonly startAfter?: string
  /** A cursor of the operator's, or an adopted one: of files up to this key it is not asked any more whether a commit took them. */
  readonly settledUpTo?: string
  /** The table is to be made anew from what the landing holds. */
  readonly reload?: true
  /** Files up to this key are to be taken again. `underWay`: some have been and some not, and no view shows these rows. */
  readonly replay?: { readonly upTo: string; readonly underWay?: true }
  /** The version that ended the last replay of several commits: views go on from it, and skip those before. */
  readonly shownFrom?: number
  /** Data files that the log took over in place from the job before it, and their rows. */
  readonly adopted?: { readonly files: number; readonly rows: number }
  /** Of the adopted files some have narrower types than the table: they are to be written anew. */
  readonly mixedTypes?: true
  /** The batch that left the table as it stands, to be known when it comes again. */
  readonly applied?: AppliedBatch
  /** Deletions that are kept in mind; absent: none. */
  readonly remembered?: RememberedDeletes
  /** Names below `deletes/` of the files that this commit dropped: nothing needs them any more. */
  readonly forgotten?: readonly string[]
  /** The cursors edited by hand that were obeyed last, and the row's `Version` then: that pair is not obeyed twice. */
  readonly obeyed?: CursorEdit
  /** The last restore: the version that it became, and the one that it brought back. */
  readonly restored?: { readonly version: number; readonly from: number; readonly progressKept: boolean }
}

/** Deletions by their sequence value, so that an older change that turns up later does not bring the key back. */
export type RememberedDeletes = {
  /** The column that the values are of. */
  readonly sequenceColumn: string
  readonly files: readonly DeleteFile[]
}

/** A Parquet file of remembered deletions: the key, its sequence value, and when the deletion was taken. */
export type DeleteFile = {
  /** Below `deletes/`; never used twice. */
  readonly name: string
  readonly sizeBytes: number
  readonly rows: number
  /** Hex, of the whole file. */
  readonly sha256: string
  /** When its newest deletion was taken. */
  readonly newestMs: number
}

/** Cursors that an operator wrote into the row; null for one that was not edited. */
export type CursorEdit = {
  /** The row's `Version` beside them. */
  readonly version: number
  readonly incrementalFile: string | null
  readonly fullLoadDate: string | null
}

/** A table as one version of its log describes it. */
export type Snapshot = {
  readonly version: number
  /** The attempt that wrote this version. */
  readonly txnId: string
  /** Delta's metaData.id; never changes. */
  readonly tableUuid: string
  readonly createdMs: number
  readonly columns: readonly Column[]
  readonly partitionColumns: readonly string[]
  readonly files: readonly DataFile[]
  readonly tombstones: readonly Tombstone[]
  readonly load: LoadGeneration
  readonly progress: Progress
  /** The newest checkpoint at or below `version`, and the bytes of log JSON after it. */
  readonly checkpointVersion: number | null
  readonly checkpointBytes?: number
  readonly logBytesSinceCheckpoint: number
}

/** Everything a commit changes; `lake/commit.ts` turns it into one log entry. */
export type StagedCommit = {
  readonly txnId: string
  readonly operation:
    | 'INITIAL'
    | 'MERGE'
    | 'APPEND'
    | 'REWRITE'
    | 'REBUILD'
    | 'REPLAY'
    | 'RESTORE'
    | 'ADOPT'
    | 'SKIP'
    | 'REPAIR'
    | 'COMPACT'
    | 'TRUNCATE'
    | 'FENCE'
  readonly timestampMs: number
  /** The version that this one follows; null for version 0. */
  readonly base: Snapshot | null
  /** Present when it changes (always for version 0). */
  readonly schema: { readonly columns: readonly Column[]; readonly partitionColumns: readonly string[] } | null
  readonly add: readonly DataFile[]
  readonly remove: readonly DataFile[]
  readonly progress: Progress
  /** Present when it changes (always for version 0). */
  readonly load: LoadGeneration | null
  readonly receipt: Receipt
}

export type ChangeCounts = {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  readonly unchanged: number
  readonly ignored: number
}

/** The run's account of one commit; stands in `commitInfo`. */
export type Receipt = {
  readonly landingFiles: readonly string[]
  /** Landing files left out for good by this commit. */
  readonly passedOver: readonly { readonly key: string; readonly why: string }[]
  /** What the commit did to the bookkeeping, for people. */
  readonly note?: string
  /** The version that the commit brought back: those between are no part of the table any more. */
  readonly restored?: { readonly version: number; readonly progressKept: boolean }
  readonly changes: ChangeCounts
  readonly rowsBefore: number
  readonly rowsAfter: number
  readonly filesRewritten: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly requests: { readonly [verb: string]: number }
  readonly startedMs: number
}

export const noChanges: ChangeCounts = { inserted: 0, updated: 0, deleted: 0, unchanged: 0, ignored: 0 }

export const noProgress: Progress = {
  cursor: null,
  windowFrom: null,
  window: [],
  changeFilesTaken: 0,
  primaryKey: null,
  partitionKey: [],
}

export const noLoad: LoadGeneration = { generation: 0, files: [], newestModifiedMs: null }

// ---- what the operator says -----------------------------------------------------------------------------------

/** In the order in which they are published: the catalog points at what stands before it. */
export const allViews = ['delta', 'manifest', 'glue'] as const
export type View = (typeof allViews)[number]

/** A table's row, validated. Everything a run needs to know that is not in the log. */
export type TableConfig = {
  readonly id: TableId
  readonly active: boolean
  readonly primaryKey: readonly string[] | null
  readonly partitionKey: readonly string[]
  /** The lake folder of the table as the row writes it (`out_path` + `folder`), ending with a slash. */
  readonly outPlace: string
  readonly publish: readonly View[]
  /** How long superseded files are kept; null: the default of the way it is published. */
  readonly retainMs: number | null
  readonly lookBackMs: number
  readonly loadSettleMs: number
  /** Changes of a key apply in the order of this column's values first; null: in landing order. */
  readonly sequenceColumn: string | null
  readonly rememberDeletesMs: number
  readonly onVanish: OnVanish
  readonly landed: Landed
  /** IANA name of the zone in which DMS names its files. */
  readonly landingTimezone: string
  readonly keepOp: boolean
  readonly beforeImagePrefix: string
  readonly csv: CsvConfig
}

/** What becomes of a table when all of its landing files are gone. */
export const vanishPolicies = ['warn', 'hold', 'truncate'] as const
export type OnVanish = (typeof vanishPolicies)[number]

/** What becomes of a change file that was taken: when it is `retainMs` old, and never within the look-back. */
export type Landed =
  | { readonly kind: 'keep' }
  | { readonly kind: 'delete'; readonly retainMs: number }
  /** `prefix`: a folder of the landing, ending with a slash. */
  | { readonly kind: 'archive'; readonly prefix: string; readonly retainMs: number }

export type CsvConfig = {
  /** Declared names and types in file order; null: all columns are text. */
  readonly columns: readonly { readonly name: string; readonly type: LakeType }[] | null
  readonly header: boolean
  /** Text that means NULL besides the unquoted empty field. */
  readonly nullValue: string | null
  readonly delimiter: string
  /** Values may stand in quotes, those inside doubled (RFC 4180); false: a quote is a character like any other, as DMS writes it. */
  readonly rfc4180: boolean
}

/** What the state row repeats of the log, so that an idle table needs no read of the lake. */
export type Mirror = {
  readonly version: number | null
  readonly lastIncrementalFile: string
  readonly lastFullLoadDate: string
  readonly mirroredIncrementalFile: string | null
  readonly mirroredFullLoadDate: string | null
  /** Of the landing listing and the operator's settings when the table was last found up to date. */
  readonly digest: string | null
  /** By what an idle table is known without listing all that it ever had. */
  readonly window: SeenWindow | null
  readonly published: readonly View[]
  /** How long superseded files were retained outside the table's folder; null: not at all. */
  readonly retainedMs: number | null
  /** Null: there is no table of ours in the catalog. */
  readonly catalog: CatalogRecord | null
}

/** What `digest` of a mirror says, of the names after a key alone. All that can still make work lies there, as long as names are as they were. */
export type SeenWindow = {
  /** Below the table's folder. */
  readonly after: string
  readonly digest: string
  /** From then on the landing is listed whole again. */
  readonly untilMs: number
}

/** The table of ours that the catalog has, or may have. `digest` is of what it says; null: nobody knows. */
export type CatalogRecord = { readonly database: string; readonly table: string; readonly digest: string | null }

/** Who works on a table. `runId` alone identifies the holder; the rest is for people and for telling that it is dead. */
export type Lease = {
  readonly runId: string
  readonly txnId: string | null
  readonly host: string
  readonly pid: number
  /** Of the process, so that a reused pid is not taken for it. */
  readonly processStartedMs: number
  readonly epoch: number
  readonly expiresMs: number
}

// ---- names ------------------------------------------------------------------------------------------------------

/** `schema.table`; a part with a dot or a double quote is put in double quotes (quotes doubled). */
export function tableName(id: TableId): string {
  return `${namePart(id.schema)}.${namePart(id.table)}`
}

/** Reads what `tableName` writes; null when the text names no table. */
export function parseTableName(text: string): TableId | null {
  const match = /^(?:"((?:[^"]|"")+)"|([^".]+))\.(?:"((?:[^"]|"")+)"|([^".]+))$/su.exec(text)
  if (!match) return null
  const schema = match[1]?.replaceAll('""', '"') ?? match[2]
  const table = match[3]?.replaceAll('""', '"') ?? match[4]
  return schema === undefined || table === undefined ? null : { schema, table }
}

function namePart(part: string): string {
  return /[."]/u.test(part) ? `"${part.replaceAll('"', '""')}"` : part
}

/** Byte order of the UTF-8 text, the order in which S3 lists keys. (JavaScript's own order is UTF-16.) */
export function compareBytes(a: string, b: string): number {
  const left = new TextEncoder().encode(a)
  const right = new TextEncoder().encode(b)
  const shared = Math.min(left.length, right.length)
  for (let i = 0; i < shared; i++) {
    const difference = (left[i] as number) - (right[i] as number)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
