import type { DataFile } from '../domain.ts'
import { type ByteSpan, type EngineSession, writtenKeyValues } from '../engine/engine.ts'
import type { OpenedDataFile } from '../lake/data-sql.ts'
import type { VerifyBytes } from '../lake/open-data.ts'
import { fileColumns, type TableShape } from '../lake/write-data.ts'
import { limits } from '../limits.ts'
import { decodeFooter, encodeFooter, type Footer, trailerBytes } from '../parquet/footer.ts'
import { isSpliceable } from '../parquet/splice-footer.ts'
import type { RowRange } from './splice-sql.ts'

/** A data file that can be spliced: what a merge has to know of it while it has all of the files that it touches in mind. */
export type SpliceLayout = {
  readonly groups: readonly {
    readonly rows: number
    /** Where the pages of each column are. */
    readonly chunks: readonly { readonly start: number; readonly bytes: number }[]
  }[]
  /** Decoded anew each time: as values it takes fifty times its bytes. */
  readonly footer: () => Footer
  /** Where the footer begins. */
  readonly dataBytes: number
  /** The place of each row group's first row. */
  readonly firstRows: readonly number[]
  /** The columns, by their place, that the table has got since; a splice gives them to every row group. */
  readonly missing: readonly number[]
}

/**
 * Reads and proves a file's footer. Null where the file has to be written whole: another program wrote it, its footer is
 * too large, or columns of the table stand before those that it lacks.
 */
export async function readLayout(
  session: EngineSession,
  shape: TableShape,
  opened: OpenedDataFile,
  verify: VerifyBytes,
): Promise<SpliceLayout | null> {
  const columns = fileColumns(shape)
  const { file, path } = opened
  const own = columns.slice(0, file.fieldIds.length)
  if (file.fieldIds.join(' ') !== own.map(({ fieldId }) => fieldId).join(' ')) return null
  const trailer = { start: file.sizeBytes - trailerBytes, length: trailerBytes }
  await verify(opened, [trailer])
  const footerBytes = await session.footerBytesOf(path)
  if (footerBytes === null || footerBytes > limits.splicedFooterBytes) return null
  const dataBytes = trailer.start - footerBytes
  const whole = await session.readBytes(path, { start: dataBytes, length: footerBytes + trailerBytes })
  const footer = footerOf(whole)
  if (footer === null) return null
  const names = own.map(({ name }) => name)
  if (!isSpliceable(footer, { names, keyValues: writtenKeyValues, dataBytes })) return null
  const groups = footer.rowGroups.map(({ rows, chunks }) => ({
    rows,
    chunks: chunks.map(({ start, bytes }) => ({ start, bytes })),
  }))
  const firstRows = groups.map((_, at) => rowsBefore(groups, at))
  const missing = [...columns.keys()].slice(own.length)
  if (rowsBefore(groups, groups.length) !== file.rows) return null
  return { groups, footer: () => decodeFooter(whole.subarray(0, -trailerBytes)), dataBytes, firstRows, missing }
}

/** The stretches of a file that are read where these row groups are touched. */
export function spansOfGroups(layout: SpliceLayout, groups: readonly number[]): readonly ByteSpan[] {
  return groups.flatMap((at) => (layout.groups[at]?.chunks ?? []).map(({ start, bytes }) => ({ start, length: bytes })))
}

export const rowsOfGroup = ({ groups }: SpliceLayout, group: number) => groups[group]?.rows ?? 0

/** The rows of neighbours. */
export function rangeOf(layout: SpliceLayout, groups: readonly number[]): RowRange {
  const rows = groups.reduce((total, group) => total + rowsOfGroup(layout, group), 0)
  return { first: layout.firstRows[groups[0] ?? 0] ?? 0, rows }
}

/** The rows of row groups; neighbours are one range. */
export function rangesOf(layout: SpliceLayout, groups: readonly number[]): readonly RowRange[] {
  const runs: number[][] = []
  for (const group of groups) {
    if (runs.at(-1)?.at(-1) === group - 1) runs.at(-1)?.push(group)
    else runs.push([group])
  }
  return runs.map((run) => rangeOf(layout, run))
}

/** The segments that a spliced file keeps: all that do not lie in the old footer. */
export function keptSegments({ segments }: DataFile, { dataBytes }: SpliceLayout) {
  let end = 0
  const kept = segments.filter(({ bytes }) => {
    end += bytes
    return end - bytes < dataBytes
  })
  return { segments: kept, keptBytes: kept.reduce((total, { bytes }) => total + bytes, 0) }
}

/** Null for a footer that would not come out of the codec as it went in. */
function footerOf(whole: Uint8Array): Footer | null {
  try {
    const footer = decodeFooter(whole.subarray(0, -trailerBytes))
    return Buffer.compare(encodeFooter(footer), whole) === 0 ? footer : null
  } catch {
    return null
  }
}

const rowsBefore = (groups: readonly { readonly rows: number }[], end: number) =>
  groups.slice(0, end).reduce((total, { rows }) => total + rows, 0)
