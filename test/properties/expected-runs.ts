import type { History, HistoryFile } from '../support/histories.ts'
import { applied, type Contents, type Counts, countsOf, inSequence } from '../support/oracle.ts'

/** What one run must come to. */
export type ExpectedRun = {
  /** The table after it. */
  readonly contents: Contents
  readonly counts: Counts
  /** Landing files that its commits name; one that is applied again counts again. */
  readonly files: number
}

/**
 * What each run of a history must leave and report. A run takes late full-load files first (and on a keyed table all
 * changes taken so far again on top of them), then late change files (and those taken after the first of them again),
 * then what is pending.
 */
export function expectedRuns(history: History): readonly ExpectedRun[] {
  let taken: readonly HistoryFile[] = []
  return Array.from({ length: history.runs }, (_, run) => {
    const arrived = history.files.filter(({ arrives }) => arrives === run)
    let counts: Counts = { inserted: 0, updated: 0, deleted: 0, unchanged: 0, ignored: 0 }
    let files = 0
    for (const batch of batches(history, taken, arrived)) {
      const next = history.files.filter((file) => taken.includes(file) || batch.includes(file))
      const changes = batch.flatMap((file) => file.changes)
      counts = sum(counts, countsOf(history.table, contentsOf(history, taken), contentsOf(history, next), changes))
      files += batch.length
      taken = next
    }
    return { contents: contentsOf(history, taken), counts, files }
  })
}

type Files = readonly HistoryFile[]

function contentsOf({ table }: History, files: Files): Contents {
  const changes = files.flatMap((file) => file.changes)
  return applied(table, new Map(), inSequence(table, changes))
}

function batches({ table, oneFilePerBatch }: History, taken: Files, arrived: Files): readonly Files[] {
  const keyed = table.keyColumns.length > 0
  const [loads, changes] = [ofKind(arrived, 'load'), ofKind(arrived, 'change')]
  const takenChanges = ofKind(taken, 'change')
  const isLate = (file: HistoryFile) => keyed && takenChanges.some((other) => nameOf(other) > nameOf(file))
  const late = changes.filter(isLate)
  const replayed = [...takenChanges.filter((file) => nameOf(file) > nameOf(late[0] ?? file)), ...late].sort(byName)
  const next = changes.filter((file) => !isLate(file))
  return [
    keyed ? [...loads, ...(loads.length > 0 ? takenChanges : [])] : loads,
    late.length > 0 ? replayed : [],
    ...(oneFilePerBatch ? next.map((file) => [file]) : [next]),
  ].filter((batch) => batch.length > 0)
}

const ofKind = (files: Files, kind: HistoryFile['kind']) => files.filter((file) => file.kind === kind)
const nameOf = ({ key }: HistoryFile) => key.slice(key.lastIndexOf('/') + 1)
const byName = (a: HistoryFile, b: HistoryFile) => (nameOf(a) < nameOf(b) ? -1 : 1)

function sum(a: Counts, b: Counts): Counts {
  return {
    inserted: a.inserted + b.inserted,
    updated: a.updated + b.updated,
    deleted: a.deleted + b.deleted,
    unchanged: a.unchanged + b.unchanged,
    ignored: a.ignored + b.ignored,
  }
}
