import { type DataFile, type Snapshot, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import { type Compacting, compactFiles, compactGroups, groupsOutOfOrder } from '../lake/compact.ts'
import { byPartition } from '../lake/small-files.ts'
import type { Staging } from '../lake/write-data.ts'
import type { RequestCounts } from '../objects/counting-objects.ts'
import { sum, totalBytes } from '../sum.ts'
import { commitCommand } from './command.ts'
import { stageAndCommit } from './commit-work.ts'
import type { HeldTable } from './held-table.ts'
import { type StagedWork, unchanged } from './staged-work.ts'
import type { TableRun } from './table-run.ts'

export type CompactAsked = {
  /** Sort the rows of each partition by the table's key. */
  readonly clusterByKey: boolean
}

/** What a compaction did; where there was nothing to do, `version` is the head as it was, and nothing is removed or added. */
export type TableCompaction = {
  readonly version: number
  /** Partitions of which files were written again; a table without partitions counts as one. */
  readonly partitions: number
  readonly rows: number
  readonly filesRemoved: number
  readonly filesAdded: number
  readonly bytesRemoved: number
  readonly bytesAdded: number
  /** Of `bytesRemoved`, those that no footer referred to. */
  readonly deadBytes: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly requests: RequestCounts['requests']
  readonly ms: number
}

/**
 * Writes small files of a partition together, files with dead bytes anew, and with `clusterByKey` all rows in the order of the key: a
 * commit of its own, in which neither rows nor progress change. Throws `UsageError` for a table that was not loaded, and to sort one
 * without a key.
 */
export async function compactTable(run: TableRun, asked: CompactAsked): Promise<TableCompaction> {
  const startedMs = run.ports.clock.nowMs()
  let did = nothing
  const version = await commitCommand(run, async (table, standing) => {
    const work = await workOn(table, standing, asked)
    if (work.groups.length === 0) return null
    const done = await stageAndCommit(table, work.snapshot, 'compact', (staging) => compacting(table, staging, work))
    did = summaryOf(done.staged)
    return done
  })
  return { version, ...did, ...run.costs(), ms: run.ports.clock.nowMs() - startedMs }
}

type Did = Omit<TableCompaction, 'version' | 'ms' | keyof RequestCounts>

const nothing: Did = {
  partitions: 0,
  rows: 0,
  filesRemoved: 0,
  filesAdded: 0,
  bytesRemoved: 0,
  bytesAdded: 0,
  deadBytes: 0,
}

async function workOn({ run }: HeldTable, head: Snapshot | null, { clusterByKey }: CompactAsked): Promise<Compacting> {
  const name = tableName(run.item.id)
  if (head === null) throw new UsageError(`${name} was not loaded yet: it has no files`, 'dmscdc run')
  // As the lake was built, whatever the row says meanwhile.
  const { columns, partitionColumns, progress } = head
  const shape = { columns, partitionColumns, keyColumns: progress.primaryKey ?? [] }
  if (clusterByKey && shape.keyColumns.length === 0)
    throw new UsageError(`${name} has no key to sort its rows by`, `dmscdc compact ${name}`)
  const work = { snapshot: head, shape, groups: compactGroups(head.files, { clusterByKey }) }
  if (!clusterByKey) return work
  const { ports, place, session } = run
  return { ...work, groups: await groupsOutOfOrder(await session(), { lake: ports.lake, place }, work) }
}

async function compacting({ run }: HeldTable, staging: Staging, work: Compacting): Promise<StagedWork> {
  const session = await run.session()
  await session.reset()
  const { add, remove } = await compactFiles(session, staging, work)
  return {
    ...unchanged(work.snapshot),
    operation: 'COMPACT',
    add,
    remove,
    filesRewritten: remove.length,
    bytesRead: totalBytes(remove),
    note: noteOf(remove, add),
  }
}

function noteOf(remove: readonly DataFile[], add: readonly DataFile[]): string {
  const dead = sum(remove.map(({ deadBytes }) => deadBytes))
  const files = `${String(remove.length)} data files became ${String(add.length)}`
  return dead === 0 ? files : `${files}; ${String(dead)} dead bytes dropped`
}

function summaryOf({ add, remove }: StagedWork): Did {
  return {
    partitions: byPartition(remove).size,
    rows: sum(add.map(({ rows }) => rows)),
    filesRemoved: remove.length,
    filesAdded: add.length,
    bytesRemoved: totalBytes(remove),
    bytesAdded: totalBytes(add),
    deadBytes: sum(remove.map(({ deadBytes }) => deadBytes)),
  }
}
