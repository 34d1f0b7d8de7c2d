import type { LandingFile, Snapshot } from '../domain.ts'
import { type HistoryEntry, inForce } from '../lake/history.ts'
import { landingOrder } from '../landing/names.ts'
import { changedAfterTaken, generationOf, pendingChanges } from '../landing/pending.ts'
import type { TableRun } from './table-run.ts'

export type CommitMark = { readonly version: number; readonly timestampMs: number }

/** What became of a landing file. */
export type Fate = {
  /**
   * `taken`: the table is made of it. `pending`: the next run takes it. `left-out`: passed over for good. `untaken`: it came later than
   * the look-back, and no run looks at it any more.
   */
  readonly state: 'taken' | 'pending' | 'left-out' | 'untaken'
  /** The commits that took it, oldest first. */
  readonly commits: readonly CommitMark[]
  readonly why: string | null
}

/** Tells of each listed file what became of it; `history` is newest first and whole. */
export function fates(
  { listing, config }: Pick<TableRun, 'listing' | 'config'>,
  head: Snapshot | null,
  history: readonly HistoryEntry[],
): (file: LandingFile) => Fate {
  const entries = inForce(history)
  const commits = new Map<string, CommitMark[]>()
  const left = new Map<string, { readonly version: number; readonly why: string }>()
  for (const { version, timestampMs, receipt } of entries.toReversed()) {
    for (const key of receipt?.landingFiles ?? [])
      commits.set(key, [...(commits.get(key) ?? []), { version, timestampMs }])
    for (const { key, why } of receipt?.passedOver ?? []) left.set(key, { version, why })
  }
  const waiting = head === null ? null : waitingFiles(listing, head, config.active)
  return (file) => {
    const taken = commits.get(file.key) ?? []
    const pending = waiting === null ? 'the table was not loaded yet' : waiting.get(file.key)
    if (pending !== undefined) return { state: 'pending', commits: taken, why: pending }
    const passed = left.get(file.key)
    if (passed !== undefined && passed.version > (taken.at(-1)?.version ?? -1))
      return { state: 'left-out', commits: taken, why: `version ${String(passed.version)}: ${passed.why}` }
    if (taken.length > 0) return { state: 'taken', commits: taken, why: null }
    return { commits: [], ...unnamed(file, head as Snapshot) }
  }
}

/** The files that the next run takes, each with why; `''` where it is only that it is new. */
function waitingFiles(
  listing: TableRun['listing'],
  head: Snapshot,
  active: boolean,
): ReadonlyMap<string, string | null> {
  const { progress, load } = head
  const waits = active ? null : 'the table is inactive'
  const reasons = new Map<string, string | null>()
  if (progress.reload === true)
    for (const { key } of [...listing.loads, ...listing.changes]) reasons.set(key, 'the table is to be made anew')
  for (const { key } of pendingChanges(listing.changes, progress)) reasons.set(key, waits)
  for (const { key } of changedAfterTaken(listing.changes, progress))
    reasons.set(key, 'it was written again after it was taken')
  const generation = generationOf(listing.loads, load)
  if (generation.kind === 'replaced')
    for (const { key } of generation.suspects) reasons.set(key, 'it was written again after it was taken')
  else if ('files' in generation) for (const { key } of generation.files) reasons.set(key, waits)
  return reasons
}

/** What no commit names: taken before the log began, or never. */
function unnamed(file: LandingFile, { progress, load }: Snapshot): Pick<Fate, 'state' | 'why'> {
  const entry = [...load.files, ...progress.window].find(({ key }) => key === file.key)
  if (entry?.passedOver !== undefined) return { state: 'left-out', why: 'passed over' }
  const { startAfter, settledUpTo } = progress
  if (file.kind === 'change' && startAfter !== undefined && landingOrder(file.key, startAfter) <= 0)
    return { state: 'left-out', why: 'it lies before the cursor that the table began with' }
  const isSettled = settledUpTo !== undefined && landingOrder(file.key, settledUpTo) <= 0
  if (entry !== undefined || (file.kind === 'change' && isSettled))
    return { state: 'taken', why: 'before the log began, or up to a cursor that was set' }
  return { state: 'untaken', why: 'it came later than the look-back' }
}
