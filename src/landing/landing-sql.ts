import type { Column, CsvConfig, LakeType } from '../domain.ts'
import { byFile, duckdbType, list, readParquet } from '../engine/sql.ts'
import { type CsvLines, readCsv } from './csv.ts'
import { csvValue } from './csv-value.ts'
import type { OpenedFile } from './inspect.ts'
import { asLakeValue, type LandingColumn, type LandingLayout, operationColumn } from './layout.ts'

/** A row's place in landing order: file's place in the plan × 2^40 + row's place in the file. */
export const rowsPerFileMax = 2n ** 40n

export type LandingRelation = {
  readonly files: readonly OpenedFile[]
  /** The lake's columns. The relation gives them as `c<fieldId>`, cast, NULL where a file lacks one. */
  readonly columns: readonly Column[]
  /** Partition columns of text type: an empty value is NULL from the start (CONTRACT §4.8). */
  readonly partitionColumns: readonly string[]
  /** Key columns: their before-images come as `b<fieldId>`, typed. */
  readonly beforeImagesOf: readonly string[]
  readonly csv: CsvConfig
}

/** `select ord, op, c…, b… ` over landing files, one scan per layout. Full-load rows are inserts. */
export function landingSelect(relation: LandingRelation): string {
  const groups = new Map<string, { layout: LandingLayout; places: number[]; paths: string[] }>()
  const selects: string[] = []
  for (const [place, opened] of relation.files.entries()) {
    const { file, layout, path } = opened
    if (opened.csv !== null) {
      selects.push(csvSelect(relation, opened, opened.csv, place))
      continue
    }
    const fingerprint = `${file.kind} ${layout.fingerprint}`
    const group = groups.get(fingerprint) ?? { layout, places: [], paths: [] }
    group.places.push(place)
    group.paths.push(path)
    groups.set(fingerprint, group)
  }
  for (const [fingerprint, { layout, places, paths }] of groups) {
    const order = `${byFile(places.map(String))}::bigint * ${String(rowsPerFileMax)} + file_row_number`
    const scan = readParquet(paths, 't', positions(layout))
    selects.push(
      `select ${list(outputs(relation, layout, order, { load: fingerprint.startsWith('load'), read: readParquetValue }))} from ${scan}`,
    )
  }
  return selects.join('\nunion all\n')
}

function csvSelect(relation: LandingRelation, opened: OpenedFile, lines: CsvLines, place: number): string {
  const { layout, path, file } = opened
  const order = `${String(place)}::bigint * ${String(rowsPerFileMax)} + pos`
  const scan = readCsv(path, relation.csv, file, lines, positions(layout))
  return `select ${list(outputs(relation, layout, order, { load: file.kind === 'load', read: readText }))} from ${scan} as t`
}

const positions = (layout: LandingLayout) => layout.columns.map((_, at) => `r${String(at)}`)

type Reading = { readonly load: boolean; readonly read: (expression: string, column: LandingColumn) => string }

/** How a file's columns are read: the lake's value of a column, before it is cast to the type that the table has. */
export const readerOf = ({ csv }: Pick<OpenedFile, 'csv'>): Reading['read'] =>
  csv === null ? readParquetValue : readText

const readText: Reading['read'] = (expression, { type }) => (type === null ? expression : csvValue(expression, type))
const readParquetValue: Reading['read'] = (expression, { fileType }) => asLakeValue(expression, fileType)

function outputs(relation: LandingRelation, layout: LandingLayout, order: string, { load, read }: Reading): string[] {
  const at = (role: LandingColumn['role'], name: string) =>
    layout.columns.findIndex((column) => column.role === role && (role === 'op' || (column.of ?? column.name) === name))
  const value = (place: number, type: LakeType): string => {
    const column = layout.columns[place]
    if (column === undefined) return `null::${duckdbType(type)}`
    return `(${read(`r${String(place)}`, column)})::${duckdbType(type)}`
  }
  const operationAt = load ? -1 : at('op', operationColumn)
  const operation = operationAt < 0 ? `'I'` : `r${String(operationAt)}::varchar`
  const data = relation.columns.map(({ name, type, fieldId }) => {
    // KeepOp: the lake's `Op` is DMS's own; a source column of that name cannot stand beside it.
    const isOperation = name === operationColumn && at('data', name) < 0
    const plain = isOperation ? operation : value(at('data', name), type)
    const nullable = relation.partitionColumns.includes(name) && type.kind === 'string' ? `nullif(${plain}, '')` : plain
    return `${nullable} as c${String(fieldId)}`
  })
  const before = relation.columns
    .filter(({ name }) => relation.beforeImagesOf.includes(name))
    .map(({ name, type, fieldId }) => `${value(at('before', name), type)} as b${String(fieldId)}`)
  return [`${order} as ord`, `${operation} as op`, ...data, ...before]
}
