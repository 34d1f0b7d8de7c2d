import { type TableId, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { type RestoreAsked, restoreVersion } from '../process-table/restore-version.ts'
import { withTableRun } from '../process-table/table-run.ts'
import { knownTables } from './register.ts'

/** Brings back a version as a new commit, and sets the table inactive. Returns the version that says so. */
export async function restoreTable(ports: Ports, id: TableId, asked: RestoreAsked): Promise<number> {
  const item = (await knownTables(ports)).find((one) => tableName(one.id) === tableName(id))
  if (item === undefined) throw new UsageError(`there is no table ${tableName(id)} in the state`, 'dmscdc tables')
  return withTableRun(ports, item, (run) => restoreVersion(run, asked))
}
