/**
 * Which landing files are still to be taken, and what has been taken once they are: the bookkeeping behind "each file exactly once".
 *
 * Invariants. A change file counts as taken if its base name is at most `windowFrom` or its key is in `window`; so `window` must hold every
 * file taken (or passed over) whose name is greater than `windowFrom`, and `windowFrom` never moves back, nor to or past a file known to be pending.
 * A bare "everything after the cursor" would lose every file that turns up with a name before it.
 */
import type { LandingFile, LoadGeneration, Progress, TakenFile } from '../domain.ts'
import { baseName, classify, landingOrder, lookBackName, nameTimeMs } from './names.ts'

/** The change files that no commit has taken or passed over, in the order given. */
export function pendingChanges(changes: readonly LandingFile[], progress: Progress): LandingFile[] {
  const inWindow = new Set(progress.window.map((taken) => taken.key))
  return changes.filter((file) => isAfter(progress.windowFrom, file.name) && !inWindow.has(file.key))
}

/** The same for a change file by its key alone. */
export function isPendingKey(key: string, progress: Progress): boolean {
  const { kind } = classify(key)
  return (
    kind === 'change' && isAfter(progress.windowFrom, baseName(key)) && !progress.window.some((one) => one.key === key)
  )
}

/**
 * The change files in the window that have another ETag than when they were taken. Only suspects: where `TakenFile.sha256` is known, the caller compares
 * the content, since an ETag may change with the upload alone. A file that was passed over is passed over for good, whatever it holds now.
 */
export function changedAfterTaken(changes: readonly LandingFile[], progress: Progress): LandingFile[] {
  const takenEtags = new Map(progress.window.filter(isTaken).map((taken) => [taken.key, taken.etag]))
  return changes.filter((file) => takenEtags.has(file.key) && takenEtags.get(file.key) !== file.etag)
}

/** Whether files after this one may have been applied already: it sorts before the cursor, or is the cursor's own file with other content. */
export function isLate(file: LandingFile, progress: Progress): boolean {
  return progress.cursor !== null && landingOrder(file.key, progress.cursor) <= 0
}

export type LateReplay =
  | { readonly kind: 'replay'; readonly files: readonly LandingFile[] }
  | { readonly kind: 'gone'; readonly missing: readonly string[] }

/**
 * What to apply so that late files (pending, or changed after they were taken) end as if they had come in time: they and all files taken after the first
 * of them, in order. Files passed over stay so; pending files that are not in `late` are the caller's to add. `gone`: taken files that would have to be
 * applied again are no longer in the landing; `missing` are their keys. `changes` are in landing order, as `listTable` gives them; `late` is not empty.
 */
export function lateReplay(
  changes: readonly LandingFile[],
  progress: Progress,
  late: readonly LandingFile[],
): LateReplay {
  const present = new Set(changes.map((file) => file.key))
  const firstLate = late.map((file) => file.key).reduce(earlierKey)
  const isToRepeat = (entry: TakenFile) => isTaken(entry) && landingOrder(entry.key, firstLate) > 0
  const takenAfter = progress.window.filter(isToRepeat).map((entry) => entry.key)
  const missing = takenAfter.filter((key) => !present.has(key))
  if (missing.length > 0) return { kind: 'gone', missing }
  const again = new Set([...takenAfter, ...late.map((file) => file.key)])
  return { kind: 'replay', files: changes.filter((file) => again.has(file.key)) }
}

export type Advance = {
  readonly lookBackMs: number
  /** Change files that were listed and that this commit neither takes nor passes over. */
  readonly stillPending: readonly LandingFile[]
  readonly primaryKey: readonly string[] | null
  readonly partitionKey: readonly string[]
}

/**
 * The progress after a commit that takes or passes over these change files (none of them: only the keys may change). A file taken again stands in the window
 * with its new identity; a skipped one stays in it for good, for a late full load must not apply it after all. `changeFilesTaken` counts a file when it is first taken; passed-over files are not counted.
 */
export function advance(progress: Progress, taken: readonly TakenFile[], options: Advance): Progress {
  const entries = new Map([...progress.window, ...taken].map((entry) => [entry.key, entry]))
  const cursor = [progress.cursor, ...taken.map((entry) => entry.key)].reduce(laterKey, null)
  const windowFrom = nextWindowFrom(progress, cursor, options)
  const countedBefore = new Set(progress.window.filter(isTaken).map((entry) => entry.key))
  // A late full load applies files again that have left the window: they were counted when they came.
  const isNew = ({ key }: TakenFile) => isAfter(progress.windowFrom, baseName(key)) && !countedBefore.has(key)
  const newlyTaken = new Set(taken.filter((entry) => isTaken(entry) && isNew(entry)).map((entry) => entry.key))
  return {
    ...progress,
    cursor,
    windowFrom,
    window: [...entries.values()]
      .filter((entry) => isAfter(windowFrom, baseName(entry.key)) || isPassedForGood(entry))
      .sort((a, b) => landingOrder(a.key, b.key)),
    changeFilesTaken: progress.changeFilesTaken + newlyTaken.size,
    primaryKey: options.primaryKey,
    partitionKey: options.partitionKey,
  }
}

