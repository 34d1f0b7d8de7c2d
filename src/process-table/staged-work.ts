import type { WriteCosts } from '../costs.ts'
import {
  type ChangeCounts,
  type LandingFile,
  type LandingTable,
  noChanges,
  noProgress,
  type Progress,
  type Receipt,
  type Snapshot,
  type StagedCommit,
  type TableConfig,
} from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { rewriteAll } from '../lake/rewrite.ts'
import { type PreparedFile, type Staging, stage, type TableShape } from '../lake/write-data.ts'
import { type Batch, firstUnreadable, openBatch, type TableBefore } from '../landing/batch.ts'
import { advance, pendingChanges } from '../landing/pending.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { sum, totalBytes } from '../sum.ts'
import type { StartingPoint } from './decide.ts'
import { moreLoads, type TakenLandingFile } from './load-generation.ts'

export type WorkContext = {
  readonly landing: ObjectStore
  readonly session: EngineSession
  readonly staging: Staging
  readonly config: TableConfig
  readonly listing: LandingTable
  /** The head that the work was decided on; null before the first commit. */
  readonly snapshot: Snapshot | null
  readonly start: StartingPoint
  readonly costs: WriteCosts
}

/** A commit that is staged and wants only to be won, without what the attempt cost. */
export type StagedWork = Omit<StagedCommit, 'receipt' | 'timestampMs' | 'txnId'> & {
  readonly landingFiles: readonly LandingFile[]
  readonly passedOver: readonly { readonly key: string; readonly why: string }[]
  readonly note?: string
  readonly restored?: NonNullable<Receipt['restored']>
  readonly changes: ChangeCounts
  readonly filesRewritten: number
  readonly bytesRead: number
  /** Of the bytes of `add`, those that were in the lake before. */
  readonly bytesCarried: number
  /** For the report, not for the log. */
  readonly warnings?: readonly string[]
}

/** What the log is to hold of landing files that a commit takes. */
export function takenBy(
  { config, listing, snapshot: before }: WorkContext,
  snapshot: Snapshot,
  taken: readonly TakenLandingFile[],
) {
  const landingFiles = taken.map(({ file }) => file)
  const takenKeys = new Set(landingFiles.map(({ key }) => key))
  const stillPending = pendingChanges(listing.changes, snapshot.progress).filter(({ key }) => !takenKeys.has(key))
  const { changeFiles, loadFiles } = byKind(taken)
  return {
    landingFiles,
    progress: advance(snapshot.progress, changeFiles, advanceOptions(config, stillPending)),
    load: loadFiles.length === 0 && before !== null ? null : moreLoads(snapshot, loadFiles),
  }
}

/** What the log holds of change files, and the LOAD files. */
export const byKind = (files: readonly TakenLandingFile[]) => ({
  changeFiles: files.filter(({ file }) => file.kind === 'change').map(({ taken }) => taken),
  loadFiles: files.filter(({ file }) => file.kind === 'load'),
})

/** All rows of the table in new files, of this shape. */
export async function rewrite(
  context: WorkContext,
  snapshot: Snapshot,
  shape: TableShape,
  progress: Progress,
): Promise<StagedWork> {
  const written: readonly PreparedFile[] = await rewriteAll(context.session, context.staging, snapshot, shape)
  return {
    ...unchanged(snapshot),
    operation: 'REWRITE',
    schema: schemaOf(shape),
    add: await stage(context.staging, written),
    remove: snapshot.files,
    progress,
    filesRewritten: snapshot.files.length,
    bytesRead: totalBytes(snapshot.files),
  }
}

/** A commit that changes nothing yet. */
export function unchanged(snapshot: Snapshot | null): StagedWork {
  return {
    operation: 'MERGE',
    base: snapshot,
    schema: null,
    add: [],
    remove: [],
    progress: snapshot?.progress ?? noProgress,
    load: null,
    landingFiles: [],
    passedOver: [],
    changes: noChanges,
    filesRewritten: 0,
    bytesRead: 0,
    bytesCarried: 0,
  }
}

/** Throws what is wrong with the first file that cannot be applied: all or none. */
export async function openWhole(
  context: WorkContext,
  files: readonly LandingFile[],
  before: TableBefore,
): Promise<Batch> {
  const batch = await openBatch(context.landing, context.session, context.config, files, before)
  if (batch.problem === null) return batch
  await batch.release()
  throw batch.problem
}

/** Runs work that reads the batch; where it fails because a file's pages are damaged, that file is named. */
export async function decodable<T>(
  context: Pick<WorkContext, 'session' | 'config' | 'landing'>,
  batch: Batch,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw (await undecodableFile(context, batch, error))?.problem ?? error
  }
}

/** Looks at the files again only behind an error that the engine could not explain. */
export async function undecodableFile(
  { session, config, landing }: Pick<WorkContext, 'session' | 'config' | 'landing'>,
  batch: Batch,
  error: unknown,
) {
  return error instanceof DmscdcError && error.kind === 'bug' ? firstUnreadable(landing, session, config, batch) : null
}

export const schemaOf = ({ columns, partitionColumns }: TableShape) => ({ columns, partitionColumns })

export const sameColumns = (snapshot: Snapshot | null, shape: TableShape) =>
  snapshot !== null && snapshot.columns.length === shape.columns.length

export function advanceOptions(config: TableConfig, stillPending: readonly LandingFile[]) {
  return {
    lookBackMs: config.lookBackMs,
    stillPending,
    primaryKey: config.primaryKey,
    partitionKey: config.partitionKey,
  }
}

/** What a table is before its first commit. */
export function emptySnapshot(config: TableConfig, start: StartingPoint): Snapshot {
  return {
    version: -1,
    txnId: '',
    tableUuid: '',
    createdMs: 0,
    columns: [],
    partitionColumns: config.partitionKey,
    files: [],
    tombstones: [],
    load: start.load,
    progress: start.progress,
    checkpointVersion: null,
    logBytesSinceCheckpoint: 0,
  }
}

export const rowsOf = (snapshot: Snapshot | null) => sum((snapshot?.files ?? []).map(({ rows }) => rows))
