import { type ChangeCounts, noChanges, tableName } from '../domain.ts'
import { asDmscdcError, DmscdcError, type ErrorKind } from '../errors.ts'
import { type HistoryEntry, readHistory } from '../lake/history.ts'
import type { Ports } from '../ports.ts'
import { describe, type TableReport } from '../process-table/table-report.ts'
import { readSettings } from '../process-table/table-run.ts'
import type { StateItem } from '../state/state-store.ts'
import { sum } from '../sum.ts'
import type { Dispatcher, Elsewhere, ElsewhereEnd } from './dispatcher.ts'
import { type InProcessOptions, inProcess } from './in-process.ts'

export type ElsewhereOptions = InProcessOptions & {
  readonly elsewhere: Elsewhere
  /** Tables with so much landing to take go elsewhere; smaller ones are worked on here. */
  readonly aboveBytes: number
}

/**
 * Looks at each table here (one listing; most are idle), works on small ones in this process, and hands large ones over.
 * What became of those is read from the log and the row, where every run leaves it.
 */
export function withElsewhere(ports: Ports, options: ElsewhereOptions): Dispatcher {
  const sent = new Set<string>()
  const takenElsewhere = (landingBytes: number, { id }: StateItem) => {
    const taken = landingBytes >= options.aboveBytes
    if (taken) sent.add(tableName(id))
    return taken
  }
  const here = inProcess(ports, { ...options, takenElsewhere })
  return {
    ...here,
    async dispatch(item) {
      const report = await here.dispatch(item)
      return sent.has(tableName(item.id)) ? runElsewhere(ports, item, { ...options, report }) : report
    },
  }
}

async function runElsewhere(
  ports: Ports,
  item: StateItem,
  { elsewhere, deadlineMs, report }: ElsewhereOptions & { readonly report: TableReport },
): Promise<TableReport> {
  const startedMs = ports.clock.nowMs()
  const table = tableName(item.id)
  const timed = () => report.ms + ports.clock.nowMs() - startedMs
  try {
    ports.log.info({ table, where: elsewhere.what }, `handed to an ${elsewhere.what}`)
    const end = await elsewhere.runTable(item.id, deadlineMs)
    ports.log.info({ table, name: end.name, exitCode: end.exitCode }, `${elsewhere.what} ended`)
    return { ...(await whatBecame(ports, item, { elsewhere, report, end })), ms: timed() }
  } catch (thrown) {
    return { ...report, ...failed(table, asDmscdcError(thrown)), ms: timed() }
  }
}

async function whatBecame(
  ports: Ports,
  { id }: StateItem,
  {
    elsewhere,
    report,
    end,
  }: { readonly elsewhere: Elsewhere; readonly report: TableReport; readonly end: ElsewhereEnd },
): Promise<TableReport> {
  const table = tableName(id)
  const item = await ports.state.get(id)
  if (item === null) return { ...report, ...failed(table, rowGone(table)) }
  const commits = await commitsAfter(ports, item, report.version)
  const done = {
    ...report,
    ...effectOf(commits),
    version: commits.at(-1)?.version ?? report.version,
    freshnessSeconds: await freshness(ports, item, commits),
  }
  if (end.exitCode === 0) return done
  const held = heldOf(item)
  return held === null
    ? { ...done, ...failed(table, endError(elsewhere, end)) }
    : { ...done, status: 'held', error: held }
}

/** Entry by entry, since the row of a run that died may be behind the log. */
async function commitsAfter(ports: Ports, item: StateItem, known: number | null): Promise<HistoryEntry[]> {
  const { place } = readSettings(ports, item)
  const commits: HistoryEntry[] = []
  for (let version = (known ?? -1) + 1; ; version++) {
    const [entry] = await readHistory(ports.lake, place, { head: version, limit: 1 })
    if (entry === undefined) return commits
    commits.push(entry)
  }
}

function effectOf(commits: readonly HistoryEntry[]) {
  const receipts = commits.flatMap(({ receipt }) => receipt ?? [])
  const total = (pick: (receipt: (typeof receipts)[number]) => number) => sum(receipts.map(pick))
  const kinds = Object.keys(noChanges) as (keyof ChangeCounts)[]
  const changes = Object.fromEntries(kinds.map((kind) => [kind, total((receipt) => receipt.changes[kind])]))
  const status = commits.some(({ operation }) => operation === 'INITIAL') ? 'initial' : 'incremental'
  return {
    status: commits.length === 0 ? ('idle' as const) : (status as TableReport['status']),
    files: total((receipt) => receipt.landingFiles.length),
    changes: changes as ChangeCounts,
    filesRewritten: total((receipt) => receipt.filesRewritten),
    filesAdded: sum(commits.map(({ filesAdded }) => filesAdded)),
    filesRemoved: sum(commits.map(({ filesRemoved }) => filesRemoved)),
    bytesRead: total((receipt) => receipt.bytesRead),
    bytesWritten: total((receipt) => receipt.bytesWritten),
  }
}

/** From the landing of the last file taken to the commit that took it; null where none was, or it is gone. */
async function freshness(ports: Ports, { id }: StateItem, commits: readonly HistoryEntry[]): Promise<number | null> {
  const last = commits.filter(({ receipt }) => (receipt?.landingFiles.length ?? 0) > 0).at(-1)
  if (last === undefined) return null
  const info = await ports.landing.head(`${id.schema}/${id.table}/${last.receipt?.landingFiles.at(-1) ?? ''}`)
  return info && Math.max(0, (last.timestampMs - info.modifiedMs) / 1000)
}

function heldOf({ row }: StateItem): TableReport['error'] {
  const held = row?.Held as { readonly kind?: unknown; readonly message?: unknown; readonly hint?: unknown } | undefined
  if (held === undefined) return null
  return { kind: String(held.kind) as ErrorKind, message: String(held.message), hint: String(held.hint) }
}

function failed(table: string, error: DmscdcError) {
  return { status: 'failed' as const, error: describe(error, table) }
}

function endError({ what }: Elsewhere, { exitCode, reason, name }: ElsewhereEnd): DmscdcError {
  const how = exitCode === null ? 'ended without an exit code' : `ended with exit code ${String(exitCode)}`
  return new DmscdcError('unavailable', `${what} ${name} ${how}${reason === '' ? '' : `: ${reason}`}`, {
    hint: `read its log; run again, or here: dmscdc run --table <table>`,
  })
}

function rowGone(table: string): DmscdcError {
  return new DmscdcError('unavailable', `state row of ${table}: is gone, expected it since this run began`, {
    hint: 'run again: a table of the landing without a row is registered, inactive',
  })
}
