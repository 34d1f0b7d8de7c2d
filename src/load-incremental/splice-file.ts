import type { Column } from '../domain.ts'
import { type EngineSession, rowGroupRows } from '../engine/engine.ts'
import { literal } from '../engine/sql.ts'
import { dataSelect, type OpenedDataFile } from '../lake/data-sql.ts'
import { dataKey } from '../lake/keys.ts'
import { statsText } from '../lake/statistics.ts'
import {
  fieldIds,
  fileColumns,
  fileSelect,
  newPath,
  type PreparedFile,
  type Staging,
  type TableShape,
} from '../lake/write-data.ts'
import { footerStatistics } from '../parquet/chunk-statistics.ts'
import { type Chunk, decodeFooter, encodeFooter, type Footer, trailerBytes } from '../parquet/footer.ts'
import { deadBytes, isSameColumn, leavesOf, named, type SpliceRequest, spliceFooter } from '../parquet/splice-footer.ts'
import type { ThriftStruct } from '../parquet/thrift.ts'
import type { WriteChoice } from './choose-write.ts'
import { keptSegments, type SpliceLayout } from './splice-layout.ts'
import { type RowRange, selectInPlace, selectMisplaced, selectRegrouped } from './splice-sql.ts'

type SpliceInput = { readonly session: EngineSession; readonly staging: Staging; readonly shape: TableShape }

export type SplicedFile = {
  readonly prepared: PreparedFile
  readonly keptBytes: number
  /** Whole rows that were encoded anew, as a file that the gate can read; null where there are none. */
  readonly regrouped: OpenedDataFile | null
}

/**
 * A new file of an old one's bytes, what changed in it, and a footer. Null where the engine did not write what was expected of
 * it (row groups of other sizes, rows in another order, another physical type): then the file has to be written whole.
 */
export async function spliceFile(
  input: SpliceInput,
  opened: OpenedDataFile,
  layout: SpliceLayout,
  choice: Extract<WriteChoice, { kind: 'splice' }>,
): Promise<SplicedFile | null> {
  const { session, shape, staging } = input
  const inPlace = new Map<number, ReadonlyMap<number, Source>>()
  const newColumns = new Map<number, ThriftStruct>()
  for (const run of runsOf(layout, choice.inPlace)) {
    const encoded = await encodeRun(input, opened, layout, run)
    if (encoded === null) return null
    for (const [group, columns] of encoded.chunks) inPlace.set(group, columns)
    for (const [column, leaf] of encoded.newColumns) newColumns.set(column, leaf)
  }
  const regrouped = await encodeRegrouped(input, opened, layout, choice.whole)
  if (regrouped === 'foreign') return null
  const kept = keptSegments(opened.file, layout)
  const { footer, pieces } = spliceFooter({
    footer: layout.footer,
    keptBytes: kept.keptBytes,
    newColumns: layout.missing.flatMap((column) => newColumns.get(column) ?? []),
    inPlace,
    dropped: new Set(choice.whole),
    added: regrouped?.added ?? [],
  })
  const end = encodeFooter(footer)
  const parts = pieces.map(({ source, start, bytes }) => ({ scratchFile: source, start, length: bytes }))
  const tail = await session.concatenate([parts, [end]])
  const segments = [...kept.segments, ...tail.segments]
  const sizeBytes = segments.reduce((total, { bytes }) => total + bytes, 0)
  const rows = footer.rowGroups.reduce((total, group) => total + group.rows, 0)
  const columns = fileColumns(shape)
  const file = {
    ...withoutVersion(opened.file),
    path: newPath(staging, shape, opened.file.partition),
    sizeBytes,
    rows,
    stats: statsText(rows, columns, footerStatistics(footer, columns), shape.keyColumns),
    segments,
    footerBytes: end.length - trailerBytes,
    fieldIds: columns.map(({ fieldId }) => fieldId),
    deadBytes: deadBytes(footer, sizeBytes, end.length - trailerBytes),
    txnId: staging.txnId,
    modifiedMs: staging.nowMs(),
  }
  const base = { from: dataKey(staging.place, opened.file.path), bytes: kept.keptBytes }
  return {
    prepared: { scratchFile: tail.scratchFile, base, file },
    keptBytes: kept.keptBytes,
    regrouped: regrouped && { number: opened.number, file, path: regrouped.path },
  }
}

function withoutVersion({ addedVersion: _, ...file }: OpenedDataFile['file']) {
  return file
}

type Source = { readonly source: string; readonly chunk: Chunk }

// ---- row groups whose rows keep their places -------------------------------------------------------------------------

type Run = { readonly groups: readonly number[]; readonly columns: readonly number[] }

/** The engine cuts row groups at whole vectors of this many rows. */
const vectorRows = 2_048

/** Neighbours in which the same columns change are encoded together, as long as they come out as the same row groups. */
function runsOf({ footer }: SpliceLayout, inPlace: ReadonlyMap<number, readonly number[]>): readonly Run[] {
  const runs: { groups: number[]; columns: readonly number[] }[] = []
  const rowsOf = (group: number) => footer.rowGroups[group]?.rows ?? 0
  for (const [group, columns] of [...inPlace].sort(([a], [b]) => a - b)) {
    const run = runs.at(-1)
    const [first, last] = [run?.groups[0] ?? -1, run?.groups.at(-1) ?? -1]
    const joins =
      run !== undefined &&
      last === group - 1 &&
      rowsOf(first) % vectorRows === 0 &&
      rowsOf(last) === rowsOf(first) &&
      rowsOf(group) <= rowsOf(first) &&
      columns.join(' ') === run.columns.join(' ')
    if (joins) run.groups.push(group)
    else runs.push({ groups: [group], columns })
  }
  return runs
}

