import type { WriteCosts } from '../costs.ts'
import type { DataFile, PartitionValues } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { list } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { dataSelect } from '../lake/data-sql.ts'
import { openDataFiles } from '../lake/open-data.ts'
import { type Arrival, filesToMerge } from '../lake/small-files.ts'
import { partitionsOf, partitionText, type Staging, stage, type TableShape, writeRows } from '../lake/write-data.ts'
import type { Batch } from '../landing/batch.ts'
import type { MergeResult } from './merge.ts'
import { placeBefore } from './sql.ts'

export type AppendInput = {
  readonly session: EngineSession
  readonly staging: Staging
  readonly shape: TableShape
  /** The data files that stay, unless they are small and many. */
  readonly files: readonly DataFile[]
  readonly batch: Pick<Batch, 'files'>
  readonly costs: WriteCosts
}

/**
 * A table without a key: inserts are appended; U and D cannot be applied and are counted as ignored (CONTRACT §4.7). Where a partition has too
 * many small files, some are written again together with what is new.
 */
export async function append(input: AppendInput): Promise<MergeResult> {
  const { session, staging, shape } = input
  const [count] = await session.rows(
    `select count(*) filter (op = 'I') as inserts, count(*) filter (op <> 'I') as others from changes`,
  )
  const remove = await mergedByAppend(input)
  const numbered = remove.map((file) => ({ number: input.files.indexOf(file), file }))
  const opened = await openDataFiles(staging.lake, session, staging.place, numbered, { verify: true })
  const columns = list(shape.columns.map(({ fieldId }) => `c${String(fieldId)}`))
  const written = await writeRows(
    session,
    staging,
    shape,
    `select ${placeBefore}, ${columns} from (${dataSelect({ ...shape, files: opened.files })})
      union all select ord as place, ${columns} from changes where op = 'I'`,
  )
  await opened.release()
  const inserted = Number(count?.inserts)
  const merged = remove.reduce((total, { rows }) => total + rows, 0)
  const rows = written.reduce((total, { file }) => total + file.rows, 0)
  if (rows !== inserted + merged)
    throw new DmscdcError(
      'bug',
      `append gate: ${String(inserted)} inserts and ${String(merged)} rows of merged files became ${String(rows)} rows; nothing was committed`,
      {
        hint: 'run again with --verbose and report the trace and the names of the landing files',
      },
    )
  const changes = { inserted, updated: 0, deleted: 0, unchanged: 0, ignored: Number(count?.others) }
  const bytesRead = remove.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
  const add = await stage(staging, written)
  return { add, remove, changes, filesRewritten: remove.length, bytesRead, bytesCarried: 0, remembered: null }
}

/** The small files that are written again together with what is new. */
export async function mergedByAppend(input: Omit<AppendInput, 'staging'>): Promise<readonly DataFile[]> {
  return filesToMerge(input.files, await arrivalsOf(input), input.costs)
}

/** Counted only where a partition may have too many small files. */
async function arrivalsOf({
  session,
  shape,
  files,
  batch,
  costs,
}: Omit<AppendInput, 'staging'>): Promise<readonly Arrival[]> {
  if (files.length < costs.smallFilesMax) return []
  const names = shape.partitionColumns.map((_, at) => `p${String(at)}`)
  const texts = partitionsOf(shape).map(
    ({ type, fieldId }, at) => `${partitionText(type, `c${String(fieldId)}`)} as p${String(at)}`,
  )
  const rows = await session.rows(
    `select ${list([...texts, 'count(*) as total'])} from changes where op = 'I' group by all having count(*) > 0`,
  )
  const landedBytes = batch.files.reduce((total, { file }) => total + file.sizeBytes, 0)
  const all = rows.reduce((total, row) => total + Number(row.total), 0)
  return rows.map((row) => {
    const values = shape.partitionColumns.map((name, at) => [name, row[names[at] ?? ''] ?? null])
    const partition = Object.fromEntries(values) as PartitionValues
    return { partition, bytes: Math.max(1, landedBytes) * (Number(row.total) / all) }
  })
}
