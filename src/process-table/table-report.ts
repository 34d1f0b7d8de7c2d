import { type ChangeCounts, noChanges, tableName } from '../domain.ts'
import { type DmscdcError, type ErrorKind, errorPolicy, printable, shellWord } from '../errors.ts'
import type { StateItem } from '../state/state-store.ts'

/** What happened to one table in one run; printed by `run --json` (CONTRACT §1). */
export type TableReport = {
  readonly table: string
  readonly status: 'inactive' | 'idle' | 'initial' | 'incremental' | 'held' | 'failed'
  readonly version: number | null
  /** Landing files taken. */
  readonly files: number
  readonly changes: ChangeCounts
  readonly filesRewritten: number
  readonly filesAdded: number
  readonly filesRemoved: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly requests: { readonly [verb: string]: number }
  readonly ms: number
  /**
   * Of a table that was written: from the moment when the newest of the landing files taken landed to the commit that took it.
   * Of one that is held or failed: for how long its oldest landing file that was not taken has waited. Null where nothing waits.
   */
  readonly freshnessSeconds: number | null
  readonly warnings: readonly string[]
  readonly error: { readonly kind: ErrorKind; readonly message: string; readonly hint: string } | null
}

/** A table's settings are looked at before anything else: an inactive table is left alone whatever else is wrong. */
export function refusedReport(item: StateItem, error: DmscdcError): TableReport {
  const active = isActive(item)
  return {
    ...emptyReport(tableName(item.id)),
    status: active ? errorPolicy[error.kind].status : 'inactive',
    error: active ? describe(error, tableName(item.id)) : null,
  }
}

/** Of a row that may not validate otherwise. */
export function isActive({ row }: StateItem): boolean {
  const flag = row?.ActiveFlag
  return flag === true || (typeof flag === 'string' && flag.toLowerCase() === 'true')
}

export function emptyReport(table: string): TableReport {
  return {
    table,
    status: 'idle',
    version: null,
    files: 0,
    changes: noChanges,
    filesRewritten: 0,
    filesAdded: 0,
    filesRemoved: 0,
    bytesRead: 0,
    bytesWritten: 0,
    requests: {},
    ms: 0,
    freshnessSeconds: null,
    warnings: [],
    error: null,
  }
}

/** The error as operators see it; `<table>` in a hint becomes the table's name. */
export function describe(error: DmscdcError, table: string) {
  return {
    kind: error.kind,
    message: error.message,
    hint: error.hint.replaceAll('<table>', () => printable(shellWord(table))),
  }
}
