import { type Snapshot, tableName } from '../domain.ts'
import { checkpointDue, writeCheckpoint } from '../lake/checkpoint.ts'
import { finishTable } from '../lake/perform.ts'
import type { HeldTable } from './held-table.ts'
import { checkpointEngine, openHead } from './open-head.ts'

/** Makes the lake what the head says, and notes for the row that it is so. */
export async function finishHead(table: HeldTable, head: Snapshot | null): Promise<Snapshot | null> {
  if (head === null) return null
  const { run, finished } = table
  const { ports, place, config, mirror } = run
  const nowMs = ports.clock.nowMs()
  const result = await finishTable(
    { store: ports.lake, engine: checkpointEngine(run.session), readHead: () => openHead(run) },
    {
      place,
      head,
      mirroredVersion: finished?.head.version ?? mirror.version,
      publish: config.publish,
      published: finished?.published ?? mirror.published,
      retainMs: config.retainMs,
      nowMs,
      placedBefore: table.placed,
    },
  )
  table.placed = [...table.placed, ...result.placed]
  table.finished = { head: result.head, published: result.published, nowMs }
  return result.head
}

/** Best effort: a table without its checkpoint only opens more slowly. */
export async function writeCheckpointIfDue(table: HeldTable, head: Snapshot | null): Promise<void> {
  if (head === null || table.finished === null || !checkpointDue(head)) return
  const { ports, place, config, session } = table.run
  try {
    await writeCheckpoint({
      store: ports.lake,
      engine: checkpointEngine(session),
      place,
      snapshot: head,
      publish: config.publish,
      retainMs: config.retainMs,
      nowMs: table.finished.nowMs,
    })
  } catch (error) {
    ports.log.warn(
      { table: tableName(place.id), error: String(error) },
      'no checkpoint was written; the next run tries again',
    )
  }
}
