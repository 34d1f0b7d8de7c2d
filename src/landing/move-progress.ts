/**
 * The progress when an operator moves it: back, so that files are taken again, or forward, so that they are passed over. The invariants
 * of `pending.ts` hold afterwards too.
 */
import { type LandingFile, noProgress, type Progress, type TakenFile } from '../domain.ts'
import { baseName, landingOrder, lookBackName } from './names.ts'
import { appliedChanges, pendingChanges } from './pending.ts'

/** A place between two change files in landing order; after null: before all of them. */
export type Point = { readonly after: string | null } | { readonly before: string }

/**
 * Every listed change file behind the point is pending again. Two kinds stay passed over: those that the full load left out (`before`), and
 * those that the command `skip` named, unless the point names one itself.
 */
export function moveBack(
  changes: readonly LandingFile[],
  progress: Progress,
  point: Point,
  before: readonly LandingFile[],
): Progress {
  const again = takenAgain(changes, progress, point, before)
  const againKeys = new Set(again.map(({ key }) => key))
  const first = again[0]
  const windowFrom =
    first === undefined ? progress.windowFrom : earlier(progress.windowFrom, lookBackName(first.name, 0))
  const behind = isBehind(point)
  const cursor = 'after' in point ? point.after : lastKey([...changes, ...progress.window], (key) => !behind(key))
  const counted = appliedChanges(changes, progress, before).filter(({ key }) => againKeys.has(key))
  const entries = [...progress.window, ...entriesOf(changes, progress, before)].filter(({ key }) => !againKeys.has(key))
  const { startAfter, settledUpTo, ...others } = progress
  return {
    ...others,
    ...bound('startAfter', startAfter, cursor),
    ...bound('settledUpTo', settledUpTo, cursor),
    cursor,
    windowFrom,
    window: inWindow(windowFrom, entries),
    changeFilesTaken: Math.max(0, progress.changeFilesTaken - counted.length),
  }
}

/** The change files that `moveBack` makes pending again, in landing order. */
export function takenAgain(
  changes: readonly LandingFile[],
  progress: Progress,
  point: Point,
  before: readonly LandingFile[],
): LandingFile[] {
  const behind = isBehind(point)
  const pending = new Set(pendingChanges(changes, progress).map(({ key }) => key))
  const named = 'before' in point ? point.before : null
  const isSkipped = ({ key, passedOver }: TakenFile) => passedOver === 'skipped' && key !== named
  const stay = new Set(
    [...progress.window.filter((entry) => isSkipped(entry) || entry.passedOver === 'before-load'), ...before].map(
      ({ key }) => key,
    ),
  )
  return changes.filter(({ key }) => behind(key) && !pending.has(key) && !stay.has(key))
}

/**
 * Taken files that are gone and sort after the first that is taken again: without them its keys would fall back to older values. `takenKeys`
 * are all that were ever taken.
 */
export function goneAfter(
  first: LandingFile | undefined,
  takenKeys: readonly string[],
  changes: readonly LandingFile[],
): string[] {
  if (first === undefined) return []
  const present = new Set(changes.map(({ key }) => key))
  return takenKeys.filter((key) => landingOrder(key, first.key) > 0 && !present.has(key))
}

/**
 * Files up to `key` count as taken from now on; `passed` are those that were pending, noted for good. A table that is to be made anew loses none
 * of the files that it was made of: those that a replay is to take again, up to its mark, are not passed over.
 */
export function moveForward(
  changes: readonly LandingFile[],
  progress: Progress,
  key: string,
): { readonly progress: Progress; readonly passed: readonly LandingFile[] } {
  const pending = pendingChanges(changes, progress).filter((file) => landingOrder(file.key, key) <= 0)
  const again = progress.reload === true ? progress.replay?.upTo : undefined
  const passed = again === undefined ? pending : pending.filter((file) => landingOrder(file.key, again) > 0)
  const entries = [...progress.window, ...passed.map((file) => entryOf(file, 'cursor'))]
  if (again !== undefined) return { progress: { ...progress, window: inWindow(progress.windowFrom, entries) }, passed }
  const name = baseName(key)
  const namesakes = changes.some((file) => file.name === name && landingOrder(file.key, key) > 0)
  const windowFrom = later(progress.windowFrom, namesakes ? lookBackName(name, 0) : name)
  const settled = progress.settledUpTo
  const settledUpTo = settled !== undefined && landingOrder(settled, key) > 0 ? settled : key
  return {
    progress: { ...progress, cursor: key, windowFrom, window: inWindow(windowFrom, entries), settledUpTo },
    passed,
  }
}

