import { allViews, type Snapshot, tableName, type View } from '../domain.ts'
import { checkpointDue, writeCheckpoint } from '../lake/checkpoint.ts'
import type { FinishInput } from '../lake/finish.ts'
import { standsStill } from '../lake/finish-agenda.ts'
import { finishTable } from '../lake/perform.ts'
import type { HeldTable } from './held-table.ts'
import { checkpointEngine, openHead } from './open-head.ts'
import { publishCatalog } from './publish-catalog.ts'

/**
 * Makes the lake and the catalog what the head says, and notes for the row that it is so. A view that the catalog points at is
 * taken off only after the catalog has turned away from it: else its readers would meet an empty table meanwhile.
 */
export async function finishHead(
  table: HeldTable,
  head: Snapshot | null,
  options: FinishOptions = {},
): Promise<Snapshot | null> {
  if (head === null) return null
  if (standsStill(head)) return finishViews(table, head, viewsAsTheyStand(table), options)
  const { publish } = table.run.config
  const former = publish.includes('glue') ? (table.finished?.published ?? table.run.mirror.published) : []
  const views = allViews.filter((view) => publish.includes(view) || former.includes(view))
  const finished = await finishViews(table, head, views, options)
  await publishCatalog(table, finished)
  const isTurned = views.length > publish.length && table.catalogStanding.kind === 'stands'
  return isTurned ? finishViews(table, finished, publish) : finished
}

/** What readers may follow now, whatever the operator wants by now. */
function viewsAsTheyStand({ run, finished, takenOver }: HeldTable): readonly View[] {
  const { mirror, config } = run
  const known = finished?.published ?? mirror.published
  return allViews.filter((view) => known.includes(view) || (takenOver && config.publish.includes(view)))
}

/** False where a view stays that is not wanted any more, because the catalog still points at it. */
export function viewsAreDone({ run, finished }: HeldTable): boolean {
  return finished === null || finished.published.every((view) => run.config.publish.includes(view))
}

type FinishOptions = Pick<FinishInput, 'keepExpired'>

async function finishViews(
  table: HeldTable,
  head: Snapshot,
  publish: readonly View[],
  options: FinishOptions = {},
): Promise<Snapshot> {
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
      publish,
      published: finished?.published ?? publishedBefore(table, publish),
      retainMs: config.retainMs,
      nowMs,
      placedBefore: table.placed,
      ...options,
      retainedBefore: table.takenOver || mirror.retainedMs !== null,
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
function publishedBefore({ run, takenOver }: HeldTable, publish: readonly View[]): readonly View[] {
  if (!takenOver) return run.mirror.published
  return allViews.filter((view) => !publish.includes(view))
}

/** Best effort: a table without its checkpoint only opens more slowly. */
export async function writeCheckpointIfDue(table: HeldTable, head: Snapshot | null): Promise<void> {
  if (head === null || table.finished === null || !checkpointDue(head) || standsStill(head)) return
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
