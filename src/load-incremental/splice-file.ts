import type { Column } from '../domain.ts'
import { type EncodedFile, type EncodeRequest, type EngineSession, rowGroupRows } from '../engine/engine.ts'
import { literal } from '../engine/sql.ts'
import { dataSelect, type OpenedDataFile } from '../lake/data-sql.ts'
import { statsText } from '../lake/statistics.ts'
import {
  fieldIds,
  fileColumns,
  fileSelect,
  type PreparedFile,
  type Staging,
  type TableShape,
} from '../lake/write-data.ts'
import { footerStatistics } from '../parquet/chunk-statistics.ts'
import { type Chunk, decodeFooter, encodeFooter, type Footer, trailerBytes } from '../parquet/footer.ts'
import { deadBytes, isSameColumn, leavesOf, named, type SpliceRequest, spliceFooter } from '../parquet/splice-footer.ts'
import type { ThriftStruct } from '../parquet/thrift.ts'
import type { WriteChoice } from './choose-write.ts'
import type { EncodedRows } from './encoded-rows.ts'
import { keptSegments, rangeOf, rangesOf, rowsOfGroup, type SpliceLayout } from './splice-layout.ts'
import { selectInPlace, selectMisplaced, selectRegrouped } from './splice-sql.ts'
import type { RowsOfFile } from './sql.ts'

type SpliceInput = { readonly session: EngineSession; readonly staging: Staging; readonly shape: TableShape }

export type SplicedFile = {
  readonly file: PreparedFile['file']
  /** What stands behind the bytes that are kept. */
  readonly tailFile: string
  /** Null where no rows were encoded as a whole. */
  readonly encoded: EncodedRows | null
}

/** How a file is spliced, and what is to be encoded for it: its runs, then the rows of row groups that are encoded anew. */
export type SplicePlan = {
  readonly opened: OpenedDataFile
  readonly layout: SpliceLayout
  readonly rows: RowsOfFile
  /** The store is given all bytes, in place of being told which of its own to copy. */
  readonly joined: boolean
  /** Of its first bytes. */
  readonly keptBytes: number
  readonly whole: readonly number[]
  readonly runs: readonly Run[]
  readonly requests: readonly EncodeRequest[]
}

export function planSplice(
  { shape }: SpliceInput,
  { opened, layout, rows }: Pick<SplicePlan, 'opened' | 'layout' | 'rows'>,
  choice: Extract<WriteChoice, { kind: 'splice' }>,
): SplicePlan {
  const { whole, joined } = choice
  const runs = runsOf(layout, choice.inPlace)
  const requests = runs.map((run) => runRequest(shape, { opened, layout, rows }, run))
  const regrouped =
    whole.length === 0 && choice.arrivals === 0 ? [] : [regroupRequest(shape, { opened, layout, whole, rows })]
  const { keptBytes } = keptSegments(opened.file, layout)
  return { opened, layout, rows, joined, keptBytes, whole, runs, requests: [...requests, ...regrouped] }
}

/**
 * A new file at `path` of an old one's bytes, what changed in it (`encoded`, in the order of the requests), and a footer. Null where the engine did not
 * write what was expected of it (row groups of other sizes, rows in another order, another physical type): then the file has to be written whole.
 */