/** The progress of a table that begins behind a change file, or at the first. */
export function startBehind(key: string | null): Progress {
  if (key === null) return noProgress
  return { ...noProgress, cursor: key, windowFrom: baseName(key), startAfter: key, settledUpTo: key }
}

/**
 * The progress of a table that another job brought up to a change file: all listed files up to it are taken. Names within the look-back that turn
 * up later are still late files.
 */
export function takenUpTo(changes: readonly LandingFile[], key: string | null, lookBackMs: number): Progress {
  if (key === null) return noProgress
  const taken = changes.filter((file) => landingOrder(file.key, key) <= 0)
  const windowFrom = lookBackName(baseName(key), lookBackMs)
  const window = inWindow(
    windowFrom,
    taken.map((file) => entryOf(file)),
  )
  return { ...noProgress, cursor: key, windowFrom, window, changeFilesTaken: taken.length, settledUpTo: key }
}

/** The progress when the table is made anew: only what was passed over by an operator stays so. */
export function startOver(progress: Progress): Progress {
  const { obeyed, startAfter, window } = progress
  const passed = window.filter(({ passedOver }) => passedOver === 'skipped' || passedOver === 'cursor')
  const start = startBehind(startAfter ?? null)
  return { ...start, window: passed, ...(obeyed === undefined ? {} : { obeyed }) }
}

/**
 * The progress of a table that was emptied because its landing files are gone: only files behind the cursor are part of it,
 * and none of those before is ever needed.
 */
export function emptied({ cursor, obeyed, primaryKey, partitionKey }: Progress): Progress {
  const { settledUpTo: _, ...behind } = startBehind(cursor)
  return { ...behind, primaryKey, partitionKey, ...(obeyed === undefined ? {} : { obeyed }) }
}

export function entryOf(file: LandingFile, passedOver?: TakenFile['passedOver']): TakenFile {
  const { key, etag, sizeBytes } = file
  return { key, etag, sizeBytes, sha256: null, ...(passedOver === undefined ? {} : { passedOver }) }
}

/** What the window does not hold because it lies before it, as entries. */
function entriesOf(
  changes: readonly LandingFile[],
  progress: Progress,
  before: readonly LandingFile[],
): readonly TakenFile[] {
  const known = new Set([...pendingChanges(changes, progress), ...progress.window].map(({ key }) => key))
  const applied = new Set(appliedChanges(changes, progress, before).map(({ key }) => key))
  const leftOut = new Set(before.map(({ key }) => key))
  return changes
    .filter(({ key }) => !known.has(key))
    .map((file) => entryOf(file, applied.has(file.key) ? undefined : leftOut.has(file.key) ? 'before-load' : 'cursor'))
}

function inWindow(windowFrom: string | null, entries: readonly TakenFile[]): readonly TakenFile[] {
  return entries
    .filter(
      ({ key, passedOver }) =>
        windowFrom === null || baseName(key) > windowFrom || passedOver === 'skipped' || passedOver === 'cursor',
    )
    .sort((a, b) => landingOrder(a.key, b.key))
}

function isBehind(point: Point): (key: string) => boolean {
  if ('before' in point) return (key) => landingOrder(key, point.before) >= 0
  const { after } = point
  return (key) => after === null || landingOrder(key, after) > 0
}

/** A bound that the point has passed moves back with it. */
function bound(name: 'startAfter' | 'settledUpTo', key: string | undefined, cursor: string | null) {
  if (key === undefined || cursor === null) return {}
  return { [name]: landingOrder(key, cursor) > 0 ? cursor : key }
}

function lastKey(files: readonly { readonly key: string }[], isWanted: (key: string) => boolean): string | null {
  const keys = files.map(({ key }) => key).filter(isWanted)
  return keys.reduce<string | null>((last, key) => (last === null || landingOrder(last, key) < 0 ? key : last), null)
}

const earlier = (bound: string | null, name: string) => (bound === null || bound < name ? bound : name)
const later = (bound: string | null, name: string) => (bound === null || bound < name ? name : bound)
