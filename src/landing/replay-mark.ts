import type { LandingFile, Progress, TakenFile } from '../domain.ts'
import { landingOrder } from './names.ts'
import { isPendingKey, pendingChanges } from './pending.ts'

/** The progress with the mark of a replay: these files, taken before, are to be taken again. One that is under way goes on. */
export function withReplay(progress: Progress, again: readonly Pick<TakenFile, 'key'>[]): Progress {
  const { replay } = progress
  const last = [...again, ...(replay === undefined ? [] : [{ key: replay.upTo }])]
    .map(({ key }) => key)
    .sort(landingOrder)
  const upTo = last.at(-1)
  return upTo === undefined ? progress : { ...progress, replay: { ...replay, upTo } }
}

/** The replay that still waits for files; undefined: none, or they are all taken or passed over. */
export function replayLeft(progress: Progress, changes: readonly LandingFile[]): Progress['replay'] {
  const { replay } = progress
  if (replay === undefined) return undefined
  const isLeft = pendingChanges(changes, progress).some(({ key }) => landingOrder(key, replay.upTo) <= 0)
  return isLeft || isPendingKey(replay.upTo, progress) ? replay : undefined
}

export type CommitOnReplay = {
  readonly version: number
  readonly changes: readonly LandingFile[]
  /** It applies landing files. */
  readonly takes: boolean
  /** It brings back rows that the table had, whatever is to be taken again on top of them. */
  readonly restores: boolean
}

/**
 * The progress of a commit, `after`, with what it does to the replay that it comes into. Between the first file that is taken again and the
 * last the rows are what the table never was: there `underWay` holds the views back. The version that ends it is `shownFrom`.
 */
export function advanceReplay(before: Progress | null, after: Progress, commit: CommitOnReplay): Progress {
  const { replay: _, shownFrom: __, ...others } = after
  const left = replayLeft(after, commit.changes)
  const wasUnderWay = before?.replay?.underWay === true
  const isUnderWay = left !== undefined && !commit.restores && (wasUnderWay || commit.takes)
  const shownFrom = wasUnderWay && !isUnderWay ? commit.version : before?.shownFrom
  return {
    ...others,
    ...(left === undefined ? {} : { replay: { upTo: left.upTo, ...(isUnderWay ? { underWay: true as const } : {}) } }),
    ...(shownFrom === undefined ? {} : { shownFrom }),
  }
}
