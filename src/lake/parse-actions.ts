import * as z from 'zod'
import type { LoadGeneration, PartitionValues, Progress, Receipt, Segment } from '../domain.ts'
import { limits } from '../limits.ts'
import { type Action, loadDomain, progressDomain, protocol, tagKeys } from './actions.ts'
import { corruptLake } from './corrupt-lake.ts'
import { parseSchemaString } from './delta-types.ts'
import { isSegment, isTablePath } from './keys.ts'
import { decodeAddPath } from './partition-path.ts'

/**
 * The actions of a log entry's bytes. `name` is the entry's key, for errors. Actions that we do not write (`txn`, foreign
 * domains) are passed over. Throws `corrupt-lake` on anything that is not a log entry of ours.
 */
export function parseEntry(name: string, body: Uint8Array): readonly Action[] {
  return parseLines(name, decodeText(name, body).split('\n'))
}

/** The same for lines that are texts already, such as the rows of a checkpoint. */
export function parseLines(name: string, lines: readonly string[]): readonly Action[] {
  return lines.flatMap((line, at) => {
    if (line.trim() === '') return []
    const action = parseLine(`${name} line ${at + 1}`, line)
    return action === null ? [] : [action]
  })
}

/** The `txnId` of the attempt that wrote an entry; null where another program wrote it, or nobody could. */
export function entryTxnId(body: Uint8Array): string | null {
  try {
    const line = JSON.parse(decodeText('entry', body).split('\n', 1)[0] ?? '')
    const txnId: unknown = line.commitInfo.txnId
    return typeof txnId === 'string' ? txnId : null
  } catch {
    return null
  }
}

function parseLine(where: string, line: string): Action | null {
  try {
    return toAction(lineShape.parse(JSON.parse(line)))
  } catch (cause) {
    const why =
      cause instanceof z.ZodError
        ? z.prettifyError(cause).replaceAll(/\s*\n\s*/gu, ' ')
        : cause instanceof Error
          ? cause.message
          : ''
    const reason = cause instanceof SyntaxError ? 'not JSON' : why
    throw corruptLake(`lake log ${where}: not an action that dmscdc wrote: ${reason}`, { cause })
  }
}

type Line = z.infer<typeof lineShape>

function toAction(line: Line): Action | null {
  if (line.add) return addAction(line.add)
  if (line.remove) return removeAction(line.remove)
  if (line.domainMetadata) return domainAction(line.domainMetadata)
  if (line.commitInfo) return commitInfoAction(line.commitInfo)
  if (line.metaData) return metadataAction(line.metaData)
  if (line.protocol) return protocolAction(line.protocol)
  return null
}

function addAction(add: NonNullable<Line['add']>): Action {
  return {
    kind: 'add',
    file: {
      path: tablePath(add.path),
      partition: add.partitionValues,
      sizeBytes: add.size,
      rows: rowsOfStats(add.stats),
      stats: add.stats,
      segments: segmentsOf(add),
      deadBytes: deadBytesOf(add),
      footerBytes: add.tags[tagKeys.footerBytes],
      fieldIds: add.tags[tagKeys.fields],
      txnId: folderName(add.tags[tagKeys.txn]),
      modifiedMs: add.modificationTime,
    },
  }
}

function segmentsOf({ tags, size }: NonNullable<Line['add']>): readonly Segment[] {
  const { [tagKeys.segments]: segments, [tagKeys.sha256]: sha256 } = tags
  const found = segments ?? (sha256 == null ? [] : [{ bytes: size, sha256 }])
  const bytes = found.reduce((total, segment) => total + segment.bytes, 0)
  if (bytes === size) return found
  throw new Error(`content hashes of ${String(bytes)} bytes for a file of ${String(size)}`)
}

function deadBytesOf({ tags, size }: NonNullable<Line['add']>): number {
  const dead = tags[tagKeys.dead] ?? 0
  if (dead < size) return dead
  throw new Error(`${String(dead)} bytes that nothing refers to in a file of ${String(size)}`)
}

