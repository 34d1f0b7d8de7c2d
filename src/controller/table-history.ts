import type { TableId } from '../domain.ts'
import { type HistoryEntry, readHistory } from '../lake/history.ts'
import type { Ports } from '../ports.ts'
import { openHead } from '../process-table/open-head.ts'
import { withTableRun } from '../process-table/table-run.ts'
import { named } from './named-tables.ts'
import { knownTables } from './register.ts'

/** The commits of a table, newest first. */
export async function tableHistory(ports: Ports, id: TableId): Promise<readonly HistoryEntry[]> {
  const [item] = await named(ports, await knownTables(ports), [id])
  if (item === undefined) return []
  return withTableRun(ports, item, async (run) => {
    const head = await openHead(run)
    return head === null ? [] : readHistory(run.ports.lake, run.place, { head: head.version })
  })
}
