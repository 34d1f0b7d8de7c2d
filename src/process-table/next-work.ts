import type { Snapshot } from '../domain.ts'
import { isMarker } from '../lake/verify.ts'
import { listTable } from '../landing/listing.ts'
import { sameContent } from '../landing/same-content.ts'
import { listAll } from '../objects/object-store.ts'
import { firstCursor, neverLoadedDate } from '../state/row.ts'
import { decide, type LakeObject, type TableWork } from './decide.ts'
import { startingPoint } from './edited-cursors.ts'
import type { TableRun } from './table-run.ts'
import { isEmptyLanding } from './vanished.ts'

/** Gathers what the decision needs beyond the listing of the landing, and decides. */
export async function nextWork(
  run: TableRun,
  head: Snapshot | null,
  options: { readonly batchBytesMax: number },
): Promise<TableWork> {
  if (head !== null && (await hasLandedSince(run)))
    return { kind: 'idle', reason: 'files have landed since the landing was listed', waits: true }
  return decide({
    config: run.config,
    snapshot: head,
    start: startingPoint(run),
    adoptable: head === null ? await adoptable(run) : [],
    landing: run.listing,
    sameContent: head === null ? new Set() : await sameContent(run.ports.landing, run.listing, head),
    nowMs: run.ports.clock.nowMs(),
    ...options,
  })
}

/**
 * A landing that was found empty may be filled by now, and another run may have taken what came: the head is newer than the listing. Only
 * where it is still empty are all files gone. What lands from here on, that run's commit or this one's loses over.
 */
async function hasLandedSince({ ports, config, listing, item }: TableRun): Promise<boolean> {
  if (config.onVanish === 'warn' || !isEmptyLanding(listing)) return false
  return !isEmptyLanding(await listTable(ports.landing, item.id))
}

/** The Parquet files in the folder of a table that another job has loaded, as its cursors tell. */
async function adoptable({ ports, place, mirror, item }: TableRun): Promise<readonly LakeObject[]> {
  const isNew = mirror.lastIncrementalFile === firstCursor(item.path) && mirror.lastFullLoadDate === neverLoadedDate
  if (isNew) return []
  const found: LakeObject[] = []
  for await (const { objects } of listAll(ports.lake, { prefix: place.dataPrefix }))
    for (const { key, sizeBytes, modifiedMs } of objects) {
      const path = key.slice(place.dataPrefix.length)
      const isHidden = path.split('/').some((segment) => /^[_.]/u.test(segment))
      if (path.endsWith('.parquet') && !isHidden && !isMarker(path)) found.push({ path, sizeBytes, modifiedMs })
    }
  return found
}
