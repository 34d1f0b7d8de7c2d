import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { type ChangeCounts, type TableId, tableName } from '../domain.ts'
import type { Ports } from '../ports.ts'
import { type Rehearsal, rehearse } from '../process-table/rehearse.ts'
import { isActive, refusedReport, type TableReport } from '../process-table/table-report.ts'
import { readSettings } from '../process-table/table-run.ts'
import type { StateItem } from '../state/state-store.ts'
import { named } from './named-tables.ts'
import { discoveredTables, sharedFolders } from './register.ts'
import { inThisProcess } from './run-cycle.ts'

/** What `plan --json` prints of a table (CONTRACT §1). */
export type TablePlan = {
  readonly table: string
  readonly work: 'inactive' | 'idle' | 'initial' | 'incremental' | 'held'
  /** Landing files to be taken, in order: keys below the table. */
  readonly inputs: readonly string[]
  readonly changes: ChangeCounts
  readonly filesToRewrite: number
  readonly bytesToRead: number
  readonly bytesToWrite: number
  readonly requests: { readonly [verb: string]: number }
  readonly costUsd: number
  readonly error: TableReport['error']
}

/**
 * What `run` would do, table by table: it is run, on stores that keep their writes to themselves. So what a plan says of
 * requests and bytes is what the run upon the same landing and lake says when it has ended.
 */
export async function planTables(
  ports: Ports,
  names: readonly TableId[],
  dispatcherOf: (rehearsed: Ports) => Dispatcher = (rehearsed) => inThisProcess(rehearsed, { concurrency: 1 }),
): Promise<readonly TablePlan[]> {
  const all = await discoveredTables(ports)
  const items = names.length === 0 ? all : await named(ports, all, names)
  const shared = sharedFolders(ports, all)
  const rehearsal = rehearse(ports, all)
  const dispatcher = dispatcherOf(rehearsal.ports)
  const plans: TablePlan[] = []
  for (const item of items) {
    const error = shared.get(tableName(item.id))
    if (isActive(item))
      ports.log.info({ table: tableName(item.id) }, 'is planned: what a run would do is done without effect')
    const report = error === undefined ? await rehearsed(rehearsal, dispatcher, item) : refusedReport(item, error)
    const inputs = report.files === 0 ? [] : await rehearsal.inputs(readSettings(ports, item).place)
    await rehearsal.clear()
    plans.push(planOf(report, inputs))
  }
  return plans
}

async function rehearsed({ ports }: Rehearsal, dispatcher: Dispatcher, item: StateItem): Promise<TableReport> {
  return dispatcher.dispatch((await ports.state.get(item.id)) ?? item)
}

function planOf(report: TableReport, inputs: readonly string[]): TablePlan {
  const { table, status, changes, filesRewritten, bytesRead, bytesWritten, requests, error } = report
  return {
    table,
    work: status === 'failed' ? 'held' : status,
    inputs,
    changes,
    filesToRewrite: filesRewritten,
    bytesToRead: bytesRead,
    bytesToWrite: bytesWritten,
    requests,
    costUsd: requestCostUsd(requests),
    error,
  }
}

/** S3 Standard's list prices, us-east-1: put, copy and list at 5 dollars a million, get at 0.4; deletes are free. */
function requestCostUsd({ get = 0, put = 0, copy = 0, list = 0 }: TableReport['requests']): number {
  return ((put + copy + list) * 5 + get * 0.4) / 1e6
}
