import { type DataFile, noChanges, noLoad, type Snapshot } from '../../src/domain.ts'
import { stagedKey } from '../../src/lake/keys.ts'
import { entryOf } from '../../src/landing/move-progress.ts'
import { advance, pendingChanges } from '../../src/landing/pending.ts'
import type { TableWork } from '../../src/process-table/decide.ts'
import { type StagedWork, unchanged, type WorkContext } from '../../src/process-table/staged-work.ts'

/**
 * Stands in for the SQL of a merge, and for nothing else: stages one file, whose name says which landing files are merged in
 * it (`part-A2.12.parquet`: the first and the second), in place of all that the table has.
 */
export async function pretendToMerge(
  { staging, snapshot, start, config, listing }: WorkContext,
  work: Exclude<TableWork, { kind: 'idle' | 'held' }>,
): Promise<StagedWork> {
  if (work.kind !== 'incremental') throw new Error(`the model has no ${work.kind} work`)
  const before = snapshot?.progress ?? start.progress
  const numbers = work.files.map((file) => String(listing.changes.indexOf(file) + 1))
  const merged = [...new Set([...contentOf(snapshot?.files ?? []), ...numbers])].sort().join('')
  const path = `part-${staging.newId()}.${merged}.parquet`
  const key = stagedKey(staging.place, staging.txnId, path)
  await staging.lake.put(key, new TextEncoder().encode(path), { kind: 'any' })
  const taken = new Set(work.files)
  const { lookBackMs, primaryKey, partitionKey } = config
  const stillPending = pendingChanges(listing.changes, before).filter((file) => !taken.has(file))
  const opened = work.files.map((file) => ({ ...entryOf(file), sha256: file.etag }))
  return {
    ...unchanged(snapshot),
    schema: snapshot === null ? { columns: [], partitionColumns: [] } : null,
    add: [dataFile(path, staging.txnId, staging.nowMs())],
    remove: snapshot?.files ?? [],
    progress: advance(before, opened, { lookBackMs, primaryKey, partitionKey, stillPending }),
    load: snapshot === null ? noLoad : null,
    landingFiles: work.files,
    changes: { ...noChanges, updated: work.files.length },
  }
}

/** The numbers of the landing files that are merged in these data files; one that is in two of them comes twice. */
export function contentOf(files: Snapshot['files']): readonly string[] {
  return files.flatMap(({ path }) => [...(/\.(\d+)\.parquet$/u.exec(path)?.[1] ?? '')])
}

function dataFile(path: string, txnId: string, modifiedMs: number): DataFile {
  return {
    path,
    partition: {},
    sizeBytes: path.length,
    rows: 1,
    stats: '{"numRecords":1}',
    segments: [{ bytes: path.length, sha256: 'ab'.repeat(32) }],
    footerBytes: 8,
    deadBytes: 0,
    fieldIds: [],
    txnId,
    modifiedMs,
  }
}
