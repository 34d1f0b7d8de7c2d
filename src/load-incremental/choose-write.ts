import type { WriteCosts } from '../costs.ts'
import { rowGroupRows } from '../engine/engine.ts'
import { putBytesMax } from '../objects/s3-limits.ts'
import { sum } from '../sum.ts'

/** What a touched row group goes through, and what its columns weigh. */
export type TouchedGroup = {
  readonly at: number
  readonly rows: number
  /** Of each column's chunk, in the file's order. */
  readonly chunkBytes: readonly number[]
  /** The columns in which rows that stay in their places get other values, and those that the file is to get. */
  readonly changed: readonly number[]
  /** Rows that leave, deleted or moved to another partition; at least so many. */
  readonly lost: number
}

export type TouchedLayout = {
  readonly sizeBytes: number
  readonly deadBytes: number
  readonly rows: number
  /** Every row group of the file; those that are not touched have nothing changed and nothing lost. */
  readonly groups: readonly TouchedGroup[]
  /** Rows that come into the file. */
  readonly arrivals: number
}

export type WriteChoice =
  | { readonly kind: 'rewrite'; readonly bytes: number }
  | {
      readonly kind: 'splice'
      /** Row group → the columns that are encoded anew, its rows in their places. */
      readonly inPlace: ReadonlyMap<number, readonly number[]>
      /** Row groups whose rows are encoded anew, together with those that arrive. */
      readonly whole: readonly number[]
      /** Rows that come into the file from elsewhere. */
      readonly arrivals: number
      /** The old bytes are put with the new ones, in place of being copied by the store. */
      readonly joined: boolean
      /** Predicted: what is appended, without the footer. */
      readonly bytes: number
    }

/**
 * As measured: the encoder makes 80 MB a second, a copy 1.5 GB; to prove a splice and to join it takes as long as to encode one MB.
 */
export const defaultWriteCosts: WriteCosts = {
  spliceBytes: 1e6,
  // What the kernel does is no request, and the old bytes lie where it copies them from.
  requestBytes: 0,
  joinedBytesMax: 0,
  copiedByte: 0.05,
  deadShareMax: 0.3,
  smallGroupRows: rowGroupRows / 4,
  smallFilesMax: 10,
  sampledGroupsMin: 8,
  newRowsInMemoryMax: 32e6,
  comparedAtOnceMax: 16e6,
  newRowsPartsMax: 64,
  // Each is a thread of Node's, of which there are four.
  stagedAtOnce: 2,
  // What lies on this machine is not fetched.
  probe: { bytesMin: Number.POSITIVE_INFINITY, shareMax: 0.5, gapBytes: 128 * 1_024 },
}

/**
 * On S3 a request of the dear kind costs as much as a third of a vCPU's second on Fargate, in which the encoder makes 25 MB: a file that one request
 * can put is joined here, since all that is rewritten is fetched anyway. Two files or three are fetched whole at once: most small batches touch what they may touch.
 */
export const s3WriteCosts: WriteCosts = {
  ...defaultWriteCosts,
  requestBytes: 25e6,
  joinedBytesMax: putBytesMax,
  stagedAtOnce: 4,
  probe: { ...defaultWriteCosts.probe, bytesMin: 100e6 },
}

/** To have the store copy the old bytes. */
const moreRequests = 3

/** Appends to a file or writes it whole, whichever is cheaper by what is encoded, copied and asked of the store. Pure. */
export function chooseWrite(costs: WriteCosts, layout: TouchedLayout): WriteChoice {
  const { groups, arrivals, sizeBytes, deadBytes } = layout
  const arrivalBytes = arrivals * ((sizeBytes - deadBytes) / Math.max(1, layout.rows))
  const rewriteBytes = sizeBytes - deadBytes + arrivalBytes
  const whole = groups.filter((group) => isWhole(group, arrivals > 0 ? costs.smallGroupRows : 0))
  const inPlace = groups.filter((group) => group.changed.length > 0 && !whole.includes(group))
  const replaced =
    sum(inPlace.flatMap((group) => group.changed.map((column) => group.chunkBytes[column] ?? 0))) +
    sum(whole.flatMap(({ chunkBytes }) => chunkBytes))
  const bytes = replaced + arrivalBytes
  const joined = sizeBytes + bytes <= costs.joinedBytesMax
  const requests = joined ? 0 : moreRequests
  const spliceCost = bytes + costs.copiedByte * sizeBytes + costs.spliceBytes + requests * costs.requestBytes
  const deadShare = (deadBytes + replaced) / (sizeBytes + bytes)
  if (whole.length === groups.length || spliceCost >= rewriteBytes || deadShare > costs.deadShareMax)
    return { kind: 'rewrite', bytes: rewriteBytes }
  return {
    kind: 'splice',
    inPlace: new Map(inPlace.map(({ at, changed }) => [at, changed])),
    whole: whole.map(({ at }) => at),
    arrivals,
    joined,
    bytes,
  }
}

/** A row group's first chunk has to stay the first of its chunks in the file: where it changes, all of them are written behind each other. */
function isWhole({ lost, changed, rows }: TouchedGroup, rowsMin: number): boolean {
  return lost > 0 || changed.includes(0) || rows < rowsMin
}
