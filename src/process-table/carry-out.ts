import { noChanges, type Snapshot } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { allEnded } from '../lake/in-parallel.ts'
import { countDoubleKeys } from '../lake/rewrite.ts'
import { stage } from '../lake/write-data.ts'
import { entryOf, startOver } from '../landing/move-progress.ts'
import { advance, pendingChanges } from '../landing/pending.ts'
import { append } from '../load-incremental/append.ts'
import { loadAll } from '../load-initial/load.ts'
import { totalBytes } from '../sum.ts'
import { adopt } from './adopt.ts'
import { applyBatch } from './apply-batch.ts'
import type { TableWork } from './decide.ts'
import { nextGeneration, sameGeneration, takeFiles } from './load-generation.ts'
import { rekeyed } from './sequence.ts'
import {
  advanceOptions,
  byKind,
  decodable,
  openWhole,
  rewrite,
  rowsOf,
  type StagedWork,
  schemaOf,
  unchanged,
  type WorkContext,
} from './staged-work.ts'
import { shapeOf } from './table-shape.ts'
import { truncation } from './vanished.ts'

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
      return applyBatch(context, work)
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
    bytesRead: totalBytes(work.loads),
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
    bytesRead: totalBytes(files),
  }
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
