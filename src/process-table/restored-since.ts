import type { Snapshot } from '../domain.ts'
import type { TableRun } from './table-run.ts'

/**
 * Whether the table was restored after this run read its row. Then nothing is done on it: a restore sets the table inactive, and what
 * this row says of that is older.
 */
export function isRestoredSince({ mirror }: Pick<TableRun, 'mirror'>, head: Snapshot | null): boolean {
  const restored = head?.progress.restored
  return restored !== undefined && restored.version > (mirror.version ?? -1)
}
