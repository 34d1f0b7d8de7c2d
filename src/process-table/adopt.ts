import {
  type Column,
  type DataFile,
  type LakeType,
  type LandingTable,
  noLoad,
  type PartitionValues,
  type StagedCommit,
  type TableConfig,
} from '../domain.ts'
import type { ColumnStatistics, EngineSession } from '../engine/engine.ts'
import { duckdbType, list, literal, readParquet } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { dataSelect, type OpenedDataFile } from '../lake/data-sql.ts'
import { dataKey } from '../lake/keys.ts'
import { parsePartitionFolder } from '../lake/partition-path.ts'
import { statsText } from '../lake/statistics.ts'
import { partitionText, type Staging } from '../lake/write-data.ts'
import { commonType, sameType, typeText } from '../lake-types.ts'
import { footers, openLanding } from '../landing/inspect.ts'
import { lakeTypeOf, type NamedType } from '../landing/layout.ts'
import { entryOf, takenUpTo } from '../landing/move-progress.ts'
import type { LocalCopy, ObjectStore } from '../objects/object-store.ts'
import type { LakeObject, StartingPoint } from './decide.ts'

export type AdoptContext = {
  readonly landing: ObjectStore
  readonly session: EngineSession
  readonly staging: Staging
  readonly config: TableConfig
  readonly listing: LandingTable
  readonly start: StartingPoint
}

type Adopted = Pick<StagedCommit, 'operation' | 'schema' | 'add' | 'progress' | 'load'> & { readonly bytesRead: number }

/**
 * Takes over the data files that the job before this one left, as version 0 of the log: they stay where they are. Its cursors count as taken. A key that
 * stands in two rows leaves the table without one, so that the next step holds it. Throws `corrupt-lake` naming what the log cannot hold.
 */
export async function adopt(context: AdoptContext, objects: readonly LakeObject[]): Promise<Adopted> {
  const copies: LocalCopy[] = []
  try {
    return await adoptOpened(context, await openAll(context, objects, copies))
  } finally {
    for (const copy of copies) await copy.release()
  }
}

async function adoptOpened(context: AdoptContext, opened: readonly OpenedObject[]): Promise<Adopted> {
  const { session, config } = context
  const partitionColumns = commonPartition(opened)
  const { columns, mixed } = await tableColumns(context, opened, partitionColumns)
  const values = await partitionValues(session, columns, partitionColumns, opened)
  const files: (OpenedDataFile & { readonly types: string })[] = []
  for (const [number, one] of opened.entries()) {
    const file = await dataFile(context, one, columns, values(one))
    files.push({ number, file, path: one.path, types: JSON.stringify(one.columns) })
  }
  const isUnique = await hasUniqueKey(session, config, columns, partitionColumns, files)
  const add = files.map(({ file }) => file)
  const rows = add.reduce((total, file) => total + file.rows, 0)
  return {
    operation: 'ADOPT',
    schema: { columns, partitionColumns },
    add,
    progress: {
      ...takenUpTo(context.listing.changes, context.start.progress.cursor, config.lookBackMs),
      primaryKey: isUnique ? config.primaryKey : null,
      partitionKey: partitionColumns,
      adopted: { files: add.length, rows },
      ...(mixed ? { mixedTypes: true } : {}),
    },
    load: adoptedLoad(context),
    bytesRead: add.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
  }
}

type OpenedObject = {
  readonly object: LakeObject
  readonly path: string
  readonly sha256: string
  readonly columns: readonly NamedType[]
  readonly partition: PartitionValues
}

async function openAll(
  { staging, session }: AdoptContext,
  objects: readonly LakeObject[],
  copies: LocalCopy[],
): Promise<OpenedObject[]> {
  const opened: Omit<OpenedObject, 'columns'>[] = []
  for (const object of objects) {
    const copy = await staging.lake.fetch(dataKey(staging.place, object.path), { sha256: true })
    if (copy === null)
      throw new DmscdcError('unavailable', `lake file ${object.path}: it was listed and is gone now`, {
        hint: 'see that nothing else writes to the table (the job before this one is stopped), then run again',
      })
    copies.push(copy)
    const partition = parsePartitionFolder(object.path)
    const path = await session.link(copy.path)
    opened.push({ object, path, sha256: copy.sha256 ?? '', partition })
  }
  const columns = await footers(
    session,
    opened.map(({ path }) => path),
  )
  return Promise.all(
    opened.map(async (one) => {
      const own = (columns ?? (await footers(session, [one.path])))?.get(one.path)
      if (own === undefined) throw unadoptable(one.object.path, 'it is no whole Parquet file')
      return { ...one, columns: own }
    }),
  )
}

