import pLimit from 'p-limit'
import { type TableId, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { processTable } from '../process-table/process-table.ts'
import { refusedReport, type TableReport } from '../process-table/table-report.ts'
import type { StateItem } from '../state/state-store.ts'
import { knownTables, registerTable, registerTables, sharedFolders } from './register.ts'

export type CycleOptions = {
  /** Only these, with no discovery; empty: every table there is. */
  readonly tables: readonly TableId[]
  readonly concurrency: number
}

export type RunReport = { readonly ok: boolean; readonly tables: readonly TableReport[] }

/** One cycle: discover, register, process every active table. A table that fails or is held never stops another. */
export async function runCycle(ports: Ports, options: CycleOptions): Promise<RunReport> {
  const all = options.tables.length === 0 ? (await registerTables(ports)).items : await knownTables(ports)
  const items = options.tables.length === 0 ? all : await named(ports, all, options.tables)
  const shared = sharedFolders(ports, [...all, ...items.filter((item) => !all.includes(item))])
  const limit = pLimit(options.concurrency)
  const tables = await Promise.all(
    items.map((item) =>
      limit(() => {
        const error = shared.get(tableName(item.id))
        return error === undefined ? processTable(ports, item) : refusedReport(item, error)
      }),
    ),
  )
  return { ok: tables.every(({ status }) => status !== 'held' && status !== 'failed'), tables }
}

/** The named tables' rows; one that has none yet is registered if the landing has it. */
export async function named(
  ports: Ports,
  known: readonly StateItem[],
  names: readonly TableId[],
): Promise<readonly StateItem[]> {
  const items: StateItem[] = []
  for (const id of names) {
    const item = known.find((one) => tableName(one.id) === tableName(id)) ?? (await registerIfLanded(ports, id))
    if (!items.includes(item)) items.push(item)
  }
  return items
}

async function registerIfLanded(ports: Ports, id: TableId): Promise<StateItem> {
  const { objects } = await ports.landing.list({ prefix: `${id.schema}/${id.table}/` })
  const item = objects.length > 0 ? await registerTable(ports, id) : null
  if (item === null)
    throw new UsageError(`there is no table ${tableName(id)} in the landing or the state`, 'dmscdc tables')
  return item
}
