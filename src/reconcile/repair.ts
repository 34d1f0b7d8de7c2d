import { type ChangeCounts, type Snapshot, tableName } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import type { Staging, TableShape } from '../lake/write-data.ts'
import { operationColumn } from '../landing/layout.ts'
import { executeMerge, planMerge } from '../load-incremental/merge.ts'
import { commitCommand } from '../process-table/command.ts'
import { stageAndCommit } from '../process-table/commit-work.ts'
import { type StagedWork, unchanged } from '../process-table/staged-work.ts'
import { keepWhatDiffers, notLoaded, readDoubt, type Sides } from './compare.ts'
import * as sql from './sql.ts'

export type Repaired = { readonly version: number; readonly changes: ChangeCounts }

/**
 * Merges the source's rows for the keys in doubt, as they are now, in a commit of its own under the table's lease; the progress
 * stays. The source is ahead of the lake: what the landing still brings applies on top, and its last change decides.
 * Null where the lake turned out to hold these rows. Throws `conflict` where another run holds or moves the table.
 */
export async function repair(sides: Sides): Promise<Repaired | null> {
  let repaired: Repaired | null = null
  await commitCommand(sides.run, async (table, head) => {
    if (head === null) throw notLoaded()
    await readDoubt(sides, head, head.columns)
    await keepWhatDiffers(sides)
    if (await isNothing(sides.session)) return null
    await refuseUnfit(sides)
    const operation = head.columns.find(({ name }) => name === operationColumn) ?? null
    await sides.session.run(sql.createRepairs(sides.comparison, head.columns, operation))
    const done = await stageAndCommit(table, head, 'repair', async (staging) =>
      merge(await table.run.session(), staging, head, sides),
    )
    if (done.result.kind === 'won') repaired = { version: done.result.version, changes: done.staged.changes }
    return done
  })
  return repaired
}

async function merge(session: EngineSession, staging: Staging, head: Snapshot, sides: Sides): Promise<StagedWork> {
  const shape: TableShape = {
    columns: head.columns,
    partitionColumns: head.partitionColumns,
    keyColumns: head.progress.primaryKey ?? [],
  }
  // What the source says now is newer than any change that the lake has taken: no sequence is asked.
  const { writeCosts: costs } = sides.run.ports
  const batch = { beforeImages: false, files: [] }
  const input = { session, staging, snapshot: head, shape, batch, sequence: null, costs }
  const result = await executeMerge(input, await planMerge(input))
  return {
    ...unchanged(head),
    operation: 'REPAIR',
    add: result.add,
    remove: result.remove,
    note: `repaired from ${sides.source.name}`,
    changes: result.changes,
    filesRewritten: result.filesRewritten,
    bytesRead: result.bytesRead,
    bytesCarried: result.bytesCarried,
  }
}

async function isNothing(session: EngineSession): Promise<boolean> {
  const [row] = await session.rows(sql.countDoubt())
  return Number(row?.keys) === 0
}

/** A repair does not change the lake's types. */
async function refuseUnfit({ session, comparison, run }: Sides): Promise<void> {
  const [counts] = await session.rows(sql.countUnfit(comparison))
  const at = comparison.columns.findIndex((_, place) => Number(counts?.[`n${String(place)}`] ?? 0) > 0)
  const column = comparison.columns[at]
  if (column === undefined) return
  throw new DmscdcError(
    'invalid-config',
    `source column "${column.source.name}" holds values that the lake's column of ${tableName(run.item.id)} cannot; nothing was repaired`,
    { hint: 'let DMS deliver the wider type first: dmscdc run; then compare again' },
  )
}
