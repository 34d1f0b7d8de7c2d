import type { Column, DataFile, Snapshot } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { dataSelect } from '../lake/data-sql.ts'
import { openDataFiles } from '../lake/open-data.ts'
import { boundsIn } from '../lake/statistics.ts'
import type { TableRun } from '../process-table/table-run.ts'

export type LakeScan = {
  readonly run: TableRun
  readonly session: EngineSession
  readonly head: Snapshot
  readonly columns: readonly Column[]
  /** Only files that may hold such values; of what is unknown every file may. */
  readonly within?: Within
}

/** Whole numbers as text; the column is the lead of the comparison. */
export type Within = { readonly column: Column; readonly low: string; readonly high: string; readonly nulls: boolean }

/** Runs statements over the lake's rows (`f, pos, c…`), a few files at a time: no more of a remote lake lies on this machine at once. */
export async function scanLake(scan: LakeScan, statement: (rows: string) => string): Promise<void> {
  const { run, session, head, columns, within } = scan
  const files = head.files.filter((file) => within === undefined || mayHold(head, file, within))
  for (const group of groups(files, run.ports.batchBytesMax)) {
    const numbered = group.map((file, number) => ({ number, file }))
    const opened = await openDataFiles(run.ports.lake, session, run.place, numbered, { verify: false, unplaced: true })
    try {
      await session.run(
        statement(dataSelect({ files: opened.files, columns, partitionColumns: head.partitionColumns })),
      )
    } finally {
      await opened.release()
    }
  }
}

function mayHold({ partitionColumns }: Snapshot, file: DataFile, { column, low, high, nulls }: Within): boolean {
  if (partitionColumns.includes(column.name)) return true
  const { min, max, nullCount } = boundsIn(file.stats, column.name)
  if (min === null || max === null || nullCount === null) return true
  if (!isWhole(min) || !isWhole(max)) return true
  if (nulls && nullCount > 0) return true
  return BigInt(min) <= BigInt(high) && BigInt(max) >= BigInt(low)
}

const isWhole = (text: string) => /^-?\d+$/u.test(text)

function* groups(files: readonly DataFile[], bytesMax: number): Generator<readonly DataFile[]> {
  let group: DataFile[] = []
  let bytes = 0
  for (const file of files) {
    if (group.length > 0 && bytes + file.sizeBytes > bytesMax) {
      yield group
      group = []
      bytes = 0
    }
    group.push(file)
    bytes += file.sizeBytes
  }
  if (group.length > 0) yield group
}
