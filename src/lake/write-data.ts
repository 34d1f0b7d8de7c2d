import type { Column, DataFile, LakeType, PartitionValues } from '../domain.ts'
import type { EngineSession, WrittenFile } from '../engine/engine.ts'
import { ident, list } from '../engine/sql.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { stagedKey, type TablePlace } from './keys.ts'
import { partitionFolder } from './partition-path.ts'
import { statsText } from './statistics.ts'

/** Data files are begun anew near this size: large enough to scan well, small enough that a change rewrites little. */
export const dataFileBytesTarget = 64 * 2 ** 20

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

/** A file as the engine wrote it, and its description for the log. */
export type PreparedFile = { readonly written: WrittenFile; readonly file: DataFile }

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

/** Writes rows of any partitions: files near the target size, or one and more per partition. `select` gives `c<fieldId>`. */
export async function writeRows(
  session: EngineSession,
  staging: Staging,
  shape: TableShape,
  select: string,
): Promise<readonly PreparedFile[]> {
  if (shape.partitionColumns.length === 0) {
    const written = await session.write({
      select: fileSelect(shape, select),
      fieldIds: fieldIds(shape),
      fileBytesTarget: dataFileBytesTarget,
    })
    return written.map((one) => prepared(staging, shape, one, {}))
  }
  const partitions = await numberPartitions(session, shape, select)
  const splitColumn = unusedName(shape, partitionNumber)
  const written = await session.write({
    select: fileSelect(shape, withPartitionNumber(shape, select), splitColumn),
    fieldIds: fieldIds(shape),
    splitBy: splitColumn,
  })
  return written.map((one) => prepared(staging, shape, one, partitions.get(one.split ?? 0) ?? {}))
}

/** Puts the files where a commit can name them. They are nobody's until then. */
export async function stage(staging: Staging, files: readonly PreparedFile[]): Promise<readonly DataFile[]> {
  for (const { written, file } of files)
    await staging.lake.put(
      stagedKey(staging.place, staging.txnId, file.path),
      { scratchFile: written.scratchFile },
      { kind: 'any' },
    )
  return files.map(({ file }) => file)
}

/** The partition value of a row as text, null for NULL and for ''. */
export function partitionText(type: LakeType, expression: string): string {
  if (type.kind === 'timestamp') return `strftime(${expression}, '%Y-%m-%dT%H:%M:%S.%fZ')`
  return `nullif(${expression}::varchar, '')`
}

/** The partition columns in the order of the folders. */
export function partitionsOf(shape: TableShape): readonly Column[] {
  return shape.partitionColumns.map((name) => shape.columns.find((column) => column.name === name) as Column)
}

const partitionNumber = 'partition_number'

async function numberPartitions(
  session: EngineSession,
  shape: TableShape,
  select: string,
): Promise<ReadonlyMap<number, PartitionValues>> {
  const texts = partitionsOf(shape).map(
    ({ type, fieldId }, at) => `${partitionText(type, `c${String(fieldId)}`)} as p${String(at)}`,
  )
  await session.run(
    `create or replace temp table partition_values as
     select (row_number() over () - 1)::integer as ${partitionNumber}, * from (select distinct ${list(texts)} from (${select}))`,
  )
  const rows = await session.rows('select * from partition_values')
  return new Map(
    rows.map((row) => {
      const values = shape.partitionColumns.map((name, at) => [name, (row[`p${String(at)}`] ?? null) as string | null])
      return [Number(row[partitionNumber]), Object.fromEntries(values) as PartitionValues]
    }),
  )
}

function withPartitionNumber(shape: TableShape, select: string): string {
  const same = partitionsOf(shape).map(
    ({ type, fieldId }, at) => `${partitionText(type, `r.c${String(fieldId)}`)} is not distinct from v.p${String(at)}`,
  )
  return `select r.*, v.${partitionNumber} from (${select}) as r join partition_values as v on ${same.join(' and ')}`
}

const fileColumns = (shape: TableShape) => shape.columns.filter(({ name }) => !shape.partitionColumns.includes(name))

const fieldIds = (shape: TableShape) => new Map(fileColumns(shape).map(({ name, fieldId }) => [name, fieldId]))

function fileSelect(shape: TableShape, select: string, splitColumn: string | null = null): string {
  const named = fileColumns(shape).map(({ name, fieldId }) => `c${String(fieldId)} as ${ident(name)}`)
  if (splitColumn !== null) named.push(`${partitionNumber} as ${ident(splitColumn)}`)
  return `select ${list(named)} from (${select})`
}

function unusedName(shape: TableShape, name: string): string {
  const taken = shape.columns.some((column) => column.name.toLowerCase() === name)
  return taken ? unusedName(shape, `${name}_`) : name
}

function prepared(staging: Staging, shape: TableShape, written: WrittenFile, partition: PartitionValues): PreparedFile {
  const columns = fileColumns(shape)
  return {
    written,
    file: {
      path: `${partitionFolder(shape.partitionColumns, partition)}part-${staging.newId()}.parquet`,
      partition,
      sizeBytes: written.sizeBytes,
      rows: written.rows,
      stats: statsText(written.rows, columns, written.statistics, shape.keyColumns),
      sha256: written.sha256,
      footerBytes: written.footerBytes,
      fieldIds: columns.map(({ fieldId }) => fieldId),
      txnId: staging.txnId,
      modifiedMs: staging.nowMs(),
    },
  }
}
