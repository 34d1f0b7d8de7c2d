import type { ProbeCosts } from '../costs.ts'
import type { Column, DataFile } from '../domain.ts'
import { limits } from '../limits.ts'
import type { ByteRange } from '../objects/object-store.ts'
import { type Chunk, decodeFooter, ids, int, intOr, trailerBytes } from '../parquet/footer.ts'
import { leavesOf } from '../parquet/splice-footer.ts'
import { sum } from '../sum.ts'

/** Where a file's footer stands, and what follows it, as the log says; null where it is no footer to be read on its own. */
export function footerRange({ sizeBytes, footerBytes }: DataFile): ByteRange | null {
  const length = footerBytes + trailerBytes
  if (footerBytes === 0 || footerBytes > limits.splicedFooterBytes || length > sizeBytes) return null
  return { start: sizeBytes - length, length }
}

/** The columns of a file that are wanted, and whether and how it pays to fetch them alone. */
export type ColumnsAlone = { readonly columns: readonly Column[]; readonly costs: ProbeCosts }

/**
 * The bytes of a file besides its footer that the engine reads for these columns alone: their chunks, and the filters and indexes by which
 * it passes over row groups. Null where all of the file is to be fetched: they are too large a share of it, or not all is told of them.
 */
export function columnRanges(
  footerAndTrailer: Uint8Array,
  { fieldIds, sizeBytes }: DataFile,
  { columns, costs: { shareMax, gapBytes } }: ColumnsAlone,
): readonly ByteRange[] | null {
  const chunks = chunksByRowGroup(footerAndTrailer, fieldIds.length)
  if (chunks === null) return null
  const places = columns.map(({ fieldId }) => fieldIds.indexOf(fieldId)).filter((place) => place >= 0)
  const wanted = chunks.flatMap((group) => places.flatMap((place) => rangesOf(group[place] as Chunk)))
  if (wanted.some(({ length }) => length === 0)) return null
  const ranges = joined(wanted, gapBytes)
  return sum(ranges.map(({ length }) => length)) > sizeBytes * shareMax ? null : ranges
}

function chunksByRowGroup(footerAndTrailer: Uint8Array, columns: number): readonly (readonly Chunk[])[] | null {
  try {
    const footer = decodeFooter(footerAndTrailer.subarray(0, -trailerBytes))
    const chunks = footer.rowGroups.map((group) => group.chunks)
    return leavesOf(footer)?.length === columns && chunks.every(({ length }) => length === columns) ? chunks : null
  } catch {
    return null
  }
}

/** One of no bytes where the footer says where something begins and not how long it is. */
function rangesOf({ raw, meta, start, bytes }: Chunk): readonly ByteRange[] {
  const { bloomOffset, bloomLength } = ids.meta
  const { offsetIndexOffset, offsetIndexLength, columnIndexOffset, columnIndexLength } = ids.chunk
  const named = [
    [meta, bloomOffset, bloomLength],
    [raw, offsetIndexOffset, offsetIndexLength],
    [raw, columnIndexOffset, columnIndexLength],
  ] as const
  const more = named.filter(([struct, offset]) => struct.has(offset))
  const range = ([struct, offset, length]: (typeof named)[number]) => ({
    start: int(struct, offset),
    length: intOr(struct, length, 0),
  })
  return [{ start, length: bytes }, ...more.map(range)]
}

function joined(ranges: readonly ByteRange[], gapBytes: number): readonly ByteRange[] {
  const result: { start: number; length: number }[] = []
  for (const { start, length } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last !== undefined && start - (last.start + last.length) <= gapBytes)
      last.length = Math.max(last.length, start + length - last.start)
    else result.push({ start, length })
  }
  return result
}
