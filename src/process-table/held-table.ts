import type { CatalogRecord, Snapshot, View } from '../domain.ts'
import type { StateRow } from '../state/state-store.ts'
import type { CatalogStanding } from './publish-catalog.ts'
import type { TableRun } from './table-run.ts'

/** A table whose lease this run holds, and what the work on it leaves for the row to repeat. */
export type HeldTable = {
  /** As the row was when the lease was taken. */
  run: TableRun
  readonly runId: string
  /** A run before this one did not end well: the row does not know how far it came. */
  readonly takenOver: boolean
  /** What a run before this one staged may lie about. */
  unswept: boolean
  /** What this run staged may lie about: it could not take it away, or may not. The next run has to look for it. */
  littered: boolean
  /** False while this run stages, finishes or publishes: where it fails then, something is left that the row knows nothing of. */
  settled: boolean
  /** No commit may be sent after this moment; it moves with each renewal. */
  notAfterMs(): number
  /** False when another run has taken the table over. */
  renew(): Promise<boolean>
  /** Writes attributes into the row at once; false when another run has taken the table over. */
  note(attributes: StateRow): Promise<boolean>
  /** The operator's command sets the table inactive, in the write that releases it. */
  setInactive: boolean
  /** What finish has made true so far. */
  finished: { readonly head: Snapshot; readonly published: readonly View[]; readonly nowMs: number } | null
  /** What the catalog has of the table. */
  catalog: CatalogRecord | null
  /** Of the catalog to what this run finished last. */
  catalogStanding: CatalogStanding
  /** Landing files that this run took away; `askAgainMs`: some stay that nobody is known to have taken, seen now. */
  cleared: { readonly gone: ReadonlySet<string>; readonly askAgainMs: number | null } | null
  /** Paths that this run put into the data folder. */
  placed: readonly string[]
  /** False while something waits for time to pass: then the next run must look again, whatever has landed. */
  upToDate: boolean
}
