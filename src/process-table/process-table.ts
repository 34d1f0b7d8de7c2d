import { type Mirror, tableName } from '../domain.ts'
import { asDmscdcError, type DmscdcError, errorPolicy, shellWord } from '../errors.ts'
import { landingOrder } from '../landing/names.ts'
import type { Ports } from '../ports.ts'
import type { StateItem } from '../state/state-store.ts'
import { clearingDue } from './clear-landing.ts'
import type { HeldTable } from './held-table.ts'
import { holdingTheTable } from './hold-table.ts'
import { isIdleInWindow, prolongWindow } from './seen-window.ts'
import { describe, emptyReport, type TableReport } from './table-report.ts'
import {
  listLanding,
  type OpenTable,
  openTable,
  openTableRun,
  readSettings,
  seenBefore,
  type TableRun,
} from './table-run.ts'
import { newTotals, type Totals } from './totals.ts'
import { finishWhatWasLeft, workUntilIdle } from './work.ts'

/** What is asked before a table is worked on, and told when it ends. */
export type Admission = {
  /** `run` as it may work: after a wait it may be another, opened anew. Null: the table is worked on elsewhere. */
  readonly admit: (run: TableRun) => Promise<TableRun | null>
  readonly onError: (error: DmscdcError) => void
}

const freeEntry: Admission = { admit: async (run) => run, onError() {} }

/**
 * One table's part of a run. Never throws: what goes wrong stands in the report, and the row says what holds the table.
 * Reads as its steps: settings → idle by the window? → listing → idle? → lease → work (decide, plan, do, commit, finish) → mirror and release.
 */
export async function processTable(
  ports: Ports,
  item: StateItem,
  { admit, onError } = freeEntry,
  work: typeof workUntilIdle = workUntilIdle,
): Promise<TableReport> {
  const startedMs = ports.clock.nowMs()
  const totals = newTotals()
  let run: TableRun | null = null
  try {
    const { config, mirror } = readSettings(ports, item)
    if (!config.active) {
      const inactive = { ...emptyReport(tableName(item.id)), status: 'inactive', version: mirror.version } as const
      if (!isLeftUnfinished(item, mirror)) return inactive
      run = await openTableRun(ports, item)
      await holdingTheTable(run, finishWhatWasLeft)
      return { ...report(run, totals, startedMs), status: 'inactive' }
    }
    const table = openTable(ports, item)
    if (await isIdleInWindow(table)) return report(table, totals, startedMs)
    run = await listLanding(table)
    warnOfLanding(run, totals)
    if (seenBefore(run) && !clearingDue(run)) {
      await prolongWindow(run)
      return report(run, totals, startedMs)
    }
    const admitted = await admit(run)
    if (admitted === null) return report(run, totals, startedMs)
    run = admitted
    // It takes as long to open as the lease to be taken; one that does not open is an error where it is asked for.
    run.ports.engine().catch(() => {})
    const held = await holdingTheTable(run, (table) => workIfActive(table, totals, work))
    if (held.kind === 'held-by')
      totals.warnings.push(
        `run ${held.lease.runId} on ${held.lease.host}, process ${String(held.lease.pid)}, holds the table`,
      )
    return report(run, totals, startedMs)
  } catch (thrown) {
    const error = asDmscdcError(thrown)
    onError(error)
    ports.log.debug({ table: tableName(item.id), kind: error.kind, trace: error.stack }, 'table ended with an error')
    const status = errorPolicy[error.kind].status
    const known = run === null ? emptyReport(tableName(item.id)) : report(run, totals, startedMs)
    const nowMs = ports.clock.nowMs()
    const freshnessSeconds = run === null ? null : waitingSeconds(run, nowMs)
    return { ...known, status, ms: nowMs - startedMs, freshnessSeconds, error: describe(error, tableName(item.id)) }
  } finally {
    await run?.close()
  }
}

/** An operator's command that died on an inactive table: readers must not be left with half of what it committed. */
function isLeftUnfinished({ row }: StateItem, { version }: Mirror): boolean {
  return row?.Lease !== undefined && version !== null
}

/** The table may have been set inactive between its row was read and its lease was taken. */
async function workIfActive(table: HeldTable, totals: Totals, work: typeof workUntilIdle): Promise<void> {
  totals.inactive = !table.run.config.active
  await (totals.inactive ? finishWhatWasLeft(table) : workAndWarn(table, totals, work))
}

/** What the catalog refused is said also where the work then failed. */
async function workAndWarn(table: HeldTable, totals: Totals, work: typeof workUntilIdle): Promise<void> {
  try {
    await work(table, totals)
  } finally {
    if (table.catalogStanding.kind === 'trouble') totals.warnings.push(table.catalogStanding.text)
  }
}

function warnOfLanding({ config, listing, mirror }: TableRun, totals: Totals): void {
  const isGone = mirror.version !== null && listing.loads.length + listing.changes.length === 0
  if (isGone && config.onVanish === 'warn')
    totals.warnings.push('all of its landing files are gone; its rows stay as they are')
  if (listing.transactionFiles > 0)
    totals.warnings.push(
      `${String(listing.transactionFiles)} files of DMS's transaction mode (CDC_TXN-…) were left alone: they are not supported; switch CdcPath's PreserveTransactions off`,
    )
}

function report(run: OpenTable, totals: Totals, startedMs: number): TableReport {
  const costs = run.costs()
  const { ignored } = totals.changes
  const keyless = `${String(ignored)} updates and deletions cannot be applied without a key; Try: dmscdc set ${shellWord(tableName(run.item.id))} --primary-key <columns>`
  return {
    table: tableName(run.item.id),
    status: totals.inactive ? 'inactive' : totals.loaded ? 'initial' : totals.merged ? 'incremental' : 'idle',
    version: totals.head?.version ?? run.mirror.version,
    files: totals.files,
    changes: totals.changes,
    filesRewritten: totals.filesRewritten,
    filesAdded: totals.filesAdded,
    filesRemoved: totals.filesRemoved,
    bytesRead: costs.bytesRead,
    bytesWritten: costs.bytesWritten,
    requests: costs.requests,
    ms: run.ports.clock.nowMs() - startedMs,
    freshnessSeconds: totals.newest && seconds(totals.newest.committedMs - totals.newest.landedMs),
    warnings: ignored > 0 ? [...totals.warnings, keyless] : totals.warnings,
    error: null,
  }
}

/** The cursor of the row is behind, if anything, after a run that failed: then what it took counts as waiting. */
function waitingSeconds({ listing, mirror, item }: TableRun, nowMs: number): number | null {
  const cursor = mirror.version === null ? '' : mirror.lastIncrementalFile.slice(item.path.length)
  const waiting = listing.changes.filter(({ key }) => cursor === '' || landingOrder(key, cursor) > 0)
  const all = mirror.version === null ? [...listing.loads, ...waiting] : waiting
  const oldestMs = all.reduce((oldest, { modifiedMs }) => Math.min(oldest, modifiedMs), Number.POSITIVE_INFINITY)
  return all.length === 0 ? null : seconds(nowMs - oldestMs)
}

const seconds = (ms: number) => Math.max(0, Math.round(ms / 1000))
