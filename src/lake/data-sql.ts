import type { Column, DataFile } from '../domain.ts'
import { byFile, duckdbType, list, literal, readParquet } from '../engine/sql.ts'

/** A data file that the engine can read, with the number by which the loads speak of it. */
export type OpenedDataFile = { readonly number: number; readonly file: DataFile; readonly path: string }

export type DataRelation = {
  readonly files: readonly OpenedDataFile[]
  /** The columns wanted; the relation gives them as `c<fieldId>`, NULL where a file is older than the column. */
  readonly columns: readonly Column[]
  /** The file's own columns have these types; a widening reads the old ones and casts. */
  readonly partitionColumns: readonly string[]
}

/** `select f, pos, c…` over data files: `f` the file's number, `pos` the row's place in it. One scan per set of columns. */
export function dataSelect(relation: DataRelation): string {
  const groups = new Map<string, OpenedDataFile[]>()
  for (const opened of relation.files) {
    const layout = opened.file.fieldIds.join(' ')
    const group = groups.get(layout)
    if (group) group.push(opened)
    else groups.set(layout, [opened])
  }
  if (groups.size === 0) return emptySelect(relation.columns)
  return [...groups.values()].map((group) => groupSelect(relation, group)).join('\nunion all\n')
}

function groupSelect(relation: DataRelation, group: readonly OpenedDataFile[]): string {
  const fieldIds = group[0]?.file.fieldIds ?? []
  const numbers = byFile(group.map(({ number }) => String(number)))
  const scan = readParquet(
    group.map(({ path }) => path),
    't',
    fieldIds.map((_, at) => `r${String(at)}`),
  )
  const columns = relation.columns.map((column) => {
    const at = fieldIds.indexOf(column.fieldId)
    const value = relation.partitionColumns.includes(column.name)
      ? byFile(group.map(({ file }) => textOrNull(file.partition[column.name] ?? null)))
      : at < 0
        ? 'null'
        : `r${String(at)}`
    return `${value}::${duckdbType(column.type)} as c${String(column.fieldId)}`
  })
  return `select ${list([`${numbers}::integer as f`, 'file_row_number as pos', ...columns])} from ${scan}`
}

function emptySelect(columns: readonly Column[]): string {
  const nulls = columns.map(({ type, fieldId }) => `null::${duckdbType(type)} as c${String(fieldId)}`)
  return `select ${list(['null::integer as f', 'null::bigint as pos', ...nulls])} where false`
}

const textOrNull = (text: string | null) => (text === null ? 'null::varchar' : literal(text))
