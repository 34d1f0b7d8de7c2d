import { ident, list, literal } from '../../src/engine/sql.ts'
import type { DmsType, TypedTable } from './dms-types.ts'
import type { Lab } from './lab.ts'

/** Each row as `{id, column: text}`, in the order of the ids. */
export type TextRow = Readonly<Record<string, string | null>>

export function textRows({ types, ids, rows }: TypedTable): readonly TextRow[] {
  return ids.map((id, at) => ({
    id: String(id),
    ...Object.fromEntries(types.map(({ name }, column) => [name, rows[at]?.[column] ?? null])),
  }))
}

/** The rows of a table's bare folder, every value in the text of `DmsType`. */
export async function lakeRows(lab: Lab, table: string, types: readonly DmsType[]): Promise<readonly TextRow[]> {
  const columns = types.map((type) => `${textOf(type)} as ${ident(type.name)}`)
  const rows = await lab.sql(
    `select ${list(['id::varchar as id', ...columns])} from ${folderOf(lab, table)} order by id::integer`,
  )
  return rows.map((row) => {
    const cells = types.map(({ name, lake }) => [name, tidy(lake, row[name] as string | null)])
    return { id: String(row.id), ...Object.fromEntries(cells) }
  })
}

/** Column name → the engine's name of its type in the files; partition columns are text. */
export async function lakeTypes(lab: Lab, table: string): Promise<Readonly<Record<string, string>>> {
  const columns = await lab.sql(`describe from ${folderOf(lab, table)}`)
  return Object.fromEntries(columns.map(({ column_name, column_type }) => [String(column_name), String(column_type)]))
}

/** DuckDB's name of a lake type. */
export function engineType(lake: string): string {
  const names: Readonly<Record<string, string>> = {
    ...{ boolean: 'BOOLEAN', byte: 'TINYINT', short: 'SMALLINT', integer: 'INTEGER', long: 'BIGINT', float: 'FLOAT' },
    ...{ double: 'DOUBLE', string: 'VARCHAR', binary: 'BLOB', date: 'DATE', timestamp: 'TIMESTAMP WITH TIME ZONE' },
  }
  return names[lake] ?? lake.toUpperCase()
}

function folderOf(lab: Lab, table: string): string {
  const files = literal(`${lab.lake}/${table.replace('.', '/')}/**/*.parquet`)
  return `read_parquet(${files}, hive_partitioning = true, hive_types_autocast = false, union_by_name = true)`
}

function textOf({ name, lake }: DmsType): string {
  const value = `${ident(name)}::${engineType(lake)}`
  if (lake === 'binary') return `lower(hex(${value}))`
  if (lake === 'timestamp') return `strftime(${value}, '%Y-%m-%dT%H:%M:%S.%fZ')`
  return lake === 'float' ? `${value}::double::varchar` : `${value}::varchar`
}

function tidy(lake: string, text: string | null): string | null {
  if (text === null) return null
  if (lake === 'float' || lake === 'double') return floatText(text)
  // The engine leaves the zero before the point out where the type has no digit there.
  return lake.startsWith('decimal') ? text.replace(/^(-?)[.]/u, '$10.') : text
}

function floatText(text: string): string {
  const value = Number(text.replace('nan', 'NaN').replace('inf', 'Infinity'))
  return Object.is(value, -0) ? '-0' : String(value)
}