function commonPartition(opened: readonly OpenedObject[]): readonly string[] {
  const columns = Object.keys(opened[0]?.partition ?? {})
  const other = opened.find(({ partition }) => JSON.stringify(Object.keys(partition)) !== JSON.stringify(columns))
  if (other === undefined) return columns
  const expected = columns.length === 0 ? 'no partition' : `partitions by ${columns.join(', ')}`
  throw unadoptable(
    other.object.path,
    `found other partitions than in ${opened[0]?.object.path ?? ''}, expected ${expected}`,
  )
}

// ---- columns --------------------------------------------------------------------------------------------------------

/** The columns of all files in their order; partition columns that no file holds come last, as Spark has them. */
async function tableColumns(
  context: AdoptContext,
  opened: readonly OpenedObject[],
  partitionColumns: readonly string[],
) {
  let mixed = false
  const columns: Column[] = []
  for (const { object, columns: own } of opened)
    for (const { name, fileType } of own) {
      const type = adoptableType(fileType)
      if (type === null)
        throw unadoptable(object.path, `column "${name}" is ${fileType}, which the lake cannot hold as it is`)
      const at = columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase())
      const present = columns[at]
      if (present === undefined) {
        columns.push({ name, type, fieldId: columns.length + 1 })
        continue
      }
      if (present.name !== name)
        throw unadoptable(object.path, `column "${name}" is "${present.name}" in other files: names differ by case`)
      const common = commonType(present.type, type)
      if (common === null)
        throw unadoptable(
          object.path,
          `column "${name}" is ${typeText(type)}, in other files ${typeText(present.type)}`,
        )
      mixed ||= !sameType(present.type, type)
      columns[at] = { ...present, type: common }
    }
  for (const name of partitionColumns.filter((one) => !columns.some((column) => column.name === one)))
    columns.push({ name, type: await partitionType(context, opened, name), fieldId: columns.length + 1 })
  return { columns, mixed }
}

/** Only types whose values the file has in the very form that the log promises. */
function adoptableType(fileType: string): LakeType | null {
  const type = lakeTypeOf(fileType)
  const isOther = /^(U.*INT.*|TIME|JSON|UUID)$/u.test(fileType)
  return isOther ? null : type
}

/** Folders name values, not types: the landing knows the type. Text where it does not, or where the values say otherwise. */
async function partitionType(context: AdoptContext, opened: readonly OpenedObject[], name: string): Promise<LakeType> {
  const { landing, session, config, listing } = context
  const newest = listing.changes.at(-1) ?? listing.loads[0]
  const files = newest === undefined ? [] : (await openLanding(landing, session, config, [newest])).files
  const type = files[0]?.layout.columns.find((column) => column.role === 'data' && column.name === name)?.type
  for (const { release } of files) await release()
  if (type == null) return { kind: 'string' }
  const texts = [...new Set(opened.map(({ partition }) => partition[name] ?? null))].filter((text) => text !== null)
  const casts = texts.map((text) => `try_cast(${literal(text)} as ${duckdbType(type)}) is null`)
  const [row] = casts.length === 0 ? [] : await session.rows(`select ${casts.join(' or ')} as other`)
  return row?.other === true ? { kind: 'string' } : type
}

/** Partition values as this log writes them, whatever text the folder has for them. */
async function partitionValues(
  session: EngineSession,
  columns: readonly Column[],
  partitionColumns: readonly string[],
  opened: readonly OpenedObject[],
): Promise<(one: OpenedObject) => PartitionValues> {
  const known = new Map<string, string | null>()
  for (const name of partitionColumns) {
    const type = typeOf(columns, name)
    for (const text of new Set(opened.map(({ partition }) => partition[name] ?? null))) {
      if (text === null) continue
      const [row] = await session.rows(`select ${partitionText(type, `${literal(text)}::${duckdbType(type)}`)} as v`)
      known.set(JSON.stringify([name, text]), row?.v === null || row === undefined ? null : String(row.v))
    }
  }
  const shown = (name: string, text: string | null) =>
    text === null ? null : (known.get(JSON.stringify([name, text])) ?? null)
  return ({ partition }) =>
    Object.fromEntries(partitionColumns.map((name) => [name, shown(name, partition[name] ?? null)]))
}

const typeOf = (columns: readonly Column[], name: string) =>
  (columns.find((column) => column.name === name) as Column).type

// ---- files ----------------------------------------------------------------------------------------------------------

