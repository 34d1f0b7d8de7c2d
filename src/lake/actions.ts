import type { Column, DataFile, LoadGeneration, PartitionValues, Progress, Receipt, Tombstone } from '../domain.ts'
import { schemaString } from './delta-types.ts'
import { encodeAddPath } from './partition-path.ts'

/** Who made a commit and what for. Delta's checkpoints leave it out, so nothing but history may depend on it. */
export type CommitInfo = {
  readonly timestampMs: number
  /** One of `StagedCommit`'s, or what another program wrote. */
  readonly operation: string
  readonly txnId: string
  /** Null for entries that another program wrote. */
  readonly receipt: Receipt | null
}

/** Delta's metaData. */
export type TableMetadata = {
  readonly tableUuid: string
  readonly createdMs: number
  readonly columns: readonly Column[]
  readonly partitionColumns: readonly string[]
}

/** One line of a log entry or one row of a checkpoint, in the terms of the domain. */
export type Action =
  | { readonly kind: 'commitInfo'; readonly info: CommitInfo }
  | { readonly kind: 'protocol' }
  | { readonly kind: 'metaData'; readonly metadata: TableMetadata }
  | { readonly kind: 'remove'; readonly tombstone: Tombstone }
  | { readonly kind: 'add'; readonly file: DataFile }
  /** The domain `dmscdc.load`. */
  | { readonly kind: 'load'; readonly load: LoadGeneration }
  /** The domain `dmscdc.progress`, in every commit. `txnId` stands here too because a checkpoint holds no commitInfo. */
  | { readonly kind: 'progress'; readonly txnId: string; readonly progress: Progress }

export const loadDomain = 'dmscdc.load'
export const progressDomain = 'dmscdc.progress'

/** Keys of `add.tags`. */
export const tagKeys = {
  segments: 'dmscdc.segments',
  dead: 'dmscdc.dead',
  /** Of the whole file; logs of earlier versions have it in place of the segments. */
  sha256: 'dmscdc.sha256',
  footerBytes: 'dmscdc.footerBytes',
  fields: 'dmscdc.fields',
  txn: 'dmscdc.txn',
} as const

/**
 * Reader 1 opens the table to every reader; the unknown writer feature keeps foreign writers out (on S3 some of them
 * overwrite log entries), and domainMetadata carries the progress through every checkpoint.
 */
export const protocol = {
  minReaderVersion: 1,
  minWriterVersion: 7,
  writerFeatures: ['appendOnly', 'invariants', 'domainMetadata', 'dmscdc-exclusiveWriter'],
} as const

export const protocolLine = (): string => JSON.stringify({ protocol })

export function metadataLine(metadata: TableMetadata): string {
  return JSON.stringify({
    metaData: {
      id: metadata.tableUuid,
      format: { provider: 'parquet', options: {} },
      schemaString: schemaString(metadata.columns),
      partitionColumns: metadata.partitionColumns,
      configuration: { 'delta.logRetentionDuration': 'interval 7 days' },
      createdTime: metadata.createdMs,
    },
  })
}

/** The statistics go in as a text, unparsed: JavaScript would cut 64-bit integers and decimals. */
export function addLine(file: DataFile, options: { dataChange: boolean }): string {
  return JSON.stringify({
    add: {
      path: encodeAddPath(file.path),
      partitionValues: deltaPartitionValues(file.partition),
      size: file.sizeBytes,
      modificationTime: file.modifiedMs,
      dataChange: options.dataChange,
      stats: file.stats,
      tags: {
        [tagKeys.segments]: file.segments.map(({ bytes, sha256 }) => `${String(bytes)}:${sha256}`).join(','),
        ...(file.deadBytes === 0 ? {} : { [tagKeys.dead]: String(file.deadBytes) }),
        [tagKeys.footerBytes]: String(file.footerBytes),
        [tagKeys.fields]: file.fieldIds.join(','),
        [tagKeys.txn]: file.txnId,
      },
    },
  })
}

export function removeLine(tombstone: Tombstone, options: { dataChange: boolean }): string {
  return JSON.stringify({
    remove: {
      path: encodeAddPath(tombstone.path),
      deletionTimestamp: tombstone.deletedAtMs,
      dataChange: options.dataChange,
      extendedFileMetadata: true,
      partitionValues: deltaPartitionValues(tombstone.partition),
      size: tombstone.sizeBytes,
    },
  })
}

export const loadLine = (load: LoadGeneration): string => domainLine(loadDomain, load)

export function progressLine(txnId: string, progress: Progress): string {
  return domainLine(progressDomain, { txnId, ...progress })
}

function domainLine(domain: string, content: object): string {
  const configuration = JSON.stringify({ v: 1, ...content })
  return JSON.stringify({ domainMetadata: { domain, configuration, removed: false } })
}

/** Delta takes '' for null, but half of the readers do not: it is never written. */
function deltaPartitionValues(partition: PartitionValues): PartitionValues {
  return Object.fromEntries(Object.entries(partition).map(([column, value]) => [column, value === '' ? null : value]))
}
