import type { LandingFile } from '../domain.ts'
import { baseName } from '../landing/names.ts'
import type { TableRun } from '../process-table/table-run.ts'
import { totalBytes } from '../sum.ts'

/** What every piece of work takes: a session, its writer's buffers, the log. */
const needBytesMin = 32e6
/** Landing files are compressed, and a change is held with its place in the order. */
const landingFactor = 3
/** Of the lake only keys are held; what is rewritten streams through. */
const lakeFactor = 1 / 8

/**
 * What a table's work will probably take, from its listing and its row alone: `landingBytes` are those of the landing
 * files that the row has not seen, `memoryBytes` what the engine will want for them. A guess: the engine keeps its limit.
 */
export function tableNeed({ listing, mirror, item }: TableRun): { landingBytes: number; memoryBytes: number } {
  const waiting = [...listing.changes.filter(isNewer(mirror)), ...listing.loads.filter(isReloaded(mirror))]
  const landingBytes = totalBytes(waiting)
  const said = item.row?.Bytes
  const lakeBytes = typeof said === 'number' && Number.isFinite(said) ? Math.max(0, said) : 0
  return { landingBytes, memoryBytes: needBytesMin + landingFactor * landingBytes + lakeFactor * lakeBytes }
}

function isNewer({ version, lastIncrementalFile }: TableRun['mirror']) {
  return ({ name }: LandingFile) => version === null || name > baseName(lastIncrementalFile)
}

/** The row has the date of the newest LOAD object, cut to seconds. */
function isReloaded({ version, lastFullLoadDate }: TableRun['mirror']) {
  const loadedMs = Date.parse(`${lastFullLoadDate.replace(' ', 'T')}Z`)
  return ({ modifiedMs }: LandingFile) => version === null || !(modifiedMs < loadedMs + 1000)
}
