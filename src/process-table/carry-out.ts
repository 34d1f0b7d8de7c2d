import type { WriteCosts } from '../costs.ts'
import {
  type ChangeCounts,
  type Column,
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
import { allEnded } from '../lake/in-parallel.ts'
import { countDoubleKeys, rewriteAll } from '../lake/rewrite.ts'
import { type PreparedFile, type Staging, stage, type TableShape } from '../lake/write-data.ts'
import { type Batch, firstUnreadable, openBatch, type TableBefore } from '../landing/batch.ts'
import { entryOf, startOver } from '../landing/move-progress.ts'
import { advance, pendingChanges } from '../landing/pending.ts'
import { append } from '../load-incremental/append.ts'
import { executeMerge, planMerge } from '../load-incremental/merge.ts'
import { loadAll } from '../load-initial/load.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { sum } from '../sum.ts'
import { adopt } from './adopt.ts'
import type { StartingPoint, TableWork } from './decide.ts'
import { moreLoads, nextGeneration, sameGeneration, type TakenLandingFile, takeFiles } from './load-generation.ts'
import { rekeyed, sequenceOf, sequenceWarnings } from './sequence.ts'
import { shapeOf } from './table-shape.ts'
import { truncation } from './vanished.ts'

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

/** Does one piece of work up to the point where its files are staged. Nothing that a reader sees changes. */
export async function carryOut(
  context: WorkContext,
  work: Exclude<TableWork, { kind: 'idle' | 'held' }>,
): Promise<StagedWork> {
  await context.session.reset()
  switch (work.kind) {
    case 'initial':
      return initial(context, work)
    case 'incremental':
      return incremental(context, work)
    case 'rebuild':
      return rebuild(context, work)
    case 'adopt':
      return { ...unchanged(null), ...(await adopt(context, work.files)) }
    case 'retype':
      return retype(context)
    case 'rekey':
      return rekey(context)
    case 'truncate':
      return { ...unchanged(context.snapshot), ...truncation(context.snapshot as Snapshot) }
  }
}

async function initial(context: WorkContext, work: Extract<TableWork, { kind: 'initial' }>): Promise<StagedWork> {
  const { snapshot, session, staging, config } = context
  const batch = await openWhole(context, work.loads, { columns: snapshot?.columns ?? [], typesMayChange: true })
  const shape = shapeOf(config, batch.columns)
  const loading = decodable(context, batch, () => loadAll(session, staging, shape))
  const [loaded, taken] = await allEnded([loading, takeFiles(batch.files)])
  const add = await stage(staging, loaded.written)
  await batch.release()
  const begin = startOver((snapshot ?? context.start).progress)
  const leftOut = new Set(work.leftOut.map(({ key }) => key))
  const stillPending = pendingChanges(context.listing.changes, begin).filter(({ key }) => !leftOut.has(key))
  const passed = work.leftOut.map((file) => entryOf(file, 'before-load'))
  return {
    ...unchanged(snapshot),
    operation: 'INITIAL',
    schema: schemaOf(shape),
    add,
    remove: snapshot?.files ?? [],
    progress: advance(begin, passed, advanceOptions(config, stillPending)),
    load: nextGeneration(snapshot ?? context.start, taken),
    landingFiles: work.loads,
    passedOver: work.leftOut.map(({ key }) => ({ key, why: 'lies before the full load' })),
    changes: { ...noChanges, inserted: loaded.rows, deleted: rowsOf(snapshot) },
    bytesRead: bytesOf(work.loads),
  }
}

/** All rows of a table without a key, in one commit: it shrinks for no reader. */
async function rebuild(context: WorkContext, work: Extract<TableWork, { kind: 'rebuild' }>): Promise<StagedWork> {
  const { session, staging, config, listing, costs } = context
  const snapshot = context.snapshot as Snapshot
  const { reload: _, ...progress } = snapshot.progress
  const files = [...work.loads, ...work.changes]
  const batch = await openWhole(context, files, { columns: snapshot.columns, typesMayChange: false })
  const shape = shapeOf(config, batch.columns)
  const making = decodable(context, batch, async () =>
    files.length === 0 ? null : append({ session, staging, shape, files: [], batch, costs }),
  )
  const [made, taken] = await allEnded([making, takeFiles(batch.files)])
  await batch.release()
  const { changeFiles, loadFiles } = byKind(taken)
  const stillPending = pendingChanges(listing.changes, progress)
  const moved = advance(progress, changeFiles, advanceOptions(config, stillPending))
  return {
    ...unchanged(snapshot),
    operation: 'REBUILD',
    schema: schemaOf(shape),
    add: made?.add ?? [],
    remove: snapshot.files,
    progress: { ...moved, changeFilesTaken: work.changes.length },
    load: sameGeneration(snapshot, loadFiles),
    landingFiles: files,
    changes: { ...(made?.changes ?? noChanges), deleted: rowsOf(snapshot) },
    bytesRead: bytesOf(files),
  }
}

async function incremental(
  context: WorkContext,
  work: Extract<TableWork, { kind: 'incremental' }>,
): Promise<StagedWork> {
  const { session, config } = context
  const before = { columns: context.snapshot?.columns ?? [], typesMayChange: false }
  const batch = work.whole
    ? await openWhole(context, work.files, before)
    : await openBatch(context.landing, session, config, work.files, before)
  if (batch.files.length === 0 && batch.problem !== null) throw batch.problem
  const undecodable = (at: number, problem: DmscdcError) => {
    if (work.whole || at === 0) throw problem
    return incremental(context, { ...work, files: work.files.slice(0, at) })
  }
  try {
    if (!batch.widened) return await apply(context, batch)
    const bad = await firstUnreadable(context.landing, session, config, batch)
    return bad === null ? await widen(context, batch.columns) : await undecodable(bad.at, bad.problem)
  } catch (error) {
    const bad = await undecodableFile(context, batch, error)
    if (bad === null) throw error
    await session.reset()
    return await undecodable(bad.at, bad.problem)
  } finally {
    await batch.release()
  }
}

/** Applies the rows of `changes` to the lake: merges them by key, or appends them where there is none. */
async function apply(context: WorkContext, batch: Batch): Promise<StagedWork> {
  const { config, listing } = context
  const snapshot = context.snapshot ?? emptySnapshot(config, context.start)
  const shape = shapeOf(config, batch.columns)
  const keyed = shape.keyColumns.length > 0
  const applying = keyed
    ? merge(context, snapshot, shape, batch)
    : append({ ...context, shape, files: snapshot.files, batch })
  const [result, taken] = await allEnded([applying, takeFiles(batch.files)])
  const landingFiles = taken.map(({ file }) => file)
  const takenKeys = new Set(landingFiles.map(({ key }) => key))
  const stillPending = pendingChanges(listing.changes, snapshot.progress).filter(({ key }) => !takenKeys.has(key))
  const { changeFiles, loadFiles } = byKind(taken)
  const { remembered: _, ...progress } = snapshot.progress
  const moved = advance(progress, changeFiles, advanceOptions(config, stillPending))
  return {
    ...unchanged(context.snapshot),
    operation: keyed ? 'MERGE' : 'APPEND',
    schema: sameColumns(context.snapshot, shape) ? null : schemaOf(shape),
    add: result.add,
    remove: result.remove,
    progress: result.remembered === null ? moved : { ...moved, remembered: result.remembered },
    load: loadFiles.length === 0 && context.snapshot !== null ? null : moreLoads(snapshot, loadFiles),
    landingFiles,
    changes: result.changes,
    filesRewritten: result.filesRewritten,
    bytesRead: bytesOf(landingFiles) + result.bytesRead,
    bytesCarried: result.bytesCarried,
    warnings: sequenceWarnings(config, batch),
  }
}

/** What the log holds of change files, and the LOAD files. */
const byKind = (files: readonly TakenLandingFile[]) => ({
  changeFiles: files.filter(({ file }) => file.kind === 'change').map(({ taken }) => taken),
  loadFiles: files.filter(({ file }) => file.kind === 'load'),
})

async function merge(context: WorkContext, snapshot: Snapshot, shape: TableShape, batch: Batch) {
  const { session, staging, config, costs } = context
  const sequence = sequenceOf(config, snapshot.progress, batch, staging.nowMs())
  const input = { session, staging, snapshot, shape, batch, sequence, costs }
  return executeMerge(input, await planMerge(input))
}

/** Wider types are a commit of their own, before the files that need them, which must be fit to be read: a damaged one widens nothing. */
async function widen(context: WorkContext, columns: readonly Column[]): Promise<StagedWork> {
  const snapshot = context.snapshot as Snapshot
  const wider = columns.filter(({ fieldId }) => snapshot.columns.some((column) => column.fieldId === fieldId))
  return rewrite(
    context,
    snapshot,
    { ...shapeOf(context.config, wider), partitionColumns: snapshot.partitionColumns },
    snapshot.progress,
  )
}

/** Every file of a table has the types of its schema: what was adopted with narrower ones is written again. */
async function retype(context: WorkContext): Promise<StagedWork> {
  const snapshot = context.snapshot as Snapshot
  const { mixedTypes: _, ...progress } = snapshot.progress
  const { columns, partitionColumns } = snapshot
  return rewrite(context, snapshot, { columns, partitionColumns, keyColumns: progress.primaryKey ?? [] }, progress)
}

/** The row names other keys than the lake was built with: a key must be unique in the whole table; partitions are laid out anew. */
async function rekey(context: WorkContext): Promise<StagedWork> {
  const { session, staging, config } = context
  const snapshot = context.snapshot as Snapshot
  const shape = shapeOf(config, snapshot.columns)
  const progress = rekeyed(snapshot.progress, config)
  const double = config.primaryKey === null ? 0 : await countDoubleKeys(session, staging, snapshot, config.primaryKey)
  if (double > 0)
    throw new DmscdcError(
      'invalid-config',
      `primary key (${shape.keyColumns.join(', ')}) is not unique in the table: ${String(double)} keys stand in more than one row`,
      { hint: doubleKeyHint(context) },
    )
  if (JSON.stringify(snapshot.partitionColumns) !== JSON.stringify(config.partitionKey))
    return rewrite(context, snapshot, shape, progress)
  return { ...unchanged(snapshot), operation: 'REWRITE', progress }
}

/** The job that an adopted table comes from doubled rows: its landing has the right ones. */
function doubleKeyHint({ snapshot, listing }: WorkContext): string {
  const name = 'dmscdc set <table> --primary-key a,b'
  if (snapshot?.progress.adopted === undefined) return `name the columns that make a row unique: ${name}`
  const load = listing.loads[0]?.key ?? 'LOAD00000001.parquet'
  return `dmscdc replay <table> --from ${load} loads the table anew from the landing; or name other columns: ${name}`
}

async function rewrite(
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
    bytesRead: sum(snapshot.files.map(({ sizeBytes }) => sizeBytes)),
  }
}

// ---- parts of a commit --------------------------------------------------------------------------------------------

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

async function openWhole(context: WorkContext, files: readonly LandingFile[], before: TableBefore): Promise<Batch> {
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
async function undecodableFile(
  { session, config, landing }: Pick<WorkContext, 'session' | 'config' | 'landing'>,
  batch: Batch,
  error: unknown,
) {
  return error instanceof DmscdcError && error.kind === 'bug' ? firstUnreadable(landing, session, config, batch) : null
}

const schemaOf = ({ columns, partitionColumns }: TableShape) => ({ columns, partitionColumns })

const sameColumns = (snapshot: Snapshot | null, shape: TableShape) =>
  snapshot !== null && snapshot.columns.length === shape.columns.length

function advanceOptions(config: TableConfig, stillPending: readonly LandingFile[]) {
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

const rowsOf = (snapshot: Snapshot | null) => sum((snapshot?.files ?? []).map(({ rows }) => rows))
const bytesOf = (files: readonly LandingFile[]) => sum(files.map(({ sizeBytes }) => sizeBytes))