/** `numRecords` of statistics, the one number in them that JavaScript may read. Throws when it is not a safe count. */
export function rowsOfStats(stats: string): number {
  return statsShape.parse(JSON.parse(stats)).numRecords
}

function removeAction(remove: NonNullable<Line['remove']>): Action {
  const { deletionTimestamp: deletedAtMs, partitionValues: partition, size: sizeBytes } = remove
  return { kind: 'remove', tombstone: { path: tablePath(remove.path), partition, sizeBytes, deletedAtMs } }
}

/** Files are placed, read and deleted by these paths: one that leaves the table's folder is refused, whoever wrote it. */
function tablePath(encoded: string): string {
  const path = decodeAddPath(encoded)
  if (isTablePath(path)) return path
  throw new Error("its path leads out of the table's folder of data files")
}

function folderName(text: string): string {
  if (isSegment(text)) return text
  throw new Error("a txnId that is no folder's name")
}

function domainAction({ domain, configuration, removed }: NonNullable<Line['domainMetadata']>): Action | null {
  if (removed) return null
  if (domain === loadDomain) return { kind: 'load', load: loadShape.parse(JSON.parse(configuration)) }
  if (domain !== progressDomain) return null
  const { txnId, ...progress } = progressShape.parse(JSON.parse(configuration))
  return { kind: 'progress', txnId: folderName(txnId), progress }
}

function commitInfoAction(info: NonNullable<Line['commitInfo']>): Action {
  const { timestamp: timestampMs, operation, txnId, dmscdc: receipt } = info
  return { kind: 'commitInfo', info: { timestampMs, operation, txnId, receipt: receipt ?? null } }
}

function metadataAction(metadata: NonNullable<Line['metaData']>): Action {
  const { id: tableUuid, createdTime: createdMs, partitionColumns } = metadata
  const columns = parseSchemaString(metadata.schemaString)
  const unknown = partitionColumns.some((name) => !columns.some((column) => column.name === name))
  if (unknown) throw new Error('partitionColumns names a column that the schema has not')
  return { kind: 'metaData', metadata: { tableUuid, createdMs, columns, partitionColumns } }
}

function protocolAction(found: NonNullable<Line['protocol']>): Action {
  const known: readonly string[] = protocol.writerFeatures
  const unknown = (found.writerFeatures ?? []).filter((feature) => !known.includes(feature))
  if (found.minReaderVersion <= 1 && found.minWriterVersion <= 7 && unknown.length === 0) return { kind: 'protocol' }
  const asks = `reader ${found.minReaderVersion}, writer ${found.minWriterVersion}, ${unknown.join(', ') || 'no unknown feature'}`
  throw new Error(`the log asks for ${asks}; this dmscdc knows reader 1, writer 7, ${known.join(', ')}`)
}

function decodeText(name: string, body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw corruptLake(`lake log ${name}: not UTF-8 text`, { cause })
  }
}

function isPartition(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((text) => text === null || typeof text === 'string')
}

const count = z.int().nonnegative()
const rowCount = z.int().nonnegative().max(limits.logFileRows)
const byteCount = z.int().nonnegative().max(limits.logFileBytes)
/** What `Date` can hold. */
const momentMs = z.int().min(-8.64e15).max(8.64e15)
const countText = z.string().regex(/^\d+$/u).transform(Number).pipe(count)
const segmentsText = z
  .string()
  .regex(/^[1-9]\d{0,12}:[0-9a-f]{64}(?:,[1-9]\d{0,12}:[0-9a-f]{64})*$/u)
  .transform((text) =>
    text.split(',').map((one) => {
      const [bytes, sha256 = ''] = one.split(':')
      return { bytes: Number(bytes), sha256 }
    }),
  )
const idsText = z
  .string()
  .regex(/^(?:\d{1,9}(?:,\d{1,9})*)?$/u)
  .transform((text) => (text === '' ? [] : text.split(',').map(Number)))
