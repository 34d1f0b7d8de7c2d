import Table from 'cli-table3'
import colors from 'picocolors'
import type { TableCompacted } from './controller/compact-tables.ts'
import type { TableLine } from './controller/list-tables.ts'
import type { TablePlan } from './controller/plan-tables.ts'
import type { RunReport } from './controller/run-cycle.ts'
import type { TableVerdict } from './controller/verify-tables.ts'
import type { ChangeCounts, Receipt } from './domain.ts'
import { printable, shellWord } from './errors.ts'
import type { HistoryEntry } from './lake/history.ts'
import type { TableReport } from './process-table/table-report.ts'
import { sum } from './sum.ts'

/** What people read on stdout. Each function gives the whole text, without the last newline. */

export function runText({ tables, requests }: RunReport): string {
  if (tables.length === 0) return 'The landing holds no tables.'
  const rows = tables.map((one) => [
    printable(one.table),
    status(one),
    one.version ?? '',
    one.files || '',
    changesText(one.changes),
    filesText(one),
    sum(Object.values(one.requests)) || '',
    `${String(one.ms)} ms`,
  ])
  return [
    grid(['table', 'status', 'version', 'landing files', 'changes', 'data files', 'requests', 'took'], rows),
    ...tables.flatMap(remarks),
    requestsText(requests),
  ].join('\n')
}

export function tablesText(lines: readonly TableLine[]): string {
  if (lines.length === 0) return 'The landing holds no tables.'
  const rows = lines.map((line) => [
    printable(line.table),
    line.status,
    line.primaryKey.map(printable).join(', ') || '-',
    line.partitionKey.map(printable).join(', ') || '-',
    line.version ?? '-',
    line.rows,
    line.files,
    bytesText(line.bytes),
    line.pending,
    line.freshThrough?.replace('T', ' ').slice(0, 19) ?? '-',
  ])
  const table = grid(
    ['table', 'status', 'key', 'partitions', 'version', 'rows', 'files', 'size', 'pending', 'fresh through (UTC)'],
    rows,
  )
  const notes = lines.flatMap((line) => [
    ...(line.adopted ? [adoptedText(line, line.adopted)] : []),
    ...(line.held ? [`${printable(line.table)} is held: ${line.held.message}`, `Try: ${line.held.hint}`] : []),
    ...(line.candidateKeys.length > 0
      ? [
          `${printable(line.table)} could have the key ${keysText(line)}. Try: dmscdc set ${printable(shellWord(line.table))} --active --primary-key ${shellWord(namesText(line.candidateKeys[0] ?? []))}`,
        ]
      : []),
  ])
  return [table, ...notes].join('\n')
}

function adoptedText(line: TableLine, adopted: NonNullable<TableLine['adopted']>): string {
  const { files, rows } = adopted
  return `${printable(line.table)} was adopted in place: ${files.toLocaleString('en-US')} data files with ${rows.toLocaleString('en-US')} rows of the job before`
}

export function planText(plans: readonly TablePlan[]): string {
  if (plans.length === 0) return 'The landing holds no tables.'
  const rows = plans.map((plan) => [
    printable(plan.table),
    plan.work,
    plan.inputs.length || '',
    changesText(plan.changes),
    plan.filesToRewrite || '',
    bytesText(plan.bytesToRead),
    bytesText(plan.bytesToWrite),
    sum(Object.values(plan.requests)) || '',
    plan.costUsd === 0 ? '' : `$${plan.costUsd.toFixed(6)}`,
  ])
  const table = grid(
    ['table', 'work', 'landing files', 'changes', 'files to rewrite', 'to read', 'to write', 'requests', 'S3 cost'],
    rows,
  )
  const inputs = plans.flatMap(({ table: name, inputs: names }) =>
    names.length > 0 ? [`${printable(name)}: ${listed(names)}`] : [],
  )
  const errors = plans.flatMap(({ table: name, error }) =>
    error ? [`${printable(name)}: ${error.message}`, `Try: ${error.hint}`] : [],
  )
  return [table, ...inputs, ...errors].join('\n')
}

export function verifyText(verdicts: readonly TableVerdict[]): string {
  if (verdicts.length === 0) return 'There is no loaded table to verify.'
  const rows = verdicts.map((one) => [
    printable(one.table),
    one.ok ? colors.green('proven') : colors.red('wrong'),
    one.version ?? '-',
    one.rows,
    one.files,
  ])
  const problems = verdicts.flatMap((one) =>
    one.problems.map(({ kind, path, message }) => printable(`${one.table}: ${kind} ${path}: ${message}`)),
  )
  return [grid(['table', 'verdict', 'version', 'rows', 'files'], rows), ...problems].join('\n')
}

