import type { WriteCosts } from '../costs.ts'
import type { DataFile, PartitionValues } from '../domain.ts'
import { sum } from '../sum.ts'
import { dataFileBytesTarget } from './write-data.ts'

/**
 * Two files of half the target make a whole one: below that a file is small. To rewrite a larger one would cost more than
 * the request saves that each reader has less to make.
 */
export const smallFileBytes = dataFileBytesTarget / 2

/** Of live bytes, what one commit merges at most in all partitions that it touches. */
export const mergedBytesMax = 2 * dataFileBytesTarget

/** A file joins those that are merged while it is at most so many times as large as these together. */
const growth = 1.25

/** Rows that are about to begin a file in a partition; 0 bytes: its files are touched, and none is begun. */
export type Arrival = { readonly partition: PartitionValues; readonly bytes: number }

export const liveBytes = ({ sizeBytes, deadBytes }: Pick<DataFile, 'sizeBytes' | 'deadBytes'>) => sizeBytes - deadBytes

export const isSmall = (file: Pick<DataFile, 'sizeBytes' | 'deadBytes'>) => liveBytes(file) < smallFileBytes

/**
 * The small files that a commit writes together with what arrives, so that no partition it touches keeps more than
 * `smallFilesMax` of them; the fullest partitions first. Pure.
 */
export function filesToMerge(
  files: readonly DataFile[],
  arrivals: readonly Arrival[],
  { smallFilesMax }: Pick<WriteCosts, 'smallFilesMax'>,
): readonly DataFile[] {
  const small = byPartition(files.filter(isSmall))
  const crowded = arrivals
    .map(({ partition, bytes }) => ({ bytes, files: small.get(partitionId(partition)) ?? [] }))
    .sort((a, b) => b.files.length - a.files.length)
  const merged: DataFile[] = []
  let budget = mergedBytesMax
  for (const one of crowded) {
    const chosen = smallestThatFit(one.files, one.bytes, smallFilesMax)
    const bytes = sum(chosen.map(liveBytes))
    if (bytes > budget) continue
    merged.push(...chosen)
    budget -= bytes
  }
  return merged
}

/** Files by their partition. */
export function byPartition(files: readonly DataFile[]): ReadonlyMap<string, readonly DataFile[]> {
  const partitions = new Map<string, DataFile[]>()
  for (const file of files) {
    const text = partitionId(file.partition)
    const found = partitions.get(text)
    if (found) found.push(file)
    else partitions.set(text, [file])
  }
  return partitions
}

export const partitionId = (partition: PartitionValues) =>
  JSON.stringify(Object.entries(partition).sort(([a], [b]) => (a < b ? -1 : 1)))

/**
 * The smallest and, in order, those that are not much larger than all before them: so the sizes that stay grow from file
 * to file, and a row is written again only when as much as lies beside it has come in. Together they make one file.
 */
function smallestThatFit(
  small: readonly DataFile[],
  arrivingBytes: number,
  smallFilesMax: number,
): readonly DataFile[] {
  const isBegun = arrivingBytes > 0 && arrivingBytes < smallFileBytes
  if (small.length + (isBegun ? 1 : 0) <= smallFilesMax) return []
  const sorted = [...small].sort((a, b) => liveBytes(a) - liveBytes(b))
  const chosen: DataFile[] = []
  let bytes = isBegun ? arrivingBytes : 0
  for (const file of sorted) {
    const isNeeded = chosen.length + (isBegun ? 1 : 0) < 2
    const fits = bytes + liveBytes(file) <= dataFileBytesTarget
    if (!fits || (!isNeeded && liveBytes(file) > growth * bytes)) break
    chosen.push(file)
    bytes += liveBytes(file)
  }
  return chosen
}
