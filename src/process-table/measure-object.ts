import type { LakeType, PartitionValues, TableConfig } from '../domain.ts'
import type { ColumnStatistics, EngineSession } from '../engine/engine.ts'
import { duckdbType, ident, list, literal, readParquet } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { dataKey } from '../lake/keys.ts'
import { parsePartitionFolder } from '../lake/partition-path.ts'
import type { Staging } from '../lake/write-data.ts'
import { footers } from '../landing/inspect.ts'
import { lakeTypeOf, type NamedType } from '../landing/layout.ts'
import { shownKey } from '../objects/keys.ts'
import type { LakeObject } from './decide.ts'

export type TypedName = { readonly name: string; readonly type: LakeType }

/** Everything that the log wants to know of a file of another writer, read in one pass. */
export type MeasuredObject = {
  readonly object: LakeObject
  readonly sha256: string
  readonly footerBytes: number
  readonly rows: number
  readonly columns: readonly TypedName[]
  readonly statistics: ReadonlyMap<string, ColumnStatistics>
  /** As its folders name them. */
  readonly partition: PartitionValues
}

/** Keys of the files measured so far, in a temporary table for each combination of types: k0, k1, … in the order of `PrimaryKey`. */
export type KeyTables = Map<string, string>

type MeasureContext = { readonly session: EngineSession; readonly staging: Staging; readonly config: TableConfig }

/** One file is on this machine at a time; of its rows only the keys stay. Throws `corrupt-lake` naming what the log cannot hold. */
export async function measureObject(
  { session, staging, config }: MeasureContext,
  object: LakeObject,
  keyTables: KeyTables,
): Promise<MeasuredObject> {
  const copy = await staging.lake.fetch(dataKey(staging.place, object.path), { sha256: true })
  if (copy === null)
    throw new DmscdcError('unavailable', `lake file ${shownKey(object.path)}: it was listed and is gone now`, {
      hint: 'see that nothing else writes to the table (the job before this one is stopped), then run again',
    })
  try {
    const path = await session.link(copy.path)
    const columns = typed(object, (await footers(session, [path]))?.get(path))
    const partition = parsePartitionFolder(object.path)
    const measured = await measure(session, path, columns).catch((cause: unknown) => {
      throw unadoptable(object.path, 'its pages cannot be decoded', cause)
    })
    await keepKeys(session, { path, columns, partition, primaryKey: config.primaryKey ?? [] }, keyTables)
    return { object, sha256: (await copy.sha256?.()) ?? '', columns, partition, ...measured }
  } finally {
    await copy.release()
  }
}

/** Whether no key stands in two rows of the files measured. `types`: those of the key columns in the table. */
export async function isUniqueKey(
  session: EngineSession,
  types: readonly LakeType[],
  keyTables: KeyTables,
): Promise<boolean> {
  const keys = types.map((type, at) => `k${String(at)}::${duckdbType(type)} as k${String(at)}`)
  const rows = [...keyTables.values()].map((table) => `select ${list(keys)} from ${table}`).join(' union all ')
  const names = list(types.map((_, at) => `k${String(at)}`))
  const double = `select 1 as double from (${rows}) group by ${names} having count(*) > 1 limit 1`
  return types.length === 0 || (await session.rows(double)).length === 0
}

export function unadoptable(path: string, what: string, cause?: unknown): DmscdcError {
  return new DmscdcError('corrupt-lake', `lake file ${shownKey(path)}, which the job before this one wrote: ${what}`, {
    hint: 'write it again by that job; or move the files of the folder away and set LastFullLoadDate to 1900-01-01 00:00:00 and LastIncrementalFile to its first value, …/0.parquet, in the row: the table is then loaded from the landing',
    cause,
  })
}

/** Only types whose values the file has in the very form that the log promises. */
function typed({ path }: LakeObject, columns: readonly NamedType[] | undefined): readonly TypedName[] {
  if (columns === undefined) throw unadoptable(path, 'it is no whole Parquet file')
  return columns.map(({ name, fileType }) => {
    const type = /^(U.*INT.*|TIME|JSON|UUID)$/u.test(fileType) ? null : lakeTypeOf(fileType)
    if (type === null) throw unadoptable(path, `column "${name}" is ${fileType}, which the lake cannot hold as it is`)
    return { name, type }
  })
}

const position = (at: number) => `r${String(at)}`
const scanOf = (path: string, columns: readonly TypedName[]) =>
  readParquet(
    [path],
    't',
    columns.map((_, at) => position(at)),
  )

/** Exact statistics, from the rows themselves: those in the footer are another writer's. */
async function measure(session: EngineSession, path: string, columns: readonly TypedName[]) {
  const [footer] = await session.rows(`select footer_size from parquet_file_metadata(${literal(path)})`)
  const measures = columns.flatMap(({ type }, at) => measuresOf(type, at))
  const [row] = await session.rows(`select ${list(['count(*) as total', ...measures])} from ${scanOf(path, columns)}`)
  const text = (name: string) => (row?.[name] == null ? null : String(row[name]))
  const statistics = columns.map(({ name }, at): [string, ColumnStatistics] => [
    name,
    {
      nullCount: Number(row?.[`nulls${String(at)}`]),
      min: text(`min${String(at)}`),
      max: text(`max${String(at)}`),
      hasNan: row?.[`nan${String(at)}`] === true,
    },
  ])
  return { footerBytes: Number(footer?.footer_size), rows: Number(row?.total), statistics: new Map(statistics) }
}

function measuresOf(type: LakeType, at: number): readonly string[] {
  const value = `${position(at)}::${duckdbType(type)}`
  const isFloating = type.kind === 'float' || type.kind === 'double'
  const isUnordered = type.kind === 'binary' || type.kind === 'boolean'
  const bound = (function_: 'min' | 'max') => (isUnordered ? 'null' : `${function_}(${value})::varchar`)
  return [
    `count(*) - count(${position(at)}) as nulls${String(at)}`,
    `${bound('min')} as min${String(at)}`,
    `${bound('max')} as max${String(at)}`,
    `${isFloating ? `coalesce(bool_or(isnan(${value})), false)` : 'false'} as nan${String(at)}`,
  ]
}

/** A key column may be the file's own, or named by its folder, or younger than the file. */
async function keepKeys(
  session: EngineSession,
  file: {
    readonly path: string
    readonly columns: readonly TypedName[]
    readonly partition: PartitionValues
    readonly primaryKey: readonly string[]
  },
  keyTables: KeyTables,
): Promise<void> {
  const { path, columns, partition, primaryKey } = file
  if (primaryKey.length === 0) return
  const keys = primaryKey.map((name) => {
    const folder = partition[name]
    if (folder !== undefined) return { type: 'varchar', value: folder === null ? 'null' : literal(folder) }
    const at = columns.findIndex((column) => column.name === name)
    return at < 0
      ? { type: 'varchar', value: 'null' }
      : { type: duckdbType((columns[at] as TypedName).type), value: position(at) }
  })
  const select = `select ${list(keys.map(({ value, type }, at) => `${value}::${type} as k${String(at)}`))} from ${scanOf(path, columns)}`
  const types = JSON.stringify(keys.map(({ type }) => type))
  const known = keyTables.get(types)
  const table = known ?? ident(`adopted_keys_${String(keyTables.size)}`)
  await session.run(known === undefined ? `create temp table ${table} as ${select}` : `insert into ${table} ${select}`)
  keyTables.set(types, table)
}
