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

/** Somebody else who can run a table: a task or a job per table. */
export type Elsewhere = {
  /** As people call it: `ECS task`. */
  readonly what: string
  /** Starts it, and waits until it has ended. Throws a `DmscdcError` where it could not be started or was lost. */
  runTable(id: TableId): Promise<ElsewhereEnd>
}

export type ElsewhereEnd = {
  /** Null: it ended without one. */
  readonly exitCode: number | null
  /** Why it stopped, as its service says; empty for nothing. */
  readonly reason: string
  /** The name of the task or job run. */
  readonly name: string
}
