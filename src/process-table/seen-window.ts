/**
 * What an idle table with a long past is known by: the names of its look-back window alone. Only that nothing has changed is ever told by
 * such a listing; where anything has, or may have, the landing is listed whole, and all is decided on that.
 */
import type { SeenWindow, Snapshot } from '../domain.ts'
import { listTable } from '../landing/listing.ts'
import { behind, windowStart } from '../landing/window.ts'
import { digestText } from '../state/attribute-text.ts'
import { isAsLeft, type OpenTable, seenDigest, type TableRun } from './table-run.ts'

/** Whether the table is as its row says, by one request per 1,000 names in its window. False says nothing: it is to be listed whole. */
export async function isIdleInWindow(table: OpenTable): Promise<boolean> {
  const { ports, item, config, mirror } = table
  const { window } = mirror
  if (window === null || !isInForce(window, ports.clock.nowMs()) || !isAsLeft(table)) return false
  // Clearing asks for the files before the window, and what holds a table may be there too.
  if (config.landed.kind !== 'keep' || item.row?.Held !== undefined) return false
  const listing = await listTable(ports.landing, item.id, { after: window.after })
  // They are no part of a digest.
  return listing.transactionFiles === 0 && seenDigest(ports, listing, config) === window.digest
}

/** For the row of a table that is up to date at this head; null where a window would save no request, or none is sure to hold what comes. */
export function windowToKeep({ ports, listing, config }: TableRun, { progress }: Snapshot): SeenWindow | null {
  const after = windowStart(listing, progress.windowFrom)
  // Files of transaction mode are warned of at every run, wherever they lie.
  if (after === null || listing.transactionFiles > 0) return null
  const inWindow = behind(listing, after)
  const namesOf = ({ loads, changes }: typeof listing) => loads.length + changes.length
  const spared = namesOf(listing) - namesOf(inWindow)
  if (spared * listing.pages < namesOf(listing)) return null
  const digest = seenDigest(ports, inWindow, config)
  return { after, digest, untilMs: endOf(digest, ports.clock.nowMs()) }
}

/** The whole listing has just said what the row says: that holds for another while. Where the row was written meanwhile, it is left alone. */
export async function prolongWindow({ ports, item, mirror }: TableRun): Promise<void> {
  const { digest, window } = mirror
  const nowMs = ports.clock.nowMs()
  if (digest === null || window === null || isInForce(window, nowMs)) return
  const longer = digestText(digest, { ...window, untilMs: endOf(window.digest, nowMs) })
  await ports.state.update(item.id, { set: { Digest: longer } }, { Digest: item.row?.Digest })
}

const hourMs = 3_600_000
const [hoursMin, hoursMax] = [12, 23]

/** Spread by the digest, so that tables of one run are not all listed whole in one run again. */
function endOf(digest: string, nowMs: number): number {
  return nowMs + (hoursMin + (Number.parseInt(digest.slice(0, 4), 16) % (hoursMax - hoursMin + 1))) * hourMs
}

/** An end that lies further away than any is set was set by a clock that was wrong. */
const isInForce = ({ untilMs }: SeenWindow, nowMs: number) => untilMs > nowMs && untilMs <= nowMs + 24 * hourMs
