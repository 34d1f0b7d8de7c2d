import { allViews, type Snapshot, tableName, type View } from '../domain.ts'
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
  table.settled = false
  const result = await finishTable(
    { store: ports.lake, engine: checkpointEngine(run.session), readHead: () => openHead(run) },
    {
      place,
      head,
      mirroredVersion: finished?.head.version ?? mirror.version,
      publish: config.publish,
      published: finished?.published ?? publishedBefore(table),
      retainMs: config.retainMs,
      nowMs,
      placedBefore: table.placed,
    },
  )
  table.placed = [...table.placed, ...result.placed]
  table.finished = { head: result.head, published: result.published, nowMs }
  table.settled = true
  return result.head
}

/**
 * What the views were when this run began. A run that did not end well may have begun one, or taken one half away,
 * without a word in the row: then one that is wanted begins anew, and one that is not wanted is taken away.
 */
function publishedBefore({ run, takenOver }: HeldTable): readonly View[] {
  if (!takenOver) return run.mirror.published
  return allViews.filter((view) => !run.config.publish.includes(view))
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
