import type { Column, DataFile, LakeType, LandingTable, PartitionValues, StagedCommit, TableConfig } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { duckdbType, literal } from '../engine/sql.ts'
import { statsText } from '../lake/statistics.ts'
import { partitionText, type Staging } from '../lake/write-data.ts'
import { commonType, sameType, typeText } from '../lake-types.ts'
import { openLanding } from '../landing/inspect.ts'
import { entryOf, takenUpTo } from '../landing/move-progress.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { sum, totalBytes } from '../sum.ts'
import type { LakeObject, StartingPoint } from './decide.ts'
import { isUniqueKey, type KeyTables, type MeasuredObject, measureObject, unadoptable } from './measure-object.ts'

export type AdoptContext = {
  readonly landing: ObjectStore
  readonly session: EngineSession
  readonly staging: Staging
  readonly config: TableConfig
  readonly listing: LandingTable
  readonly start: StartingPoint
}

type Adopted = Pick<StagedCommit, 'operation' | 'schema' | 'add' | 'progress' | 'load'> & {
  readonly bytesRead: number
  readonly note: string
}

/**
 * Takes over the data files that the job before this one left, as version 0 of the log: they stay where they are. Its cursors count as taken. A key that
 * stands in two rows leaves the table without one, so that the next step holds it. Throws `corrupt-lake` naming what the log cannot hold.
 */
export async function adopt(context: AdoptContext, objects: readonly LakeObject[]): Promise<Adopted> {
  const { session, config, staging, listing, start } = context
  const keyTables: KeyTables = new Map()
  const measured: MeasuredObject[] = []
  for (const object of objects) measured.push(await measureObject(context, object, keyTables))
  const partitionColumns = commonPartition(measured)
  const { columns, mixed } = await tableColumns(context, measured, partitionColumns)
  const partitionOf = await partitionValues(session, columns, partitionColumns, measured)
  const add = measured.map((one) => dataFile(one, columns, partitionOf(one), { txnId: staging.txnId, config }))
  const rows = sum(add.map((file) => file.rows))
  const keys = (config.primaryKey ?? []).map((name) => columns.find((column) => column.name === name)?.type)
  const types = keys.filter((type) => type !== undefined)
  const isUnique = types.length === keys.length && (await isUniqueKey(session, types, keyTables))
  return {
    operation: 'ADOPT',
    schema: { columns, partitionColumns },
    add,
    progress: {
      ...takenUpTo(listing.changes, start.progress.cursor, config.lookBackMs),
      primaryKey: isUnique ? config.primaryKey : null,
      partitionKey: partitionColumns,
      adopted: { files: add.length, rows },
      ...(mixed ? { mixedTypes: true } : {}),
    },
    load: adoptedLoad(context),
    bytesRead: totalBytes(add),
    note: `adopted ${String(add.length)} data files in place; change files up to ${start.progress.cursor ?? 'none'} count as taken`,
  }
}

function commonPartition(measured: readonly MeasuredObject[]): readonly string[] {
  const first = measured[0]
  const columns = Object.keys(first?.partition ?? {})
  const other = measured.find(({ partition }) => JSON.stringify(Object.keys(partition)) !== JSON.stringify(columns))
  if (other === undefined) return columns
  const expected = columns.length === 0 ? 'none' : columns.join(', ')
  throw unadoptable(
    other.object.path,
    `found other partition folders than ${first?.object.path ?? ''} has, expected ${expected}`,
  )
}

// ---- columns --------------------------------------------------------------------------------------------------------

/** The columns of all files in their order; partition columns that no file holds come last, as Spark has them. */
async function tableColumns(
  context: AdoptContext,
  measured: readonly MeasuredObject[],
  partitionColumns: readonly string[],
) {
  let mixed = false
  const columns: Column[] = []
  for (const { object, columns: own } of measured)
    for (const { name, type } of own) {
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
    columns.push({ name, type: await partitionType(context, measured, name), fieldId: columns.length + 1 })
  return { columns, mixed }
}

/** Folders name values, not types: the landing knows the type. Text where it does not, or where the values say otherwise. */
async function partitionType(
  context: AdoptContext,
  measured: readonly MeasuredObject[],
  name: string,
): Promise<LakeType> {
  const { landing, session, config, listing } = context
  const newest = listing.changes.at(-1) ?? listing.loads[0]
  const files = newest === undefined ? [] : (await openLanding(landing, session, config, [newest])).files
  const type = files[0]?.layout.columns.find((column) => column.role === 'data' && column.name === name)?.type
  for (const { release } of files) await release()
  if (type == null) return { kind: 'string' }
  const casts = folderTexts(measured, name).map((text) => `try_cast(${literal(text)} as ${duckdbType(type)}) is null`)
  const [row] = casts.length === 0 ? [] : await session.rows(`select ${casts.join(' or ')} as other`)
  return row?.other === true ? { kind: 'string' } : type
}

/** Partition values as this log writes them, whatever text the folder has for them. */
async function partitionValues(
  session: EngineSession,
  columns: readonly Column[],
  partitionColumns: readonly string[],
  measured: readonly MeasuredObject[],
): Promise<(one: MeasuredObject) => PartitionValues> {
  const known = new Map<string, string | null>()
  for (const name of partitionColumns) {
    const { type } = columns.find((column) => column.name === name) as Column
    for (const text of folderTexts(measured, name)) {
      const [row] = await session.rows(`select ${partitionText(type, `${literal(text)}::${duckdbType(type)}`)} as v`)
      known.set(JSON.stringify([name, text]), row?.v == null ? null : String(row.v))
    }
  }
  return ({ partition }) =>
    Object.fromEntries(
      partitionColumns.map((name) => [name, known.get(JSON.stringify([name, partition[name]])) ?? null]),
    )
}

function folderTexts(measured: readonly MeasuredObject[], name: string): readonly string[] {
  const texts = new Set(measured.map(({ partition }) => partition[name] ?? null))
  return [...texts].filter((text) => text !== null)
}

// ---- parts of the commit --------------------------------------------------------------------------------------------

function dataFile(
  { object, sha256, footerBytes, rows, columns: own, statistics }: MeasuredObject,
  columns: readonly Column[],
  partition: PartitionValues,
  { txnId, config }: { readonly txnId: string; readonly config: TableConfig },
): DataFile {
  const inFile = own.map(({ name }) => columns.find((column) => column.name === name) as Column)
  return {
    path: object.path,
    partition,
    sizeBytes: object.sizeBytes,
    rows,
    stats: statsText(rows, inFile, statistics, config.primaryKey ?? []),
    segments: [{ bytes: object.sizeBytes, sha256 }],
    footerBytes,
    deadBytes: 0,
    fieldIds: inFile.map(({ fieldId }) => fieldId),
    txnId,
    modifiedMs: object.modifiedMs,
  }
}

/** LOAD objects up to the date are taken; newer ones are a full load that replaces the table, for their content was never seen. */
function adoptedLoad({ listing, start }: AdoptContext): StagedCommit['load'] {
  const { newestModifiedMs, files } = start.load
  const taken = new Set(files.map(({ key }) => key))
  return {
    generation: newestModifiedMs === null ? 0 : 1,
    files: listing.loads.map((file) => (taken.has(file.key) ? entryOf(file) : { ...entryOf(file), etag: '' })),
    newestModifiedMs,
  }
}
