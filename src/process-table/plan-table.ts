import { type ChangeCounts, type LandingFile, noChanges, type Snapshot } from '../domain.ts'
import { dataFileBytesTarget } from '../lake/write-data.ts'
import { openBatch } from '../landing/batch.ts'
import { type MergePlan, planMerge, predictMerge } from '../load-incremental/merge.ts'
import { decodable, emptySnapshot, shapeOf } from './carry-out.ts'
import type { TableWork } from './decide.ts'
import { startingPoint } from './edited-cursors.ts'
import { asEdited } from './move-table.ts'
import { nextWork } from './next-work.ts'
import { openHead } from './open-head.ts'
import { isRestoredSince } from './restored-since.ts'
import { sequenceOf } from './sequence.ts'
import { configFor, type TableRun } from './table-run.ts'

/** What the next piece of work on a table would touch. Nothing is changed, nothing staged. */
export type WorkPlan = {
  /** `move`: only the bookkeeping changes, as the operator says. */
  readonly work: TableWork | { readonly kind: 'move' }
  /** Of a batch that widens a column at most: an update that turns out equal to its row is `unchanged` only when it runs. */
  readonly changes: ChangeCounts
  readonly filesToRewrite: number
  readonly bytesToRead: number
  readonly bytesToWrite: number
  readonly requests: {
    readonly get: number
    readonly put: number
    readonly copy: number
    readonly list: number
    readonly delete: number
  }
}

export async function planTable(run: TableRun): Promise<WorkPlan> {
  const standing = await openHead(run)
  const head = standing && (await asEdited(run, standing))
  if (isRestoredSince(run, head))
    return planOf({ kind: 'idle', reason: 'it was restored and is to be inactive', waits: false }, {})
  const work = await nextWork(run, head, { batchBytesMax: Number.POSITIVE_INFINITY })
  switch (work.kind) {
    case 'idle':
      return planOf(head === standing ? work : { kind: 'move' }, {})
    case 'held':
      return planOf(work, {})
    case 'initial':
      return planWhole(head, work, work.loads)
    case 'rebuild':
      return planWhole(head, work, [...work.loads, ...work.changes])
    case 'incremental':
      return planIncremental(run, head, work)
    case 'adopt':
      return planOf(work, {
        bytesToRead: sum(work.files.map(({ sizeBytes }) => sizeBytes)),
        filesRead: work.files.length,
      })
    case 'retype':
      return planRewrite(head, work)
    case 'rekey':
      return planRekey(run, head, work)
    case 'truncate': {
      const files = head?.files ?? []
      const deleted = sum(files.map(({ rows }) => rows))
      return planOf(work, { changes: { ...noChanges, deleted }, filesGone: files.length })
    }
  }
}

type Measures = Partial<Omit<WorkPlan, 'work' | 'requests'>> & {
  readonly filesRead?: number
  readonly filesWritten?: number
  readonly filesGone?: number
  /** Of the files written, those of which S3 copies a part of another: a HEAD, a copy, and three puts in place of one. */
  readonly filesSplicedOnS3?: number
}

/** Requests as a run makes them: list, log, landing, data files; then stage, commit, place, delete. */
function planOf(work: WorkPlan['work'], measures: Measures): WorkPlan {
  const { changes = noChanges, filesToRewrite = 0, bytesToRead = 0, bytesToWrite = 0 } = measures
  const { filesRead = 0, filesWritten = 0, filesGone = 0, filesSplicedOnS3: spliced = 0 } = measures
  const works = work.kind !== 'idle' && work.kind !== 'held'
  const requests = {
    get: works ? 3 + filesRead + spliced : 0,
    put: works ? 1 + filesWritten + 2 * spliced : 0,
    copy: filesWritten + spliced,
    list: 1,
    delete: Math.ceil((filesWritten + filesGone) / 1000),
  }
  return { work, changes, filesToRewrite, bytesToRead, bytesToWrite, requests }
}

