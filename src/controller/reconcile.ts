import { type TableId, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { withTableRun } from '../process-table/table-run.ts'
import { type ReconcileOptions, type Reconciliation, reconcileTable } from '../reconcile/reconcile-table.ts'
import type { OpenSource } from '../source/source.ts'
import { registerNamed } from './named-tables.ts'
import { knownTables } from './register.ts'

/** Compares one table of the lake with its source, key by key; `repair` mends what differs. */
export async function reconcile(
  ports: Ports,
  id: TableId,
  openSource: OpenSource,
  options: ReconcileOptions,
): Promise<Reconciliation> {
  const [item] = await registerNamed(ports, await knownTables(ports), [id])
  if (item === undefined) throw new UsageError(`there is no table ${tableName(id)}`, 'dmscdc tables')
  return withTableRun(ports, item, (run) => reconcileTable(run, openSource, options))
}
