import pLimit from 'p-limit'
import { tableName } from '../domain.ts'
import { asDmscdcError, type DmscdcError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { type Admission, processTable } from '../process-table/process-table.ts'
import { describe, emptyReport, type TableReport } from '../process-table/table-report.ts'
import { addCosts, openTableRun, type TableRun } from '../process-table/table-run.ts'
import type { StateItem } from '../state/state-store.ts'
import { tableDeadline } from './deadline.ts'
import type { Dispatcher } from './dispatcher.ts'
import { type MemoryPool, memoryPool, type Share } from './memory-pool.ts'
import { tableNeed } from './table-need.ts'

export type InProcessOptions = {
  /** Tables at a time, at most. */
  readonly concurrency: number
  /** The engine's limit, which all tables share. */
  readonly memoryBytes: number
  /** Of one table's own work; waiting for others does not count. */
  readonly deadlineMs: number
  /** True for a table that somebody else takes. */
  readonly takenElsewhere?: (landingBytes: number, item: StateItem) => boolean
}

/** Less than the hour between two runs. */
export const defaultDeadlineMs = 50 * 60_000

/** Tables side by side in this process, as many as memory and cores bear: small ones several at a time, a big one beside small ones. */
export function inProcess(ports: Ports, options: InProcessOptions): Dispatcher {
  const slots = pLimit(options.concurrency)
  const pool = memoryPool(options.memoryBytes, ports.clock)
  const overdue: string[] = []
  const dispatch = async (item: StateItem): Promise<TableReport> => {
    const first = await tryOnce(ports, item, { ...options, pool, alone: false, overdue })
    if (!first.tryAlone) return first.report
    ports.log.warn({ table: tableName(item.id) }, 'other tables were in the way; tries again alone')
    return (await tryOnce(ports, item, { ...options, pool, alone: true, overdue })).report
  }
  return { dispatch: (item) => slots(() => dispatch(item)), overdue: () => overdue }
}

type Try = InProcessOptions & { readonly pool: MemoryPool; readonly alone: boolean; readonly overdue: string[] }
type Tried = { readonly report: TableReport; readonly tryAlone: boolean }

async function tryOnce(ports: Ports, item: StateItem, options: Try): Promise<Tried> {
  const name = tableName(item.id)
  const startedMs = ports.clock.nowMs()
  const deadline = tableDeadline(ports, options.deadlineMs, deadlineHint(name))
  let share: Share | null = null
  let failure: DmscdcError | null = null
  const admission: Admission = {
    async admit(run) {
      const need = tableNeed(run)
      if (options.takenElsewhere?.(need.landingBytes, item)) return null
      deadline.stop()
      share = await options.pool.admit(need.memoryBytes, { alone: options.alone })
      deadline.start()
      return share.waitedMs < listingAgeMsMax ? withBatch(run, share) : reopened(run, share)
    },
    onError(error) {
      failure = error
    },
  }
  deadline.start()
  try {
    const working = processTable(deadline.ports, item, admission)
    const report = await Promise.race([working, deadline.overdue])
    if (deadline.passed()) options.overdue.push(name)
    return { report, tryAlone: !options.alone && isToTryAlone(failure) }
  } catch (thrown) {
    options.overdue.push(name)
    const error = describe(asDmscdcError(thrown), name)
    const report = { ...emptyReport(name), status: 'failed', ms: ports.clock.nowMs() - startedMs, error } as const
    return { report, tryAlone: false }
  } finally {
    deadline.stop()
    releaseShare(share)
  }
}

/** A listing that is older is made anew, and so is what the row said. */
const listingAgeMsMax = 60_000

/** The table as it is after the wait; null where the operator has set it inactive meanwhile. */
async function reopened(run: TableRun, share: Share): Promise<TableRun | null> {
  await run.close()
  const item = (await run.ports.state.get(run.item.id)) ?? run.item
  const again = await openTableRun(run.ports, item)
  const costs = () => addCosts(run.costs(), again.costs())
  return again.config.active ? withBatch({ ...again, costs }, share) : null
}

/** A batch is cut to what the share bears: beside other tables it has less. */
function withBatch(run: TableRun, share: Share): TableRun {
  return { ...run, ports: { ...run.ports, batchBytesMax: Math.min(run.ports.batchBytesMax, share.bytes / 2) } }
}

function isToTryAlone(failure: DmscdcError | null): boolean {
  return failure?.tryAlone ?? false
}

function releaseShare(share: Share | null): void {
  share?.release()
}

function deadlineHint(name: string): string {
  return `run again: the next run goes on from the last commit. If it comes back, give more time: dmscdc run --table ${name} --deadline 2h`
}
