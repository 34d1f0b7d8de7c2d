import { ident, literal } from '../../src/engine/sql.ts'

export type Cell = string | number | boolean | null

/**
 * A query of the given rows, for `Lab.land`. `types`: column name → DuckDB type; a cell may be text that casts to it.
 * Column names may not differ by case alone.
 */
export function rowsOf(types: Readonly<Record<string, string>>, rows: readonly (readonly Cell[])[]): string {
  const columns = Object.entries(types)
  const places = columns.map((_, at) => `x${String(at)}`)
  const select = columns.map(([name, type], at) => `x${String(at)}::${type} as ${ident(name)}`)
  const values = rows.map((cells) => `(${cells.map(cellSql).join(', ')})`)
  const from =
    rows.length > 0
      ? `(values ${values.join(', ')}) as t(${places.join(', ')})`
      : `(select ${places.map((place) => `null as ${place}`).join(', ')}) where false`
  return `select ${select.join(', ')} from ${from}`
}

function cellSql(cell: Cell): string {
  return cell === null ? 'null::varchar' : literal(String(cell))
}
