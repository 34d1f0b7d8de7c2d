import { type TableId, tableName } from '../domain.ts'
import { asDmscdcError, DmscdcError, UsageError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { type CompactAsked, compactTable, type TableCompaction } from '../process-table/compact-table.ts'
import { describe, type TableReport } from '../process-table/table-report.ts'
import { readSettings, withTableRun } from '../process-table/table-run.ts'
import type { StateItem } from '../state/state-store.ts'
import { knownTables, sharedFolders } from './register.ts'

/** What `compact --json` prints of a table; with an error nothing was committed. */
export type TableCompacted = {
  readonly table: string
  readonly error: TableReport['error']
} & (TableCompaction | { readonly version: null })

/**
 * Compacts the tables that are named, or all that were loaded (of these, those without a key are not sorted), one after the other. What goes
 * wrong with one stands beside it.
 */
export async function compactTables(
  ports: Ports,
  names: readonly TableId[],
  asked: CompactAsked,
): Promise<readonly TableCompacted[]> {
  const known = await knownTables(ports)
  const shared = sharedFolders(ports, known)
  const compactOne = async (item: StateItem, options: CompactAsked): Promise<TableCompacted> => {
    const table = tableName(item.id)
    try {
      const error = shared.get(table)
      if (error !== undefined) throw error
      return { table, ...(await withTableRun(ports, item, (run) => compactTable(run, options))), error: null }
    } catch (thrown) {
      if (thrown instanceof UsageError) throw thrown
      return { table, version: null, error: describe(asDmscdcError(thrown), table) }
    }
  }
  const compacted: TableCompacted[] = []
  if (names.length > 0) for (const id of names) compacted.push(await compactOne(named(known, id), asked))
  else
    for (const item of known) {
      const found = settingsOf(ports, item)
      if (found === null || found.mirror.version === null) continue
      compacted.push(await compactOne(item, { clusterByKey: asked.clusterByKey && found.config.primaryKey !== null }))
    }
  return compacted
}

/** Null for a row that does not validate: it holds its table, and the next run says so. */
function settingsOf(ports: Ports, item: StateItem) {
  try {
    return readSettings(ports, item)
  } catch (thrown) {
    if (thrown instanceof DmscdcError) return null
    throw thrown
  }
}

function named(known: readonly StateItem[], id: TableId): StateItem {
  const item = known.find((one) => tableName(one.id) === tableName(id))
  if (item === undefined) throw new UsageError(`there is no table ${tableName(id)} in the state`, 'dmscdc tables')
  return item
}