function planWhole(head: Snapshot | null, work: TableWork, files: readonly LandingFile[]): WorkPlan {
  const bytes = sum(files.map(({ sizeBytes }) => sizeBytes))
  return planOf(work, {
    bytesToRead: bytes,
    bytesToWrite: bytes,
    filesRead: files.length,
    filesWritten: Math.max(1, Math.ceil(bytes / dataFileBytesTarget)),
    filesGone: head?.files.length ?? 0,
    changes: { ...noChanges, deleted: sum((head?.files ?? []).map(({ rows }) => rows)) },
  })
}

async function planIncremental(
  run: TableRun,
  head: Snapshot | null,
  work: Extract<TableWork, { kind: 'incremental' }>,
): Promise<WorkPlan> {
  const { ports, place } = run
  const config = configFor(run, head)
  const session = await run.session()
  const before = { columns: head?.columns ?? [], typesMayChange: false }
  const batch = await openBatch(ports.landing, session, config, work.files, before)
  try {
    if (batch.files.length === 0)
      return planOf(batch.problem === null ? work : { kind: 'held', error: batch.problem }, {})
    const shape = shapeOf(config, batch.columns)
    const landed = sum(batch.files.map(({ file }) => file.sizeBytes))
    if (shape.keyColumns.length === 0)
      return planOf(work, { bytesToRead: landed, bytesToWrite: landed, filesRead: batch.files.length, filesWritten: 1 })
    const staging = { lake: ports.lake, place, txnId: '', newId: ports.newId, nowMs: ports.clock.nowMs }
    const snapshot = head ?? emptySnapshot(config, startingPoint(run))
    const sequence = sequenceOf(config, snapshot.progress, batch, staging.nowMs())
    const input = { session, staging, snapshot, shape, batch, sequence, costs: ports.writeCosts }
    const { plan, predicted } = await decodable({ session, config }, batch, async () => {
      const planned = await planMerge(input)
      const predicted = batch.widened ? null : await predictMerge(input, planned)
      await planned.opened.release()
      return { plan: planned, predicted }
    })
    if (predicted === null) return planWidened(work, snapshot, plan, landed)
    return planOf(work, {
      changes: predicted.changes,
      filesToRewrite: predicted.filesToRewrite,
      bytesToRead: landed + sum(plan.touched.map(({ file }) => file.sizeBytes)),
      bytesToWrite: Math.round(predicted.bytesToWrite),
      filesRead: batch.files.length + plan.candidates.length,
      filesWritten: predicted.filesToRewrite + predicted.filesToBegin,
      filesGone: predicted.filesToRewrite,
      filesSplicedOnS3: ports.lake.url.startsWith('s3:') ? predicted.filesToSplice : 0,
    })
  } finally {
    await batch.release()
    await session.reset()
  }
}

/** Every file is written again; at most so many changes, for what turns out equal is seen only then. */
function planWidened(work: TableWork, { files }: Snapshot, plan: MergePlan, landed: number): WorkPlan {
  const bytes = sum(files.map(({ sizeBytes }) => sizeBytes))
  const deleted = sum(plan.touched.map(({ deletions }) => deletions))
  const updated = sum(plan.touched.map(({ hits }) => hits)) - deleted
  const unchanged = plan.deletions - deleted + plan.lost
  return planOf(work, {
    changes: { ...noChanges, inserted: plan.inserts, updated, deleted, unchanged },
    filesToRewrite: files.length,
    bytesToRead: landed + bytes,
    bytesToWrite: bytes,
    filesRead: files.length + plan.candidates.length,
    filesWritten: files.length,
    filesGone: files.length,
  })
}

function planRekey(run: TableRun, head: Snapshot | null, work: TableWork): WorkPlan {
  const files = head?.files ?? []
  const bytes = sum(files.map(({ sizeBytes }) => sizeBytes))
  const relaid = JSON.stringify(head?.partitionColumns) !== JSON.stringify(run.config.partitionKey)
  return relaid ? planRewrite(head, work) : planOf(work, { bytesToRead: bytes, filesRead: files.length })
}

function planRewrite(head: Snapshot | null, work: TableWork): WorkPlan {
  const files = head?.files ?? []
  const bytes = sum(files.map(({ sizeBytes }) => sizeBytes))
  return planOf(work, {
    filesToRewrite: files.length,
    bytesToRead: bytes,
    bytesToWrite: bytes,
    filesRead: files.length,
    filesWritten: files.length,
    filesGone: files.length,
  })
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