async function dataFile(
  { session, staging, config }: AdoptContext,
  { object, path, sha256, columns: own }: OpenedObject,
  columns: readonly Column[],
  partition: PartitionValues,
): Promise<DataFile> {
  const inFile = own.map(({ name }) => columns.find((column) => column.name === name) as Column)
  const [footer] = await session.rows(`select footer_size from parquet_file_metadata(${literal(path)})`)
  const { rows, statistics } = await measure(session, path, inFile).catch((cause: unknown) => {
    throw unadoptable(object.path, 'its pages cannot be decoded', cause)
  })
  return {
    path: object.path,
    partition,
    sizeBytes: object.sizeBytes,
    rows,
    stats: statsText(rows, inFile, statistics, config.primaryKey ?? []),
    sha256,
    footerBytes: Number(footer?.footer_size),
    fieldIds: inFile.map(({ fieldId }) => fieldId),
    txnId: staging.txnId,
    modifiedMs: object.modifiedMs,
  }
}

/** Exact statistics, from the rows themselves: those in the footer are another writer's. */
async function measure(session: EngineSession, path: string, columns: readonly Column[]) {
  const measures = columns.flatMap(({ type }, at) => {
    const value = `r${String(at)}::${duckdbType(type)}`
    const isFloating = type.kind === 'float' || type.kind === 'double'
    const isUnordered = type.kind === 'binary' || type.kind === 'boolean'
    return [
      `count(*) - count(r${String(at)}) as nulls${String(at)}`,
      `${isUnordered ? 'null' : `min(${value})::varchar`} as min${String(at)}`,
      `${isUnordered ? 'null' : `max(${value})::varchar`} as max${String(at)}`,
      `${isFloating ? `coalesce(bool_or(isnan(${value})), false)` : 'false'} as nan${String(at)}`,
    ]
  })
  const scan = readParquet(
    [path],
    't',
    columns.map((_, at) => `r${String(at)}`),
  )
  const [row] = await session.rows(`select ${list(['count(*) as total', ...measures])} from ${scan}`)
  const text = (name: string) => (row?.[name] == null ? null : String(row[name]))
  const statistics = new Map<string, ColumnStatistics>(
    columns.map(({ name }, at) => [
      name,
      {
        nullCount: Number(row?.[`nulls${String(at)}`]),
        min: text(`min${String(at)}`),
        max: text(`max${String(at)}`),
        hasNan: row?.[`nan${String(at)}`] === true,
      },
    ]),
  )
  return { rows: Number(row?.total), statistics }
}

/** Whether each key of the row's `PrimaryKey` stands in one row of the whole table; false too where a column of it is not there. */
async function hasUniqueKey(
  session: EngineSession,
  { primaryKey }: TableConfig,
  columns: readonly Column[],
  partitionColumns: readonly string[],
  files: readonly (OpenedDataFile & { readonly types: string })[],
): Promise<boolean> {
  if (primaryKey === null) return true
  const keys = columns.filter(({ name }) => primaryKey.includes(name))
  if (keys.length < primaryKey.length) return false
  const groups = [...new Set(files.map(({ types }) => types))].map((types) =>
    files.filter((file) => file.types === types),
  )
  const rows = groups
    .map((group) => dataSelect({ files: group, columns: keys, partitionColumns }))
    .join('\nunion all\n')
  const names = list(keys.map(({ fieldId }) => `c${String(fieldId)}`))
  const double = `select 1 as double from (${rows}) group by ${names} having count(*) > 1 limit 1`
  return (await session.rows(double)).length === 0
}

// ---- the landing ----------------------------------------------------------------------------------------------------

/** LOAD objects up to the date are taken; newer ones are a full load that replaces the table, for their content was never seen. */
function adoptedLoad({ listing, start }: AdoptContext): StagedCommit['load'] {
  const { load } = start
  const taken = new Set(load.files.map(({ key }) => key))
  const files = listing.loads.map((file) => (taken.has(file.key) ? entryOf(file) : { ...entryOf(file), etag: '' }))
  return {
    ...noLoad,
    generation: load.newestModifiedMs === null ? 0 : 1,
    files,
    newestModifiedMs: load.newestModifiedMs,
  }
}

function unadoptable(path: string, what: string, cause?: unknown): DmscdcError {
  return new DmscdcError('corrupt-lake', `lake file ${path}, which the job before this one wrote: ${what}`, {
    hint: 'write it again by that job; or move the files of the folder away and set LastFullLoadDate to 1900-01-01 00:00:00 and LastIncrementalFile to its first value, …/0.parquet, in the row: the table is then loaded from the landing',
    cause,
  })
}
