import type { ColumnSchema, TableMapEntry } from '@vlasky/zongji'
import { DmscdcError } from '../src/errors.ts'
import type { SourceColumn } from './columns.ts'
import { tokensOf, unquoteText } from './ddl-tokens.ts'
import type { TableDefinition } from './definitions.ts'

/** A definition in the shape in which zongji would have read it from information_schema. */
export function columnSchemas(table: TableDefinition): ColumnSchema[] {
  return table.columns.map((column) => ({
    COLUMN_NAME: column.name,
    COLLATION_NAME: null,
    CHARACTER_SET_NAME: column.charset,
    COLUMN_COMMENT: '',
    COLUMN_TYPE: column.columnType,
    ...choices(column.columnType),
  }))
}

/**
 * Compares a table map of the binlog with the definition: as many columns, of the same wire types, with the same names where the
 * server logs them. Throws `invalid-config` when they differ, as then a statement was not followed rightly.
 */
export function checkTableMap(table: TableDefinition, entry: TableMapEntry): void {
  const columns = entry.columns ?? []
  if (columns.length !== table.columns.length) {
    throw differs(table, `${columns.length} columns in the binlog, ${table.columns.length} expected`)
  }
  table.columns.forEach((column, i) => {
    const logged = columns[i]!
    if (logged.name !== column.name) throw differs(table, `column "${logged.name}", expected "${column.name}"`)
    if (!wireTypes(column).includes(logged.type)) {
      throw differs(
        table,
        `column "${column.name}" has wire type ${logged.type}, expected ${wireTypes(column).join(' or ')}`,
      )
    }
  })
}

/** The labels of an enum or set as the declaration writes them; zongji's own reading stops at their commas. */
function choices(columnType: string): { ENUM_VALUES?: string[]; SET_VALUES?: string[] } {
  const isEnum = columnType.startsWith('enum')
  if (!isEnum && !columnType.startsWith('set')) return {}
  const values = tokensOf(columnType)
    .filter((token) => token.startsWith("'"))
    .map(unquoteText)
  return isEnum ? { ENUM_VALUES: values } : { SET_VALUES: values }
}

/** The type codes that a column may have in a table map: old and new temporal formats, compressed columns. */
function wireTypes(column: SourceColumn): readonly number[] {
  const name = /^[a-z0-9]+/u.exec(column.columnType)?.[0] ?? ''
  if (/text$|blob$/u.test(name)) return [252, 140]
  return codes[name] ?? []
}

const codes: Readonly<Record<string, readonly number[]>> = {
  tinyint: [1],
  smallint: [2],
  mediumint: [9],
  int: [3],
  bigint: [8],
  float: [4, 5],
  double: [5],
  decimal: [246],
  date: [10],
  time: [19, 11],
  datetime: [18, 12],
  timestamp: [17, 7],
  year: [13],
  bit: [16],
  varchar: [15, 253, 141],
  varbinary: [15, 253, 141],
  char: [254],
  binary: [254],
  uuid: [254],
  inet4: [254],
  inet6: [254],
  enum: [247],
  set: [248],
  json: [245, 252],
}

function differs(table: TableDefinition, how: string): DmscdcError {
  return new DmscdcError('invalid-config', `${table.schema}.${table.table}: ${how}`, {
    hint: 'a statement that changed the table was not followed; take a new full load',
  })
}