/** The look-back before the cursor, held back by pending files: one that waits (behind a damaged file, in a backlog) may grow older than the look-back. */
function nextWindowFrom(
  progress: Progress,
  cursor: string | null,
  { lookBackMs, stillPending }: Advance,
): string | null {
  if (cursor === null) return progress.windowFrom
  const bounds = [lookBackName(baseName(cursor), lookBackMs), ...stillPending.map((file) => lookBackName(file.name, 0))]
  const target = bounds.reduce((least, bound) => (bound < least ? bound : least))
  return isAfter(progress.windowFrom, target) ? target : progress.windowFrom
}

const earlierKey = (a: string, b: string) => (landingOrder(a, b) < 0 ? a : b)
const laterKey = (a: string | null, b: string | null) => (a === null || (b !== null && landingOrder(a, b) < 0) ? b : a)
const isAfter = (windowFrom: string | null, name: string) => windowFrom === null || name > windowFrom
const isTaken = (entry: TakenFile) => entry.passedOver === undefined
const isPassedForGood = ({ passedOver }: TakenFile) => passedOver === 'skipped' || passedOver === 'cursor'

/** The change files whose rows the table was made of, as far as the landing still holds them. `before` are those that its full load left out. */
export function appliedChanges(
  changes: readonly LandingFile[],
  progress: Progress,
  before: readonly LandingFile[],
): LandingFile[] {
  const pending = new Set(pendingChanges(changes, progress).map(({ key }) => key))
  const passedOver = new Set([...progress.window.filter((entry) => !isTaken(entry)), ...before].map(({ key }) => key))
  const { startAfter } = progress
  const isBeforeStart = (key: string) => startAfter !== undefined && landingOrder(key, startAfter) <= 0
  return changes.filter(({ key }) => !pending.has(key) && !passedOver.has(key) && !isBeforeStart(key))
}

export type Generation =
  /** No LOAD file was ever taken and none is there: a table of changes only. */
  | { readonly kind: 'none' }
  | { readonly kind: 'first'; readonly files: readonly LandingFile[] }
  | { readonly kind: 'same' }
  /** LOAD files of the generation that came after the others were taken. */
  | { readonly kind: 'late'; readonly files: readonly LandingFile[] }
  /** A new generation of all the LOAD files present, if the content of one of `suspects` (taken, and now with another ETag) really differs. */
  | { readonly kind: 'replaced'; readonly files: readonly LandingFile[]; readonly suspects: readonly LandingFile[] }

/**
 * What the LOAD files in the landing mean against those that the table was made of. LOAD files that are gone mean nothing.
 * `replaced` is a suspicion: where `TakenFile.sha256` is known the caller compares the content of the suspects, and asks again with the keys of those
 * that turned out equal in `sameContent` (a new upload of the same bytes is nothing). A LOAD file that was skipped is a suspect too:
 * it may be the only one, and a reload of it is a reload of the table.
 */
export function generationOf(
  loads: readonly LandingFile[],
  load: LoadGeneration,
  sameContent: ReadonlySet<string> = new Set(),
): Generation {
  if (load.files.length === 0) return loads.length === 0 ? { kind: 'none' } : { kind: 'first', files: loads }
  const takenEtags = new Map(load.files.map((taken) => [taken.key, taken.etag]))
  const isSuspect = ({ key, etag }: LandingFile) =>
    takenEtags.has(key) && takenEtags.get(key) !== etag && !sameContent.has(key)
  const suspects = loads.filter(isSuspect)
  if (suspects.length > 0) return { kind: 'replaced', files: loads, suspects }
  const late = loads.filter((file) => !takenEtags.has(file.key))
  return late.length > 0 ? { kind: 'late', files: late } : { kind: 'same' }
}

/**
 * The change files that a generation leaves out for good when it replaces another: the time of their name, read in the zone, and their own object date both lie
 * before its oldest LOAD object. Either alone would drop changes: a name's time may be a zone away, and an object's date is new after any copy.
 */
export function leftOut(changes: readonly LandingFile[], loads: readonly LandingFile[], zone: string): LandingFile[] {
  if (loads.length === 0) return []
  const oldestLoadMs = loads.reduce((oldest, file) => Math.min(oldest, file.modifiedMs), Number.POSITIVE_INFINITY)
  const isBefore = (ms: number | null) => ms !== null && ms < oldestLoadMs
  return changes.filter((file) => isBefore(file.modifiedMs) && isBefore(nameTimeMs(file.name, zone)))
}

/** Whether a replacing generation's newest LOAD object is old enough (`LoadSettle`) to take it for complete. Without a settle time it always is, whatever the clocks say. */
export function settled(loads: readonly LandingFile[], nowMs: number, loadSettleMs: number): boolean {
  return loadSettleMs <= 0 || loads.every((file) => nowMs - file.modifiedMs >= loadSettleMs)
}
