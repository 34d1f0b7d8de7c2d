import { createHash } from 'node:crypto'
import type { DataFile, StagedCommit } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { addLine, loadLine, metadataLine, progressLine, protocolLine, removeLine } from './actions.ts'
import { rowsOfStats } from './parse-actions.ts'

/**
 * The bytes of the log entry that makes a commit: commitInfo first, then at most one action per path and per domain, as
 * Delta asks. Fixed before the first try, so that every retry puts the same bytes. `engineVersion` is the package's.
 * Throws `bug` on a commit that would break the log.
 */
export function commitBody(commit: StagedCommit, engineVersion: string): Uint8Array {
  checkCommit(commit)
  const { base, schema, timestampMs } = commit
  // Files that hold the same rows in another arrangement: who follows changes need not read them.
  const dataChange = commit.operation !== 'COMPACT' && !(commit.operation === 'REWRITE' && schema === null)
  const metadata = schema && {
    tableUuid: base?.tableUuid ?? uuidOf(commit.txnId),
    createdMs: base?.createdMs ?? timestampMs,
    ...schema,
  }
  const lines = [
    commitInfoLine(commit, engineVersion),
    ...(base === null ? [protocolLine()] : []),
    ...(metadata ? [metadataLine(metadata)] : []),
    ...commit.remove.map((file) => removeLine({ ...file, deletedAtMs: timestampMs }, { dataChange })),
    ...commit.add.map((file) => addLine(file, { dataChange })),
    ...(commit.load ? [loadLine(commit.load)] : []),
    progressLine(commit.txnId, commit.progress),
  ]
  return new TextEncoder().encode(`${lines.join('\n')}\n`)
}

/** The version that a commit is to become. */
export function nextVersion(commit: StagedCommit): number {
  return commit.base === null ? 0 : commit.base.version + 1
}

function commitInfoLine(commit: StagedCommit, engineVersion: string): string {
  const { receipt, base } = commit
  return JSON.stringify({
    commitInfo: {
      timestamp: commit.timestampMs,
      operation: commit.operation,
      operationParameters: { landing: JSON.stringify(receipt.landingFiles) },
      operationMetrics: {
        numTargetFilesAdded: String(commit.add.length),
        numTargetFilesRemoved: String(commit.remove.length),
        numTargetRowsInserted: String(receipt.changes.inserted),
        numTargetRowsUpdated: String(receipt.changes.updated),
        numTargetRowsDeleted: String(receipt.changes.deleted),
        numOutputBytes: String(receipt.bytesWritten),
      },
      ...(base === null ? {} : { readVersion: base.version }),
      isBlindAppend: commit.operation === 'APPEND' && commit.remove.length === 0,
      engineInfo: `dmscdc/${engineVersion}`,
      txnId: commit.txnId,
      dmscdc: receipt,
    },
  })
}

function checkCommit({ base, schema, load, add, remove }: StagedCommit): void {
  const listed = new Set(base?.files.map(({ path }) => path))
  const removed = new Set(remove.map(({ path }) => path))
  const added = new Set(add.map(({ path }) => path))
  const partitionColumns = (schema ?? base)?.partitionColumns ?? []
  if (base === null && (schema === null || load === null)) throw bug('a first version needs a schema and a load')
  if (added.size !== add.length || removed.size !== remove.length) throw bug('a path is named twice')
  if (add.some(({ path }) => listed.has(path) || removed.has(path))) throw bug('a file name is used again')
  if (remove.some(({ path }) => !listed.has(path))) throw bug('a file is removed that is not listed')
  if (add.some((file) => !hasPartition(file, partitionColumns))) throw bug("a file's partition is not the table's")
  if (add.some(({ stats, rows }) => rowsOfStats(stats) !== rows)) throw bug("a file's statistics count other rows")
}

function hasPartition({ partition }: DataFile, columns: readonly string[]): boolean {
  return Object.keys(partition).length === columns.length && columns.every((column) => Object.hasOwn(partition, column))
}

function bug(what: string): DmscdcError {
  return new DmscdcError('bug', `staged commit: ${what}`, { hint: 'report this; nothing was committed' })
}

/** Delta wants a UUID as the table's identity; this one (version 8) is made of the attempt that created the table. */
function uuidOf(txnId: string): string {
  const bytes = createHash('sha256').update(txnId).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/u, '$1-$2-$3-$4-')
}
