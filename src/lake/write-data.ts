import type { Column, DataFile, LakeType, PartitionValues } from '../domain.ts'
import type { EngineSession, WrittenFile } from '../engine/engine.ts'
import { ident, list } from '../engine/sql.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { stagedKey, type TablePlace } from './keys.ts'
import { partitionFolder } from './partition-path.ts'
import { statsText } from './statistics.ts'

/** Data files are begun anew near this size: large enough to scan well, small enough that a change rewrites little. */
export const dataFileBytesTarget = 32 * 2 ** 20

export type TableShape = {
  readonly columns: readonly Column[]
  readonly partitionColumns: readonly string[]
  readonly keyColumns: readonly string[]
}

/** Where and as whom an attempt stages its files. */
export type Staging = {
  readonly lake: ObjectStore
  readonly place: TablePlace
  readonly txnId: string
  readonly newId: () => string
  readonly nowMs: () => number
}

/** A file as the engine wrote it, and its description for the log. It may have been staged while the engine wrote others. */
export type PreparedFile = { readonly scratchFile: string; readonly file: DataFile; readonly staged: boolean }

/** Writes one file of rows that all belong to one partition. `select` gives `c<fieldId>`. Null when there is no row. */
export async function writeFile(
  session: EngineSession,
  staging: Staging,
  shape: TableShape,
  select: string,
  partition: PartitionValues,
): Promise<PreparedFile | null> {
  const [written] = await session.write({ select: fileSelect(shape, select), fieldIds: fieldIds(shape) })
  return written === undefined ? null : prepared(staging, shape, written, partition)
}

/**
 * Writes rows of any partitions, in files near the target size. `select` gives `place`, by which rows are ordered in
 * their partition, and `c<fieldId>`. Partitioned rows are sorted first and written partition by partition, so that memory
 * does not grow with the number of partitions.
 */
export async function writeRows(
  session: EngineSession,
  staging: Staging,
  shape: TableShape,
  select: string,
): Promise<readonly PreparedFile[]> {
  if (shape.partitionColumns.length === 0) return writePartition(session, staging, shape, select, {})
  await session.run(layOut(shape, select))
  const files: PreparedFile[] = []
  for (const { number, partition } of await laidPartitions(session, shape)) {
    const rows = `select * from laid_rows where partition_number = ${String(number)}`
    files.push(...(await writePartition(session, staging, shape, rows, partition)))
  }
  await session.run('drop table laid_rows')
  return files
}

/** Puts the files where a commit can name them. They are nobody's until then. */
export async function stage(staging: Staging, files: readonly PreparedFile[]): Promise<readonly DataFile[]> {
  for (const { scratchFile, file, staged } of files) if (!staged) await stageFile(staging, file.path, scratchFile)
  return files.map(({ file }) => file)
}

export async function stageFile({ lake, place, txnId }: Staging, path: string, scratchFile: string): Promise<void> {
  await lake.put(stagedKey(place, txnId, path), { scratchFile }, { kind: 'any' })
}

/** The partition value of a row as text, null for NULL and for ''. */
export function partitionText(type: LakeType, expression: string): string {
  if (type.kind === 'timestamp') return `strftime(${expression}, '%Y-%m-%dT%H:%M:%S.%fZ')`
  const text = `nullif(${expression}::varchar, '')`
  // The engine writes `.5` where the type has no digit before the point.
  return type.kind === 'decimal' ? `regexp_replace(${text}, '^(-?)[.]', '\\10.')` : text
}

/** The partition columns in the order of the folders. */
export function partitionsOf(shape: TableShape): readonly Column[] {
  return shape.partitionColumns.map((name) => shape.columns.find((column) => column.name === name) as Column)
}

/**
 * Writes rows that all belong to one partition, in the order of `select`, in files near the target size. `select` gives `c<fieldId>`.
 * Those that are finished are staged while the engine writes the next.
 */
