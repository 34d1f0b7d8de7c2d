import type { RunReport } from './controller/run-cycle.ts'
import { compareBytes } from './domain.ts'
import type { TableReport } from './process-table/table-report.ts'
import { sum } from './sum.ts'

/**
 * A cycle as CloudWatch metrics in the embedded metric format: one JSON text per line, for the log stream. Namespace
 * `dmscdc`; totals have no dimension, and each table that was worked on, or should have been, has the dimension `Table`.
 * CloudWatch bills each metric of each table: of a table only `metricsOfTables` are some, all else is for queries of the log.
 */
export function metricsLines(
  report: RunReport,
  run: { readonly id: string; readonly nowMs: number; readonly ms: number },
): string[] {
  const tables = report.tables.filter(({ status }) => status !== 'inactive' && status !== 'idle')
  const lines = tables.map((table) => metricsLine({ ...run, table: table.table }, tableMetrics(table)))
  return [...lines, metricsLine(run, totalsOf(report, run.ms))]
}

/** A cycle that ended before it could say anything of its tables. */
export function failedRunLine(run: { readonly id: string; readonly nowMs: number; readonly ms: number }): string {
  return metricsLine(run, { ...counted({ Runs: 1, RunsFailed: 1, TablesFailed: 1 }), Seconds: seconds(run.ms) })
}

const metricsOfTables: readonly string[] = ['FreshnessSeconds', 'RowsChanged']

type Metric = { readonly unit: 'Count' | 'Seconds' | 'Bytes'; readonly value: number }
type Metrics = { readonly [name: string]: Metric }

function metricsLine(
  at: { readonly id: string; readonly nowMs: number; readonly table?: string },
  metrics: Metrics,
): string {
  const names = Object.keys(metrics).sort(compareBytes)
  const dimensions = at.table === undefined ? [] : ['Table']
  return JSON.stringify({
    _aws: {
      Timestamp: at.nowMs,
      CloudWatchMetrics: [
        {
          Namespace: 'dmscdc',
          Dimensions: [dimensions],
          Metrics: names
            .filter((name) => at.table === undefined || metricsOfTables.includes(name))
            .map((name) => ({ Name: name, Unit: metrics[name]?.unit })),
        },
      ],
    },
    run: at.id,
    ...(at.table === undefined ? {} : { Table: at.table }),
    ...Object.fromEntries(names.map((name) => [name, metrics[name]?.value])),
  })
}

function totalsOf({ tables, requests }: RunReport, ms: number): Metrics {
  const fresh = tables.flatMap(({ freshnessSeconds }) => freshnessSeconds ?? [])
  const failed = tables.filter(({ status }) => status === 'failed').length
  return {
    ...counted({ Runs: 1, RunsFailed: 0, TablesFailed: failed }),
    ...counted({ TablesHeld: tables.filter(({ status }) => status === 'held').length }),
    ...counted({ Tables: tables.filter(({ status }) => status !== 'inactive').length }),
    ...work(tables),
    ...counted({ Requests: sum(Object.values(requests)) }),
    ...(fresh.length === 0 ? {} : { FreshnessSeconds: { unit: 'Seconds', value: Math.max(...fresh) } as const }),
    Seconds: seconds(ms),
  }
}

function tableMetrics(table: TableReport): Metrics {
  const { freshnessSeconds: fresh, requests, ms } = table
  return {
    ...work([table]),
    ...counted({ Requests: sum(Object.values(requests)) }),
    ...(fresh === null ? {} : { FreshnessSeconds: { unit: 'Seconds', value: fresh } as const }),
    Seconds: seconds(ms),
  }
}

function work(tables: readonly TableReport[]): Metrics {
  const rows = tables.map(({ changes }) => changes.inserted + changes.updated + changes.deleted)
  return {
    ...counted({ RowsChanged: sum(rows) }),
    BytesRead: { unit: 'Bytes', value: sum(tables.map(({ bytesRead }) => bytesRead)) },
    BytesWritten: { unit: 'Bytes', value: sum(tables.map(({ bytesWritten }) => bytesWritten)) },
  }
}

function counted(counts: { readonly [name: string]: number }): Metrics {
  return Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, { unit: 'Count', value }]))
}

const seconds = (ms: number): Metric => ({ unit: 'Seconds', value: ms / 1000 })
