import type { TableId } from '../domain.ts'
import type { TableReport } from '../process-table/table-report.ts'
import type { StateItem } from '../state/state-store.ts'

/** Where the tables of a cycle are worked on. */
export type Dispatcher = {
  /** One table to its end. Never rejects, and never takes another table down. */
  dispatch(item: StateItem): Promise<TableReport>
  /** Tables whose deadline passed: calls for them may still be under way when the cycle ends. */
  overdue(): readonly string[]
}

/** Somebody else who can run a table: a task or a job per table. Every adapter passes `test/dispatch-elsewhere.test.ts`. */
export type Elsewhere = {
  /** As people call it: `ECS task`. */
  readonly what: string
  /**
   * Starts `dmscdc run --table` for it, waits until that has ended, and stops it where it takes longer than `deadlineMs`.
   * Throws `invalid-config` where it can never start, `unavailable` where it could not this time or was lost sight of.
   */
  runTable(id: TableId, deadlineMs: number): Promise<ElsewhereEnd>
}

export type ElsewhereEnd = {
  /** Of the process; null: it ended without one, or never began. */
  readonly exitCode: number | null
  /** Why it stopped, as its service says; empty for nothing. */
  readonly reason: string
  /** The name of the task or job run. */
  readonly name: string
}
