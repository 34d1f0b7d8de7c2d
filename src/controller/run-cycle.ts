import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { defaultDeadlineMs, inProcess } from '../dispatch/in-process.ts'
import { type TableId, tableName } from '../domain.ts'
import { countRequests } from '../objects/counting-objects.ts'
import type { RequestVerb } from '../objects/request-ledger.ts'
import type { Ports } from '../ports.ts'
import { refusedReport, type TableReport } from '../process-table/table-report.ts'
import { sum } from '../sum.ts'
import { registerNamed } from './named-tables.ts'
import { knownTables, registerTables, sharedFolders } from './register.ts'

export type CycleOptions = {
  /** Only these, with no discovery; empty: every table there is. */
  readonly tables: readonly TableId[]
  /** In this process, so many at a time, where no dispatcher says otherwise. */
  readonly concurrency: number
  readonly dispatcher?: Dispatcher
}

export type RunReport = {
  readonly ok: boolean
  readonly tables: readonly TableReport[]
  /** Of the whole cycle: of the tables, and of the discovery before them. */
  readonly requests: { readonly [verb in RequestVerb]: number }
}

/** One cycle: discover, register, process every active table. A table that fails or is held never stops another. */
export async function runCycle(uncounted: Ports, options: CycleOptions): Promise<RunReport> {
  const { tables: names, concurrency } = options
  const dispatcher = options.dispatcher ?? inThisProcess(uncounted, { concurrency })
  const landing = countRequests(uncounted.landing)
  const ports = { ...uncounted, landing: landing.store }
  const all = names.length === 0 ? (await registerTables(ports)).items : await knownTables(ports)
  const items = names.length === 0 ? all : await registerNamed(ports, all, names)
  const shared = sharedFolders(ports, [...all, ...items.filter((item) => !all.includes(item))])
  const tables = await Promise.all(
    items.map(async (item) => {
      const error = shared.get(tableName(item.id))
      const report = error === undefined ? await dispatcher.dispatch(item) : refusedReport(item, error)
      logEnd(ports, report)
      return report
    }),
  )
  return {
    ok: tables.every(({ status }) => status !== 'held' && status !== 'failed'),
    tables,
    requests: addRequests([landing.counts().requests, ...tables.map(({ requests }) => requests)]),
  }
}

/** The memory is the engine's own matter, and there is time. */
export function inThisProcess(ports: Ports, options: { readonly concurrency: number }): Dispatcher {
  return inProcess(ports, { ...options, memoryBytes: Number.POSITIVE_INFINITY, deadlineMs: defaultDeadlineMs })
}

function logEnd({ log }: Ports, report: TableReport): void {
  const { table, status, version, files, bytesRead, bytesWritten, ms, error } = report
  if (status === 'inactive') return
  const fields = { table, status, version, files, bytesRead, bytesWritten, ms }
  if (error === null) log.info(fields, status)
  else
    log.warn(
      { ...fields, kind: error.kind, error: error.message, hint: error.hint },
      `${table} ${status}: ${error.message}`,
    )
}

function addRequests(counts: readonly { readonly [verb: string]: number }[]): RunReport['requests'] {
  const total = (verb: RequestVerb) => sum(counts.map((count) => count[verb] ?? 0))
  return { get: total('get'), put: total('put'), copy: total('copy'), list: total('list'), delete: total('delete') }
}