type EncodedRun = {
  /** Row group → column → its new chunk. */
  readonly chunks: ReadonlyMap<number, ReadonlyMap<number, Source>>
  /** Column → its place in the schema, where the file lacks it. */
  readonly newColumns: ReadonlyMap<number, ThriftStruct>
}

async function encodeRun(
  { session, shape }: SpliceInput,
  opened: OpenedDataFile,
  layout: SpliceLayout,
  { groups, columns: at }: Run,
): Promise<EncodedRun | null> {
  const columns = at.map((one) => fileColumns(shape)[one] as Column)
  const rows = groups.map((group) => layout.footer.rowGroups[group]?.rows ?? 0)
  const range: RowRange = { first: layout.firstRows[groups[0] ?? 0] ?? 0, rows: sum(rows) }
  const lakeRows = dataSelect({ files: [opened], columns, partitionColumns: shape.partitionColumns })
  const written = await session.encode({
    select: selectInPlace(lakeRows, opened.number, range, columns),
    fieldIds: new Map(columns.map(({ fieldId }) => [`c${String(fieldId)}`, fieldId])),
    rowGroupRows: Math.ceil((rows[0] ?? 0) / vectorRows) * vectorRows,
  })
  if (written === null) return null
  const { scratchFile } = written
  const footer = await readFooter(session, written)
  const same =
    footer.rowGroups.map((group) => group.rows).join(' ') === rows.join(' ') &&
    sameColumns(layout, at, footer, (_, place) => place + 1) &&
    (await session.rows(selectMisplaced(`read_parquet(${literal(scratchFile)})`, range))).length === 0
  if (!same) return null
  const leaves = leavesOf(footer) ?? []
  const added = at.flatMap((column, c) => {
    const { name } = columns[c] as Column
    return layout.missing.includes(column) ? [[column, named(leaves[c + 1] as ThriftStruct, name)] as const] : []
  })
  const chunks = groups.map((group, place) => {
    const found = footer.rowGroups[place]?.chunks ?? []
    const sources = at.map((column, c) => [column, { source: scratchFile, chunk: found[c + 1] as Chunk }] as const)
    return [group, new Map(sources)] as const
  })
  return { chunks: new Map(chunks), newColumns: new Map(added) }
}

// ---- row groups that are encoded anew ------------------------------------------------------------------------------

type Regrouped = { readonly path: string; readonly added: SpliceRequest['added'] }

async function encodeRegrouped(
  { session, shape }: SpliceInput,
  opened: OpenedDataFile,
  layout: SpliceLayout,
  whole: readonly number[],
): Promise<Regrouped | null | 'foreign'> {
  const lakeRows = dataSelect({ files: [opened], columns: shape.columns, partitionColumns: shape.partitionColumns })
  const select = selectRegrouped(lakeRows, opened.number, rangesOf(layout, whole), fileColumns(shape))
  const written = await session.encode({ select: fileSelect(shape, select), fieldIds: fieldIds(shape), rowGroupRows })
  if (written === null) return null
  const { scratchFile } = written
  const footer = await readFooter(session, written)
  const all = fileColumns(shape).map((_, at) => at)
  if (!sameColumns(layout, all, footer, (column) => column)) return 'foreign'
  return { path: scratchFile, added: footer.rowGroups.map((rowGroup) => ({ source: scratchFile, rowGroup })) }
}

/** Neighbours are one range. */
function rangesOf({ footer, firstRows }: SpliceLayout, groups: readonly number[]): readonly RowRange[] {
  const ranges: { first: number; rows: number }[] = []
  for (const group of groups) {
    const [first, rows] = [firstRows[group] ?? 0, footer.rowGroups[group]?.rows ?? 0]
    const range = ranges.at(-1)
    if (range !== undefined && range.first + range.rows === first) range.rows += rows
    else ranges.push({ first, rows })
  }
  return ranges
}

// ---- footers ----------------------------------------------------------------------------------------------------------

async function readFooter(
  session: EngineSession,
  { scratchFile, sizeBytes }: { readonly scratchFile: string; readonly sizeBytes: number },
): Promise<Footer> {
  const end = sizeBytes - trailerBytes
  const trailer = await session.readBytes(scratchFile, { start: end, length: trailerBytes })
  const length = Buffer.from(trailer).readUInt32LE()
  return decodeFooter(await session.readBytes(scratchFile, { start: end - length, length }))
}

/** Whether columns `at` of the file, as far as it has them, have the types of those columns of the other that `where` says. */
function sameColumns(
  { footer: a, missing }: SpliceLayout,
  at: readonly number[],
  b: Footer,
  where: (column: number, place: number) => number,
): boolean {
  const [ours, theirs] = [leavesOf(a), leavesOf(b)]
  return at.every((column, place) => {
    const [one, other] = [ours?.[column], theirs?.[where(column, place)]]
    return other !== undefined && (missing.includes(column) || (one !== undefined && isSameColumn(one, other)))
  })
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
