import { type ChangeCounts, noChanges, type Snapshot } from '../domain.ts'

/** What the run of a table comes to, summed over its commits. */
export type Totals = {
  head: Snapshot | null
  /** The table turned out to be inactive: nothing was taken. */
  inactive: boolean
  loaded: boolean
  merged: boolean
  files: number
  /** When the newest landing file that was taken landed, and when the commit was made that took it. */
  newest: { readonly landedMs: number; readonly committedMs: number } | null
  changes: ChangeCounts
  filesRewritten: number
  filesAdded: number
  filesRemoved: number
  readonly warnings: string[]
}

export function newTotals(): Totals {
  return {
    head: null,
    inactive: false,
    loaded: false,
    merged: false,
    files: 0,
    newest: null,
    changes: noChanges,
    filesRewritten: 0,
    filesAdded: 0,
    filesRemoved: 0,
    warnings: [],
  }
}