/** Not a `z.record`, which drops a column named `__proto__`. */
const partitionShape = z.custom<PartitionValues>(isPartition, 'expected partition values as texts or null')
const statsShape = z.object({ numRecords: rowCount })

const takenShape = z.object({
  key: z.string(),
  etag: z.string(),
  sizeBytes: count,
  sha256: z.string().nullable(),
  passedOver: z.enum(['skipped', 'before-load', 'cursor']).exactOptional(),
})

const loadShape: z.ZodType<LoadGeneration> = z.object({
  generation: count,
  files: z.array(takenShape),
  newestModifiedMs: momentMs.nullable(),
})

const progressShape: z.ZodType<Progress & { txnId: string }> = z.object({
  txnId: z.string(),
  cursor: z.string().nullable(),
  windowFrom: z.string().nullable(),
  window: z.array(takenShape),
  changeFilesTaken: count,
  primaryKey: z.array(z.string()).nullable(),
  partitionKey: z.array(z.string()),
  startAfter: z.string().exactOptional(),
  settledUpTo: z.string().exactOptional(),
  reload: z.literal(true).exactOptional(),
  replay: z.object({ upTo: z.string(), underWay: z.literal(true).exactOptional() }).exactOptional(),
  shownFrom: count.exactOptional(),
  adopted: z.object({ files: count, rows: count }).exactOptional(),
  mixedTypes: z.literal(true).exactOptional(),
  applied: z.object({ files: count, bytes: count, keys: count, fingerprint: z.string() }).exactOptional(),
  remembered: z
    .object({
      sequenceColumn: z.string(),
      files: z.array(
        z.object({ name: z.string(), sizeBytes: count, rows: count, sha256: z.string(), newestMs: z.int() }),
      ),
    })
    .exactOptional(),
  forgotten: z.array(z.string()).exactOptional(),
  obeyed: z
    .object({ version: count, incrementalFile: z.string().nullable(), fullLoadDate: z.string().nullable() })
    .exactOptional(),
  restored: z.object({ version: count, from: count, progressKept: z.boolean() }).exactOptional(),
})

const receiptShape: z.ZodType<Receipt> = z.object({
  landingFiles: z.array(z.string()),
  passedOver: z.array(z.object({ key: z.string(), why: z.string() })),
  note: z.string().exactOptional(),
  restored: z.object({ version: count, progressKept: z.boolean() }).exactOptional(),
  changes: z.object({ inserted: count, updated: count, deleted: count, unchanged: count, ignored: count }),
  rowsBefore: count,
  rowsAfter: count,
  filesRewritten: count,
  bytesRead: count,
  bytesWritten: count,
  requests: z.record(z.string(), count),
  startedMs: z.number(),
})

const lineShape = z.object({
  add: z
    .object({
      path: z.string(),
      partitionValues: partitionShape,
      size: byteCount,
      modificationTime: momentMs,
      stats: z.string(),
      tags: z.object({
        [tagKeys.segments]: segmentsText.nullish(),
        [tagKeys.sha256]: z.string().nullish(),
        [tagKeys.dead]: countText.nullish(),
        [tagKeys.footerBytes]: countText,
        [tagKeys.fields]: idsText,
        [tagKeys.txn]: z.string(),
      }),
    })
    .nullish(),
  remove: z
    .object({ path: z.string(), deletionTimestamp: momentMs, partitionValues: partitionShape, size: byteCount })
    .nullish(),
  domainMetadata: z.object({ domain: z.string(), configuration: z.string(), removed: z.boolean() }).nullish(),
  commitInfo: z
    .object({ timestamp: momentMs, operation: z.string(), txnId: z.string(), dmscdc: receiptShape.nullish() })
    .nullish(),
  metaData: z
    .object({
      id: z.string(),
      schemaString: z.string(),
      partitionColumns: z.array(z.string()),
      createdTime: momentMs,
    })
    .nullish(),
  protocol: z
    .object({
      minReaderVersion: z.int(),
      minWriterVersion: z.int(),
      writerFeatures: z.array(z.string()).nullish(),
    })
    .nullish(),
})
