import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { failedRunLine, metricsLines } from '../src/metrics.ts'
import { emptyReport, type TableReport } from '../src/process-table/table-report.ts'

const run = { id: '01RUN', nowMs: 1_700_000_000_000, ms: 2_500 }
const requests = { get: 1, put: 2, copy: 0, list: 5, delete: 0 }

const merged: TableReport = {
  ...emptyReport('s.a'),
  status: 'incremental',
  changes: { inserted: 1, updated: 2, deleted: 3, unchanged: 40, ignored: 50 },
  bytesRead: 10,
  bytesWritten: 20,
  requests: { get: 1, put: 2, list: 1 },
  ms: 1_500,
  freshnessSeconds: 60,
}
const held: TableReport = { ...emptyReport('s.b'), status: 'held', freshnessSeconds: 7_200, requests: { list: 1 } }
const tables = [merged, held, emptyReport('s.idle'), { ...emptyReport('s.off'), status: 'inactive' as const }]

describe('metrics in the embedded format', () => {
  const lines = metricsLines({ ok: false, tables, requests }, run).map((line) => JSON.parse(line))

  test('are one line per table that was worked on, and one of totals without a dimension', () => {
    expect(
      lines.map(({ Table, run: id, _aws }) => [Table, id, _aws.Timestamp, _aws.CloudWatchMetrics[0].Dimensions]),
    ).toEqual([
      ['s.a', '01RUN', run.nowMs, [['Table']]],
      ['s.b', '01RUN', run.nowMs, [['Table']]],
      [undefined, '01RUN', run.nowMs, [[]]],
    ])
    expect(lines[0]).toMatchObject({
      RowsChanged: 6,
      BytesRead: 10,
      BytesWritten: 20,
      Requests: 4,
      Seconds: 1.5,
      FreshnessSeconds: 60,
    })
    expect(lines[2]).toMatchObject({
      ...{ Runs: 1, RunsFailed: 0, Tables: 3, TablesFailed: 0, TablesHeld: 1, FreshnessSeconds: 7_200 },
      ...{ RowsChanged: 6, BytesRead: 10, BytesWritten: 20, Requests: 8, Seconds: 2.5 },
    })
  })

  test('declare each value of the totals, and of a table two alone, for each is billed', () => {
    for (const { _aws, run: _, Table, ...values } of [...lines, JSON.parse(failedRunLine(run))]) {
      const [{ Namespace, Metrics }] = _aws.CloudWatchMetrics
      expect(Namespace).toBe('dmscdc')
      const declared = Table === undefined ? Object.keys(values).sort() : ['FreshnessSeconds', 'RowsChanged']
      expect(Metrics.map(({ Name }: { Name: string }) => Name).sort()).toEqual(declared)
      for (const { Name, Unit } of Metrics)
        expect([Name, Unit, values[Name]]).toEqual([
          Name,
          expect.stringMatching(/^(?:Count|Seconds|Bytes)$/u),
          expect.any(Number),
        ])
    }
  })

  test('count a run that ended before its tables as one that failed', () => {
    expect(JSON.parse(failedRunLine(run))).toMatchObject({ Runs: 1, RunsFailed: 1, TablesFailed: 1 })
  })

  test('say nothing of freshness where nothing waited', () => {
    const idle = metricsLines({ ok: true, tables: [emptyReport('s.t')], requests }, run).map((line) => JSON.parse(line))
    expect(idle).toHaveLength(1)
    expect(idle[0]).not.toHaveProperty('FreshnessSeconds')
  })
})

test('the runbook has the article that each alarm links to, and one per kind of error', () => {
  const headings = [...readFileSync(new URL('../docs/runbook.md', import.meta.url), 'utf8').matchAll(/^##? (.+)$/gmu)]
  const anchors = headings.map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/gu, '')
      .replaceAll(' ', '-'),
  )
  expect(anchors).toEqual(
    expect.arrayContaining([
      ...['a-run-failed', 'a-table-is-held', 'a-table-is-not-fresh', 'no-run-at-all'],
      ...['invalid-config', 'bad-landing', 'corrupt-lake', 'conflict', 'unavailable', 'bug'],
    ]),
  )
})