export async function spliceFile(
  input: SpliceInput,
  { opened, layout, rows: rowsOfFile, whole, runs }: SplicePlan,
  encoded: readonly (EncodedFile | null)[],
  path: string,
): Promise<SplicedFile | null> {
  const { session, shape, staging } = input
  const old = { footer: layout.footer(), missing: layout.missing }
  const inPlace = new Map<number, ReadonlyMap<number, Source>>()
  const newColumns = new Map<number, ThriftStruct>()
  for (const [at, run] of runs.entries()) {
    const found = await readRun(input, layout, old, run, encoded[at] ?? null)
    if (found === null) return null
    for (const [group, columns] of found.chunks) inPlace.set(group, columns)
    for (const [column, leaf] of found.newColumns) newColumns.set(column, leaf)
  }
  const regrouped = await readRegrouped(input, old, encoded[runs.length] ?? null)
  if (regrouped === 'foreign') return null
  const kept = keptSegments(opened.file, layout)
  const { footer, pieces } = spliceFooter({
    footer: old.footer,
    keptBytes: kept.keptBytes,
    newColumns: layout.missing.flatMap((column) => newColumns.get(column) ?? []),
    inPlace,
    dropped: new Set(whole),
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
    path,
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
  return {
    file,
    tailFile: tail.scratchFile,
    encoded: regrouped && {
      file: { number: opened.number, file, path: regrouped.path },
      rows: (some) => regroupedRows(shape, { opened, layout, whole, rows: rowsOfFile }, some),
    },
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

/** Rows that are encoded together are sorted together. */
const groupsOfRunMax = 4

/** Neighbours in which the same columns change are encoded together, as long as they come out as the same row groups. */
function runsOf(layout: SpliceLayout, inPlace: ReadonlyMap<number, readonly number[]>): readonly Run[] {
  const runs: { groups: number[]; columns: readonly number[] }[] = []
  const rowsOf = (group: number) => rowsOfGroup(layout, group)
  for (const [group, columns] of [...inPlace].sort(([a], [b]) => a - b)) {
    const run = runs.at(-1)
    const [first, last] = [run?.groups[0] ?? -1, run?.groups.at(-1) ?? -1]
    const joins =
      run !== undefined &&
      last === group - 1 &&
      run.groups.length < groupsOfRunMax &&
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

function runRequest(
  shape: TableShape,
  { opened, layout, rows }: Pick<SplicePlan, 'opened' | 'layout' | 'rows'>,
  { groups, columns: at }: Run,
): EncodeRequest {
  const columns = at.map((one) => fileColumns(shape)[one] as Column)
  const lakeRows = dataSelect({ files: [opened], columns, partitionColumns: shape.partitionColumns })
  return {
    select: selectInPlace(lakeRows, { number: opened.number, newRows: rows.staying }, rangeOf(layout, groups), columns),
    fieldIds: new Map(columns.map(({ fieldId }) => [`c${String(fieldId)}`, fieldId])),
    rowGroupRows: Math.ceil(rowsOfGroup(layout, groups[0] ?? 0) / vectorRows) * vectorRows,
  }
}

async function readRun(
  { session, shape }: SpliceInput,
  layout: SpliceLayout,
  old: OldColumns,
  { groups, columns: at }: Run,
  encoded: EncodedFile | null,
): Promise<EncodedRun | null> {
  if (encoded === null) return null
  const { scratchFile } = encoded
  const columns = at.map((one) => fileColumns(shape)[one] as Column)
  const footer = await readFooter(session, encoded)
  const same =
    footer.rowGroups.map((group) => group.rows).join(' ') ===
      groups.map((group) => rowsOfGroup(layout, group)).join(' ') &&
    sameColumns(old, at, footer, (_, place) => place + 1) &&
    (await session.rows(selectMisplaced(`read_parquet(${literal(scratchFile)})`, rangeOf(layout, groups)))).length === 0
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

type Regrouping = Pick<SplicePlan, 'opened' | 'layout' | 'whole' | 'rows'>

function regroupRequest(shape: TableShape, regrouping: Regrouping): EncodeRequest {
  const select = regroupedRows(shape, regrouping, fileColumns(shape))
  return { select: fileSelect(shape, select), fieldIds: fieldIds(shape), rowGroupRows }
}

function regroupedRows(
  { partitionColumns }: TableShape,
  { opened, layout, whole, rows }: Regrouping,
  columns: readonly Column[],
): string {
  const lakeRows = dataSelect({ files: [opened], columns, partitionColumns })
  return selectRegrouped(lakeRows, { number: opened.number, rows }, rangesOf(layout, whole), columns)
}

async function readRegrouped(
  { session, shape }: SpliceInput,
  old: OldColumns,
  encoded: EncodedFile | null,
): Promise<Regrouped | null | 'foreign'> {
  if (encoded === null) return null
  const { scratchFile } = encoded
  const footer = await readFooter(session, encoded)
  const all = fileColumns(shape).map((_, at) => at)
  if (!sameColumns(old, all, footer, (column) => column)) return 'foreign'
  return { path: scratchFile, added: footer.rowGroups.map((rowGroup) => ({ source: scratchFile, rowGroup })) }
}

// ---- footers ----------------------------------------------------------------------------------------------------------

async function readFooter(session: EngineSession, { scratchFile, sizeBytes }: EncodedFile): Promise<Footer> {
  const end = sizeBytes - trailerBytes
  const trailer = await session.readBytes(scratchFile, { start: end, length: trailerBytes })
  const length = Buffer.from(trailer).readUInt32LE()
  return decodeFooter(await session.readBytes(scratchFile, { start: end - length, length }))
}

/** The columns of a file that is spliced. */
type OldColumns = Pick<SpliceLayout, 'missing'> & { readonly footer: Footer }

/** Whether columns `at` of the file, as far as it has them, have the types of those columns of the other that `where` says. */
function sameColumns(
  { footer: a, missing }: OldColumns,
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
