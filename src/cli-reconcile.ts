import colors from 'picocolors'
import { type Flags, readConfig } from './config.ts'
import { reconcile } from './controller/reconcile.ts'
import type { TableId } from './domain.ts'
import { UsageError } from './errors.ts'
import type { Example, ReconcileOptions, Reconciliation } from './reconcile/reconcile-table.ts'
import { changesText, grid } from './render.ts'
import { readSourceLocation } from './source/source-location.ts'
import { parseDuration } from './state/attribute-text.ts'
import { openSystem } from './system.ts'
import { terminalLog } from './terminal-log.ts'

export type ReconcileFlags = Flags & {
  readonly json?: boolean
  readonly source?: string
  readonly sourceTable?: string
  readonly repair?: boolean
  readonly limit?: string
  readonly settle?: string
}

/** `dmscdc reconcile`. */
export async function reconcileOnce(flags: ReconcileFlags, id: TableId): Promise<Reconciliation> {
  const options = readOptions(flags)
  const text = flags.source ?? process.env.DMSCDC_SOURCE
  if (text === undefined || text === '')
    throw new UsageError(
      '--source is missing, and so is DMSCDC_SOURCE',
      'dmscdc reconcile <S.T> --source mysql://user@host:3306/db',
    )
  const location = readSourceLocation(text, flags.sourceTable, process.env)
  const config = readConfig(flags)
  const log = terminalLog({ verbose: config.verbose, quiet: flags.json === true })
  const system = await openSystem(config, log, location.kind === 'files' ? [location.place] : [])
  try {
    return await reconcile(system.ports, id, system.source(location), options)
  } finally {
    await system.close()
    log.end()
  }
}

function readOptions({ repair, limit = '20', settle = '0' }: ReconcileFlags): ReconcileOptions {
  if (!/^\d{1,6}$/u.test(limit))
    throw new UsageError(`--limit: found "${limit}", expected a whole number`, 'dmscdc reconcile --help')
  const settling = parseDuration(settle)
  if (!('value' in settling) || settling.value > 86_400_000)
    throw new UsageError(
      `--settle: found "${settle}", expected a time up to a day, as 90s or 5m`,
      'dmscdc reconcile --help',
    )
  return { repair: repair ?? false, limit: Number(limit), settleMs: settling.value }
}

/** What people read on stdout. */
export function reconcileText(one: Reconciliation): string {
  const { differences, lake, rows, repaired } = one
  const { missing, extra, different, inFlight } = differences
  const count = (n: number) => n.toLocaleString('en-US')
  const verdict = one.ok
    ? repaired === null
      ? colors.green('equal')
      : colors.green('equal after the repair')
    : colors.red('different')
  const table = grid(
    ['table', 'verdict', 'rows in the source', 'rows in the lake', 'missing', 'extra', 'different', 'in flight'],
    [[one.table, verdict, rows.source, rows.lake, missing, extra, different, inFlight]],
  )
  const fresh = lake.freshThrough === null ? '' : `, ${lake.freshThrough.replace('T', ' ').slice(0, 19)} UTC`
  const pending =
    lake.pending === 0
      ? []
      : [
          `landing files that wait to be merged: ${count(lake.pending)}; what they bring may be among the differences. Try: dmscdc run --table ${one.table}`,
        ]
  const columns = Object.entries(one.columns).map(([name, keys]) => `${name} in ${count(keys)}`)
  return [
    table,
    `source: ${one.source} (queries: ${count(one.queries)}, ranges: ${count(one.ranges.compared)}, different: ${count(one.ranges.different)})`,
    `lake: version ${String(lake.version)}, up to ${lake.upTo ?? 'the full load'}${fresh}`,
    ...pending,
    ...(one.key.length === 0
      ? ['The table has no key: whole rows were compared, and none can be named or repaired.']
      : []),
    ...one.leftOut.map(({ column, why }) => `not compared: column "${column}": ${why}`),
    ...one.notes,
    ...(columns.length > 0 ? [`columns that differ: ${columns.join(', ')}`] : []),
    ...examplesText('missing', one.examples.missing, missing),
    ...examplesText('extra', one.examples.extra, extra),
    ...examplesText('different', one.examples.different, different),
    ...(repaired === null ? [] : [`repaired in version ${String(repaired.version)}: ${changesText(repaired.changes)}`]),
  ].join('\n')
}

function examplesText(kind: string, examples: readonly Example[], total: number): string[] {
  const lines = examples.map(
    ({ key, columns }) =>
      `${kind}: ${key.map((text) => (text === null ? 'NULL' : JSON.stringify(text))).join(', ')}${columns === undefined ? '' : ` (${columns.join(', ')})`}`,
  )
  const more = total - examples.length
  return more > 0 && examples.length > 0 ? [...lines, `… and ${more.toLocaleString('en-US')} more ${kind}`] : lines
}