export async function writePartition(
  session: EngineSession,
  staging: Staging,
  shape: TableShape,
  select: string,
  partition: PartitionValues,
): Promise<readonly PreparedFile[]> {
  const staged = new Map<string, { readonly path: string; readonly sizeBytes: number }>()
  const request = { select: fileSelect(shape, select), fieldIds: fieldIds(shape), fileBytesTarget: dataFileBytesTarget }
  const written = await session.write(request, async ({ scratchFile, sizeBytes }) => {
    const path = newPath(staging, shape, partition)
    await stageFile(staging, path, scratchFile)
    staged.set(scratchFile, { path, sizeBytes })
  })
  return written.map((one) => {
    const known = staged.get(one.scratchFile)
    const path = known?.sizeBytes === one.sizeBytes ? known.path : null
    return prepared(staging, shape, one, partition, path)
  })
}

/** Sorts the rows by partition; what does not fit in memory is spilled. */
function layOut(shape: TableShape, select: string): string {
  const texts = partitionsOf(shape).map(
    ({ type, fieldId }, at) => `${partitionText(type, `c${String(fieldId)}`)} as p${String(at)}`,
  )
  const names = list(texts.map((_, at) => `p${String(at)}`))
  return `create or replace temp table laid_rows as
    with rows as (select *, ${list(texts)} from (${select})),
    partitions as (select ${names}, (row_number() over (order by ${names}))::integer as partition_number from (select distinct ${names} from rows))
    select rows.*, partitions.partition_number from rows join partitions
      on ${texts.map((_, at) => `rows.p${String(at)} is not distinct from partitions.p${String(at)}`).join(' and ')}
    order by partition_number, place`
}

async function laidPartitions(session: EngineSession, shape: TableShape) {
  const names = shape.partitionColumns.map((_, at) => `p${String(at)}`)
  const rows = await session.rows(
    `select distinct ${list(['partition_number', ...names])} from laid_rows order by partition_number`,
  )
  return rows.map((row) => {
    const values = shape.partitionColumns.map((column, at) => [column, row[`p${String(at)}`] ?? null])
    return { number: Number(row.partition_number), partition: Object.fromEntries(values) as PartitionValues }
  })
}

/** In the order of the key. */
export const keyColumns = (shape: Pick<TableShape, 'columns' | 'keyColumns'>) =>
  shape.keyColumns.map((name) => shape.columns.find((column) => column.name === name) as Column)

/** The columns that stand in the files. */
export const fileColumns = (shape: TableShape) =>
  shape.columns.filter(({ name }) => !shape.partitionColumns.includes(name))

export const fieldIds = (shape: TableShape) => new Map(fileColumns(shape).map(({ name, fieldId }) => [name, fieldId]))

/** The columns of a file under their names. `select` gives `c<fieldId>`. */
export function fileSelect(shape: TableShape, select: string): string {
  const named = fileColumns(shape).map(({ name, fieldId }) => `c${String(fieldId)} as ${ident(name)}`)
  return `select ${list(named)} from (${select})`
}

/** A name never used before. */
export function newPath(staging: Staging, shape: TableShape, partition: PartitionValues): string {
  return `${partitionFolder(shape.partitionColumns, partition)}part-${staging.newId()}.parquet`
}

/** The description of a file that the engine wrote whole; `staged` is the path of one that is staged. */
export function prepared(
  staging: Staging,
  shape: TableShape,
  written: WrittenFile,
  partition: PartitionValues,
  staged: string | null = null,
): PreparedFile {
  const columns = fileColumns(shape)
  return {
    scratchFile: written.scratchFile,
    staged: staged !== null,
    file: {
      path: staged ?? newPath(staging, shape, partition),
      partition,
      sizeBytes: written.sizeBytes,
      rows: written.rows,
      stats: statsText(written.rows, columns, written.statistics, shape.keyColumns),
      segments: written.segments,
      footerBytes: written.footerBytes,
      deadBytes: 0,
      fieldIds: columns.map(({ fieldId }) => fieldId),
      txnId: staging.txnId,
      modifiedMs: staging.nowMs(),
    },
  }
}