export function historyText(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return 'The table has no commits yet.'
  const rows = entries.map(({ version, timestampMs, operation, receipt }) => [
    version,
    timestampMs === null ? '-' : new Date(timestampMs).toISOString().replace('T', ' ').slice(0, 19),
    operation,
    receipt ? listed(receipt.landingFiles) : '-',
    receipt ? changesText(receipt.changes) : '-',
    receipt ? String(receipt.rowsAfter) : '-',
    receipt ? bytesText(receipt.bytesWritten) : '-',
  ])
  const passedOver = entries.flatMap(({ version, receipt }) =>
    [...passedByReason(receipt?.passedOver ?? [])].map(
      ([why, keys]) => `version ${String(version)} passed over ${printable(`${listed(keys)}: ${why}`)}`,
    ),
  )
  const notes = entries.flatMap(({ version, receipt }) =>
    receipt?.note === undefined ? [] : [`version ${String(version)}: ${printable(receipt.note)}`],
  )
  return [
    grid(['version', 'when (UTC)', 'operation', 'landing files', 'changes', 'rows', 'written'], rows),
    ...notes,
    ...passedOver,
  ].join('\n')
}

/** A load or a restore may leave out thousands of files for one reason. */
function passedByReason(passedOver: Receipt['passedOver']): ReadonlyMap<string, readonly string[]> {
  const reasons = new Map<string, string[]>()
  for (const { key, why } of passedOver) {
    const found = reasons.get(why)
    if (found) found.push(key)
    else reasons.set(why, [key])
  }
  return reasons
}

export function restoredText(
  table: string,
  { version, keepProgress }: { readonly version: number; readonly keepProgress: boolean },
  newVersion: number,
): string {
  const next = keepProgress
    ? 'goes on with what lands next'
    : 'goes on from there: what was taken since then is taken again'
  return [
    `${table} is as it was at version ${String(version)}, as version ${String(newVersion)}, and inactive`,
    `Try: dmscdc set ${shellWord(table)} --active, which ${next}`,
  ].join('\n')
}

export function compactText(tables: readonly TableCompacted[]): string {
  if (tables.length === 0) return 'There is no loaded table to compact.'
  const rows = tables.map((one) =>
    one.version === null
      ? [printable(one.table), colors.red('failed')]
      : [
          printable(one.table),
          one.version,
          one.partitions || '',
          one.filesRemoved === 0 ? '' : `${String(one.filesRemoved)} became ${String(one.filesAdded)}`,
          one.rows || '',
          one.filesRemoved === 0 ? '' : `${bytesText(one.bytesRemoved)} became ${bytesText(one.bytesAdded)}`,
          bytesText(one.deadBytes),
          sum(Object.values(one.requests)),
          `${String(one.ms)} ms`,
        ],
  )
  const errors = tables.flatMap(({ table, error }) =>
    error ? [`${colors.red('error:')} ${printable(table)}: ${error.message}`, `Try: ${error.hint}`] : [],
  )
  const head = ['table', 'version', 'partitions', 'data files', 'rows', 'size', 'dead bytes', 'requests', 'took']
  return [grid(head, rows), ...errors].join('\n')
}

export function changesText(changes: ChangeCounts): string {
  const parts = Object.entries(changes).filter(([, count]) => count > 0)
  return parts.map(([kind, count]) => `${count.toLocaleString('en-US')} ${kind}`).join(', ')
}

export function bytesText(bytes: number): string {
  if (bytes === 0) return ''
  const unit = Math.min(4, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** unit).toFixed(unit === 0 ? 0 : 1)} ${['B', 'kB', 'MB', 'GB', 'TB'][unit] ?? ''}`
}

/** Aligned columns without lines, as other command-line tools print them. */
export function grid(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const none = Object.fromEntries(
    [
      'top',
      'top-mid',
      'top-left',
      'top-right',
      'bottom',
      'bottom-mid',
      'bottom-left',
      'bottom-right',
      'left',
      'left-mid',
      'mid',
      'mid-mid',
      'right',
      'right-mid',
      'middle',
    ].map((part) => [part, part === 'middle' ? '  ' : '']),
  )
  const table = new Table({
    head: head.map((name) => colors.dim(name)),
    chars: none,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  })
  table.push(...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell))))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Requests in all, discovery included. */
function requestsText(requests: RunReport['requests']): string {
  const kinds = Object.entries(requests).filter(([, count]) => count > 0)
  const parts = kinds.map(([verb, count]) => `${count.toLocaleString('en-US')} ${verb}`)
  return `Requests to landing and lake: ${parts.join(', ') || 'none'}`
}

function status({ status: text }: TableReport): string {
  return text === 'held' || text === 'failed' ? colors.red(text) : text
}

function filesText(one: TableReport): string {
  const parts = [`${String(one.filesAdded)} added`, `${String(one.filesRemoved)} removed`]
  return one.filesAdded + one.filesRemoved === 0 ? '' : parts.join(', ')
}

function remarks(one: TableReport): string[] {
  const error = one.error
    ? [`${colors.red('error:')} ${printable(one.table)}: ${one.error.message}`, `Try: ${one.error.hint}`]
    : []
  return [
    ...error,
    ...one.warnings.map((warning) => `${colors.yellow('warning:')} ${printable(`${one.table}: ${warning}`)}`),
  ]
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(printable).join(', ')
  return names.length > 3 ? `${shown} and ${String(names.length - 3)} more` : shown
}

const keysText = ({ candidateKeys }: TableLine) => candidateKeys.map(namesText).join(' or ')
/** As `set` reads them. */
const namesText = (names: readonly string[]) =>
  names.map((name) => printable(/[",]/u.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(',')
