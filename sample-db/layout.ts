import { type Cell, type ColumnType, cellOf, isLob, type SourceColumn, typeOf } from './columns.ts'
import type { TableDefinition } from './definitions.ts'
import type { DmsSettings } from './settings.ts'

/** A column of a target file with all its values. `required`: no value may be null, and Parquet says so. */
export type FileColumn = {
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
  readonly cells: readonly Cell[]
}

/** A row's values in the order of the table's columns, as the server or the binlog gives them. */
export type RawRow = readonly unknown[]

/** One change of one row. `before` is null for I, `after` for D. */
export type Change = {
  readonly op: 'I' | 'U' | 'D'
  readonly before: RawRow | null
  readonly after: RawRow | null
  readonly commitMs: number
  readonly sequence: string
}

/** The columns of a full-load file, in the order in which DMS writes them. */
export function loadColumns(
  definition: TableDefinition,
  settings: DmsSettings,
  rows: readonly RawRow[],
  loadedMs: number,
): FileColumn[] {
  return [
    ...(settings.IncludeOpForFullLoad
      ? [
          textColumn(
            'Op',
            rows.map(() => 'I'),
          ),
        ]
      : []),
    ...timeColumn(
      settings,
      rows.map(() => loadedMs),
    ),
    ...definition.columns.map((column, i) =>
      sourceColumn(
        column,
        column.name,
        rows.map((row) => row[i]),
      ),
    ),
    ...sequenceColumn(
      settings,
      rows.map(() => null),
    ),
  ]
}

/** The columns of a change file: `Op`, the time, the source's columns, the sequence, the before-images. */
export function changeColumns(
  definition: TableDefinition,
  settings: DmsSettings,
  changes: readonly Change[],
): FileColumn[] {
  return [
    textColumn(
      'Op',
      changes.map((change) => change.op),
    ),
    ...timeColumn(
      settings,
      changes.map((change) => change.commitMs),
    ),
    ...definition.columns.map((column, i) =>
      sourceColumn(
        column,
        column.name,
        changes.map((change) => (change.after ?? change.before)?.[i]),
      ),
    ),
    ...sequenceColumn(
      settings,
      changes.map((change) => change.sequence),
    ),
    ...definition.columns.flatMap((column, i) =>
      hasBeforeImage(definition, settings, column)
        ? [
            sourceColumn(
              column,
              `BI_${column.name}`,
              changes.map((change) => change.before?.[i]),
            ),
          ]
        : [],
    ),
  ]
}

/** `2018-11-27 13:04:05.123000`, UTC: how DMS writes the times that it adds. */
export function timestampText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23).replace('T', ' ')}000`
}

function hasBeforeImage(definition: TableDefinition, settings: DmsSettings, column: SourceColumn): boolean {
  if (settings.BeforeImageColumns.includes(column.name) || settings.BeforeImage === 'all') return true
  if (settings.BeforeImage === 'non-lob') return !isLob(column)
  return settings.BeforeImage === 'pk-only' && definition.primaryKey.includes(column.name)
}

function textColumn(name: string, cells: readonly (string | null)[]): FileColumn {
  return { name, type: { kind: 'text' }, required: false, cells }
}

function timeColumn(settings: DmsSettings, times: readonly number[]): FileColumn[] {
  if (settings.TimestampColumnName === null) return []
  return [{ ...textColumn(settings.TimestampColumnName, times.map(timestampText)), required: true }]
}

function sequenceColumn(settings: DmsSettings, sequences: readonly (string | null)[]): FileColumn[] {
  return settings.ChangeSequenceColumn === null ? [] : [textColumn(settings.ChangeSequenceColumn, sequences)]
}

function sourceColumn(column: SourceColumn, name: string, values: readonly unknown[]): FileColumn {
  const type = typeOf(column)
  return { name, type, required: false, cells: values.map((value) => cellOf(type, value)) }
}
