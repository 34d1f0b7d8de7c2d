import { type Column, noChanges, type Snapshot } from '../domain.ts'
import type { DmscdcError } from '../errors.ts'
import { allEnded } from '../lake/in-parallel.ts'
import type { TableShape } from '../lake/write-data.ts'
import { type Batch, firstUnreadable, openBatch } from '../landing/batch.ts'
import { append } from '../load-incremental/append.ts'
import { executeMerge, planMerge } from '../load-incremental/merge.ts'
import { totalBytes } from '../sum.ts'
import { appliedBatch, takenAgain } from './batch-again.ts'
import type { TableWork } from './decide.ts'
import { takeFiles } from './load-generation.ts'
import { sequenceOf, sequenceWarnings } from './sequence.ts'
import {
  emptySnapshot,
  openWhole,
  rewrite,
  type StagedWork,
  sameColumns,
  schemaOf,
  takenBy,
  unchanged,
  undecodableFile,
  type WorkContext,
} from './staged-work.ts'
import { shapeOf } from './table-shape.ts'

/** Takes change files, and LOAD files that came late, into the table: up to the first that cannot be applied. */
export async function applyBatch(
  context: WorkContext,
  work: Extract<TableWork, { kind: 'incremental' }>,
): Promise<StagedWork> {
  const { session, config } = context
  const again = await sameAgain(context, work)
  if (again !== null) return again
  const before = { columns: context.snapshot?.columns ?? [], typesMayChange: false }
  const batch = work.whole
    ? await openWhole(context, work.files, before)
    : await openBatch(context.landing, session, config, work.files, before)
  if (batch.files.length === 0 && batch.problem !== null) throw batch.problem
  const undecodable = (at: number, problem: DmscdcError) => {
    if (work.whole || at === 0) throw problem
    return applyBatch(context, { ...work, files: work.files.slice(0, at) })
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

/** The batch that left the table as it stands has come again: nothing changes, and the engine is not asked. */
async function sameAgain(
  context: WorkContext,
  work: Extract<TableWork, { kind: 'incremental' }>,
): Promise<StagedWork | null> {
  const { snapshot, config, landing } = context
  const last = snapshot?.progress.applied
  if (snapshot === null || last === undefined) return null
  const taken = await takenAgain(landing, { ...snapshot, config }, work.files, last)
  if (taken === null) return null
  return {
    ...unchanged(snapshot),
    operation: 'MERGE',
    ...takenBy(context, snapshot, taken),
    changes: { ...noChanges, unchanged: last.keys },
    bytesRead: totalBytes(work.files),
  }
}

/** Applies the rows of `changes` to the lake: merges them by key, or appends them where there is none. */
async function apply(context: WorkContext, batch: Batch): Promise<StagedWork> {
  const { config } = context
  const snapshot = context.snapshot ?? emptySnapshot(config, context.start)
  const shape = shapeOf(config, batch.columns)
  const keyed = shape.keyColumns.length > 0
  const applying = keyed
    ? merge(context, snapshot, shape, batch)
    : append({ ...context, shape, files: snapshot.files, batch })
  const [result, taken] = await allEnded([applying, takeFiles(batch.files)])
  const { progress, load, landingFiles } = takenBy(context, snapshot, taken)
  const { remembered: _, applied: __, ...moved } = progress
  const { inserted, updated, deleted, unchanged: equal } = result.changes
  const removed = new Set(result.remove.map(({ path }) => path))
  const files = [...snapshot.files.filter(({ path }) => !removed.has(path)), ...result.add]
  const left = { config, columns: shape.columns, files }
  const applied = keyed ? appliedBatch(left, taken, inserted + updated + deleted + equal) : null
  return {
    ...unchanged(context.snapshot),
    operation: keyed ? 'MERGE' : 'APPEND',
    schema: sameColumns(context.snapshot, shape) ? null : schemaOf(shape),
    add: result.add,
    remove: result.remove,
    progress: {
      ...moved,
      ...(applied === null ? {} : { applied }),
      ...(result.remembered === null ? {} : { remembered: result.remembered }),
    },
    load,
    landingFiles,
    changes: result.changes,
    filesRewritten: result.filesRewritten,
    bytesRead: totalBytes(landingFiles) + result.bytesRead,
    bytesCarried: result.bytesCarried,
    warnings: sequenceWarnings(config, batch),
  }
}

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
