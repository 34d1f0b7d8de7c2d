import type { DataFile, Snapshot } from '../domain.ts'
import type { OpenedDataFile } from '../lake/data-sql.ts'
import { type Arrival, filesToMerge, liveBytes, partitionId } from '../lake/small-files.ts'
import { dataFileBytesTarget, partitionsOf, partitionText, type TableShape } from '../lake/write-data.ts'
import type { MergeInput } from './merge-input.ts'
import * as sql from './sql.ts'

export type NumberedFile = { readonly number: number; readonly file: DataFile }

/**
 * Decides in which file each new row stands: where it stood, else in the smallest of its partition that is written anyway and has room, else
 * it begins a file. Returns the small files that are written together with such rows, so that they do not multiply: all of their
 * rows are without a home from then on.
 */
export async function placeRows(
  { session, snapshot, shape, costs }: MergeInput,
  rewrites: readonly OpenedDataFile[],
): Promise<readonly NumberedFile[]> {
  const partitions = partitionsOf(shape)
  const homes = rewrites.map(({ number, file }) => ({ number, file, partition: partitionValues(shape, file) }))
  await session.run(sql.createHomes(homes, partitions.length))
  await session.run(
    sql.createSettled(partitions.map(({ type, fieldId }) => partitionText(type, `c${String(fieldId)}`))),
  )
  const hosts: number[] = []
  const arrivals = new Map(rewrites.map(({ file }) => [partitionId(file.partition), { ...file, bytes: 0 } as Arrival]))
  const rowBytes = bytesPerRow(snapshot)
  for (const pool of await session.rows(sql.selectPools(partitions.length))) {
    const values = partitions.map((_, at) => pool[`p${String(at)}`] ?? null)
    const open = homes.filter(
      ({ file, partition }) =>
        partition.every((value, at) => value === values[at]) && hasRoom(file, Number(pool.total)),
    )
    const smallest = open.sort((a, b) => a.file.sizeBytes - b.file.sizeBytes)[0]
    const partition = Object.fromEntries(shape.partitionColumns.map((name, at) => [name, values[at] as string | null]))
    if (smallest !== undefined) hosts.push(smallest.number)
    else arrivals.set(partitionId(partition), { partition, bytes: Number(pool.total) * rowBytes })
  }
  if (hosts.length > 0) await session.run(sql.settleIn(hosts, partitions.length))
  const merged = filesToMerge(snapshot.files, [...arrivals.values()], costs)
  const numbered = merged.map((file) => ({ number: snapshot.files.indexOf(file), file }))
  if (merged.length > 0) await session.run(sql.unsettle(numbered.map(({ number }) => number)))
  return numbered
}

const partitionValues = (shape: TableShape, file: DataFile) =>
  shape.partitionColumns.map((name) => file.partition[name] ?? null)

function hasRoom(file: DataFile, rows: number): boolean {
  return liveBytes(file) + (rows * liveBytes(file)) / Math.max(1, file.rows) <= dataFileBytesTarget
}

/** At least one, so that rows that arrive in an empty table weigh something. */
function bytesPerRow({ files }: Snapshot): number {
  const sum = (of: (file: DataFile) => number) => files.reduce((total, file) => total + of(file), 0)
  return Math.max(
    1,
    sum(liveBytes) /
      Math.max(
        1,
        sum(({ rows }) => rows),
      ),
  )
}
