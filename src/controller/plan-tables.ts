import { type ChangeCounts, noChanges, type TableId, tableName } from '../domain.ts'
import { asDmscdcError, type DmscdcError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { planTable, type WorkPlan } from '../process-table/plan-table.ts'
import { describe, type TableReport } from '../process-table/table-report.ts'
import { readSettings, seenBefore, type TableRun, withTableRun } from '../process-table/table-run.ts'
import type { StateItem } from '../state/state-store.ts'
import { discoveredTables, sharedFolders } from './register.ts'
import { named } from './run-cycle.ts'

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

/** What `run` would do next, table by table. */
export async function planTables(ports: Ports, names: readonly TableId[]): Promise<readonly TablePlan[]> {
  const all = await discoveredTables(ports)
  const items = names.length === 0 ? all : await named(ports, all, names)
  const shared = sharedFolders(ports, all)
  const plans: TablePlan[] = []
  for (const item of items) plans.push(await planOne(ports, item, shared.get(tableName(item.id)) ?? null))
  return plans
}

async function planOne(ports: Ports, item: StateItem, sharedFolder: DmscdcError | null): Promise<TablePlan> {
  const table = tableName(item.id)
  try {
    if (!readSettings(ports, item).config.active) return { ...nothing(table), work: 'inactive' }
    if (sharedFolder !== null) throw sharedFolder
    return await withTableRun(ports, item, async (run) =>
      seenBefore(run) ? { ...nothing(table), requests: { list: 1 } } : told(run, await planTable(run)),
    )
  } catch (thrown) {
    return { ...nothing(table), work: 'held', error: describe(asDmscdcError(thrown), table) }
  }
}

function told({ item }: TableRun, plan: WorkPlan): TablePlan {
  const { work, requests, ...measures } = plan
  const table = tableName(item.id)
  return {
    table,
    ...shown(work),
    ...measures,
    requests,
    costUsd: requestCostUsd(requests),
    error: work.kind === 'held' ? describe(work.error, table) : null,
  }
}

function shown(work: WorkPlan['work']): Pick<TablePlan, 'work' | 'inputs'> {
  const keys = (files: readonly { readonly key: string }[]) => files.map(({ key }) => key)
  switch (work.kind) {
    case 'initial':
      return { work: 'initial', inputs: keys(work.loads) }
    case 'rebuild':
      return { work: 'initial', inputs: keys([...work.loads, ...work.changes]) }
    case 'incremental':
      return { work: 'incremental', inputs: keys(work.files) }
    case 'rekey':
    case 'retype':
    case 'adopt':
    case 'truncate':
    case 'move':
      return { work: 'incremental', inputs: [] }
    case 'idle':
    case 'held':
      return { work: work.kind, inputs: [] }
  }
}

function nothing(table: string): TablePlan {
  return {
    table,
    work: 'idle',
    inputs: [],
    changes: noChanges,
    filesToRewrite: 0,
    bytesToRead: 0,
    bytesToWrite: 0,
    requests: {},
    costUsd: 0,
    error: null,
  }
}

/** S3 Standard's list prices, us-east-1: put, copy and list at 5 dollars a million, get at 0.4; deletes are free. */
function requestCostUsd({ get, put, copy, list }: WorkPlan['requests']): number {
  return ((put + copy + list) * 5 + get * 0.4) / 1e6
}
