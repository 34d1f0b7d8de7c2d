import type { Column, CsvConfig, LakeType } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { duckdbType, list, literal, readParquet } from '../engine/sql.ts'
import { readCsv } from './csv.ts'
import type { OpenedFile } from './inspect.ts'
import { readerOf } from './landing-sql.ts'
import { type LandingColumn, operationColumn } from './layout.ts'

/** One key of a table: its columns in order, each with its value as text, null for NULL. */
export type Key = readonly { readonly column: string; readonly value: string | null }[]

/** A row of a landing file that speaks of a key. Values are as the lake would hold them, as text. */
export type KeyRow = {
  /** From 1. */
  readonly row: number
  readonly op: string
  /** `old`: its before-images name the key, which changed with this row into another one. */
  readonly side: 'new' | 'old'
  readonly values: { readonly [column: string]: string | null }
}

/** What the lake knows of the columns; empty before the first load. */
export type KeyTable = {
  readonly columns: readonly Column[]
  readonly partitionColumns: readonly string[]
  readonly csv: CsvConfig
}

/** The rows of one landing file that hold the key, in their order. Null where the file lacks a column of it. */
export async function keyRows(
  session: EngineSession,
  table: KeyTable,
  opened: OpenedFile,
  key: Key,
): Promise<readonly KeyRow[] | null> {
  const select = keyRowsSql(table, opened, key)
  if (select === null) return null
  const names = dataColumns(opened).map(({ column }) => column.name)
  return (await session.rows(select)).map((row) => ({
    row: Number(row.pos) + 1,
    op: String(row.op ?? ''),
    side: row.is_new === true ? 'new' : 'old',
    values: Object.fromEntries(names.map((name, at) => [name, row[`v${String(at)}`] ?? null])) as KeyRow['values'],
  }))
}

/** The condition that an expression of a type holds a value that is given as text. */
export function holds(expression: string, type: LakeType, value: string | null): string {
  if (value === null) return `${expression} is null`
  return `coalesce(${expression} = try_cast(${literal(value)} as ${duckdbType(type)}), false)`
}

type Placed = { readonly column: LandingColumn; readonly at: number }

const dataColumns = ({ layout }: OpenedFile): readonly Placed[] =>
  layout.columns.map((column, at) => ({ column, at })).filter(({ column }) => column.role === 'data')

function keyRowsSql(table: KeyTable, opened: OpenedFile, key: Key): string | null {
  const parts = key.map((part) => keyPart(table, opened, part))
  if (parts.some((part) => part === null)) return null
  const known = parts.filter((part) => part !== null)
  const operationAt = opened.file.kind === 'load' ? -1 : opened.layout.columns.findIndex(({ role }) => role === 'op')
  const op = operationAt < 0 ? `'I'` : `r${String(operationAt)}::varchar`
  const isNew = known.map((part) => part.isNew).join(' and ')
  const isOld = `${op} = 'U' and (${known.map((part) => part.changed).join(' or ')}) and ${known.map((part) => part.isOld).join(' and ')}`
  const values = dataColumns(opened).map(({ column, at }, index) => {
    const expression = asText(table, opened, column, at)
    return `${column.name === operationColumn ? op : expression} as v${String(index)}`
  })
  const columns = list([
    `${positionOf(opened)} as pos`,
    `${op} as op`,
    `(${isNew}) as is_new`,
    `(${isOld}) as is_old`,
    ...values,
  ])
  return `select * from (select ${columns} from ${scanOf(table, opened)}) where is_new or is_old order by pos`
}

/** `old`: the before-image, where the file has one and it is filled; else the value did not change. */
function keyPart(table: KeyTable, opened: OpenedFile, { column: name, value }: Key[number]) {
  const find = (role: LandingColumn['role']) =>
    opened.layout.columns.findIndex((column) => column.role === role && (column.of ?? column.name) === name)
  const [at, beforeAt] = [find('data'), find('before')]
  const column = opened.layout.columns[at]
  const type = column && typeOf(table, column)
  if (column === undefined || type == null) return null
  const now = typed(table, opened, { column, at }, type)
  const before = opened.layout.columns[beforeAt]
  const old =
    before === undefined
      ? now
      : `coalesce(${typed(table, opened, { column: { ...before, name }, at: beforeAt }, type)}, ${now})`
  return { isNew: holds(now, type, value), isOld: holds(old, type, value), changed: `${old} is distinct from ${now}` }
}

const typeOf = ({ columns }: KeyTable, column: LandingColumn): LakeType | null =>
  columns.find(({ name }) => name === column.name)?.type ?? column.type

/** As the lake would hold it; NULL where the value is none of the type. */
function typed({ partitionColumns }: KeyTable, opened: OpenedFile, { column, at }: Placed, type: LakeType): string {
  const value = `try_cast(${readerOf(opened)(`r${String(at)}`, column)} as ${duckdbType(type)})`
  const isEmptyNull = type.kind === 'string' && partitionColumns.includes(column.name)
  return isEmptyNull ? `nullif(${value}, '')` : value
}

function asText(table: KeyTable, opened: OpenedFile, column: LandingColumn, at: number): string {
  const type = typeOf(table, column)
  const plain = `r${String(at)}::varchar`
  return type === null ? plain : `coalesce(${typed(table, opened, { column, at }, type)}::varchar, ${plain})`
}

const names = ({ layout }: OpenedFile) => layout.columns.map((_, at) => `r${String(at)}`)
const positionOf = ({ file }: OpenedFile) => (file.format === 'parquet' ? 'file_row_number' : 'pos')

function scanOf({ csv }: KeyTable, opened: OpenedFile): string {
  const { file, path, csv: lines } = opened
  if (lines === null) return readParquet([path], 't', names(opened))
  return `${readCsv(path, csv, file, lines, names(opened))} as t`
}
