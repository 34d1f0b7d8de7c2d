import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import {
  type Column,
  type DataFile,
  noChanges,
  noLoad,
  noProgress,
  type Receipt,
  type Snapshot,
  type StagedCommit,
} from '../../src/domain.ts'
import type { CheckpointEngine } from '../../src/lake/checkpoint.ts'
import { commitBody, nextVersion } from '../../src/lake/commit-body.ts'
import { entryKey, logPrefix, stagedKey, type TablePlace, tablePlace } from '../../src/lake/keys.ts'
import { committedSnapshot } from '../../src/lake/snapshot.ts'
import { memoryObjects } from '../../src/objects/memory-objects.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'

export const place: TablePlace = tablePlace({ schema: 'sales', table: 'orders' })
export const startMs = 1_763_712_000_000

export const columns: readonly Column[] = [
  { name: 'id', type: { kind: 'long' }, fieldId: 1 },
  { name: 'day', type: { kind: 'string' }, fieldId: 2 },
]

export const receipt: Receipt = {
  landingFiles: ['20240612-103127367.parquet'],
  passedOver: [],
  changes: { ...noChanges, inserted: 3 },
  rowsBefore: 0,
  rowsAfter: 3,
  filesRewritten: 0,
  bytesRead: 10,
  bytesWritten: 20,
  requests: { get: 2, put: 1 },
  startedMs: startMs,
}

/** A folder of its own, gone when the tests of the file have ended. */
export function newScratch(): string {
  const scratch = mkdtempSync(join(tmpdir(), 'lake-test-'))
  scratches.push(scratch)
  return scratch
}

const scratches: string[] = []
afterAll(() => {
  for (const scratch of scratches) rmSync(scratch, { recursive: true, force: true })
})

export function newStore(): ObjectStore {
  return memoryObjects({ now: () => startMs, scratchDir: newScratch() })
}

export function dataFile(path: string, txnId: string, more: Partial<DataFile> = {}): DataFile {
  const day = /^day=([^/]*)\//u.exec(path)?.[1]
  const sizeBytes = more.sizeBytes ?? path.length
  return {
    path,
    partition: day === undefined ? {} : { day },
    sizeBytes,
    rows: 3,
    stats: '{"numRecords":3,"minValues":{"id":9007199254740993},"maxValues":{"id":12345678901234567890.5}}',
    segments: [{ bytes: sizeBytes, sha256: 'ab'.repeat(32) }],
    footerBytes: 100,
    deadBytes: 0,
    fieldIds: [1, 2],
    txnId,
    modifiedMs: startMs,
    ...more,
  }
}

/** A commit on `base`; the first one makes the table. Partitioned by day when its files are. */
export function staged(base: Snapshot | null, txnId: string, more: Partial<StagedCommit> = {}): StagedCommit {
  const partitionColumns = Object.keys(more.add?.[0]?.partition ?? {})
  return {
    txnId,
    operation: base === null ? 'INITIAL' : 'MERGE',
    timestampMs: startMs + (base === null ? 0 : (base.version + 1) * 1_000),
    base,
    schema: base === null ? { columns, partitionColumns } : null,
    add: [],
    remove: [],
    progress: { ...noProgress, cursor: `${txnId}.parquet` },
    load: base === null ? noLoad : null,
    receipt,
    ...more,
  }
}

/** Puts the staged files and the log entry; the head afterwards. */
export async function commitTo(store: ObjectStore, commit: StagedCommit): Promise<Snapshot> {
  for (const file of commit.add)
    await store.put(stagedKey(place, file.txnId, file.path), bytes(file.path), { kind: 'any' })
  const body = commitBody(commit, '0.1.0')
  await store.put(entryKey(logPrefix(place), nextVersion(commit)), body, { kind: 'absent' })
  return committedSnapshot(commit.base, body)
}

/** A table of `count` versions, each with one more file. */
export async function growTable(store: ObjectStore, count: number, base: Snapshot | null = null): Promise<Snapshot> {
  let head = base
  for (let at = 0; at < count; at++) {
    const txnId = `T${head === null ? 0 : head.version + 1}`
    head = await commitTo(store, staged(head, txnId, { add: [dataFile(`part-${txnId}.parquet`, txnId)] }))
  }
  return head as Snapshot
}

export async function keysOf(store: ObjectStore, prefix = ''): Promise<readonly string[]> {
  return (await store.list({ prefix })).objects.map(({ key }) => key)
}

/** A checkpoint engine whose files hold the actions as text: for tests that are not about Parquet. */
export function textEngine(): CheckpointEngine {
  const dir = newScratch()
  return {
    writeCheckpoint: async (actions) => {
      const scratchFile = join(dir, 'checkpoint')
      await writeFile(scratchFile, actions)
      return { scratchFile, sizeBytes: Buffer.byteLength(actions) }
    },
    readCheckpoint: async (localPath) => (await readFile(localPath, 'utf8')).split('\n'),
  }
}

export const bytes = (text: string) => new TextEncoder().encode(text)

/** Only what a reader of the JSON would not know. */
export function withoutVersions(snapshot: Snapshot): Snapshot {
  const { checkpointBytes: _, ...rest } = snapshot
  return {
    ...rest,
    files: snapshot.files.map(({ addedVersion: _added, ...file }) => file),
    tombstones: snapshot.tombstones.map(({ deletedVersion: _deleted, ...tombstone }) => tombstone),
    checkpointVersion: null,
    logBytesSinceCheckpoint: 0,
  }
}
