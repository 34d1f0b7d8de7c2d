import pLimit from 'p-limit'
import { type Landed, type LandingFile, type Snapshot, tableName } from '../domain.ts'
import { asDmscdcError } from '../errors.ts'
import { inForce, readHistory } from '../lake/history.ts'
import { markArchive } from '../landing/archive.ts'
import { baseName, lookBackName } from '../landing/names.ts'
import type { HeldTable } from './held-table.ts'
import { describe } from './table-report.ts'
import type { TableRun } from './table-run.ts'
import type { Totals } from './totals.ts'

const copiesAtOnce = 8
/** The log is read for files that nobody remembers, one GET a version: not at every run. */
const askedAgainMs = 86_400_000
const versionsAtOnce = 64

/**
 * Archives or deletes change files that were taken, as the row's `Landed` says. Only what a commit names as taken, as it is
 * now; only what lies before the look-back, so that late files find what they are replayed with; and no LOAD file. First
 * copies, then deletes: a crash between leaves both, and the next run does it again. Trouble here is a warning: the
 * table is as it should be, and the next run tries again.
 */
export async function clearLanding(table: HeldTable, totals: Totals, heads: Heads): Promise<void> {
  const { run } = table
  const { landed } = run.config
  if (landed.kind === 'keep' || heads.now === null) return
  const due = dueFiles(run, heads.now.progress.windowFrom)
  if (due.length === 0) return
  try {
    const taken = await takenFiles(run, due, { before: heads.before, now: heads.now })
    if (taken.length > 0 && !(await table.renew())) return
    await moveAway(run, landed, taken)
    const gone = new Set(taken.map(({ key }) => key))
    table.cleared = { gone, askAgainMs: taken.length < due.length ? run.ports.clock.nowMs() : null }
    if (taken.length > 0)
      run.ports.log.info({ table: tableName(run.item.id), files: taken.length }, `landing files taken: ${landed.kind}`)
  } catch (thrown) {
    const { message, hint } = describe(asDmscdcError(thrown), tableName(run.item.id))
    totals.warnings.push(`its landing files were not cleared, the next run tries again: ${message}; Try: ${hint}`)
  }
}

/** The head before this run's commits, whose window knows what has left that of the head now. */
export type Heads = { readonly before: Snapshot | null; readonly now: Snapshot | null }

/** Whether an idle table has files to clear, by its row alone. What was found to be nobody's is asked for again after a day. */
export function clearingDue(run: TableRun): boolean {
  const { config, mirror, item, ports } = run
  if (config.landed.kind === 'keep' || mirror.version === null) return false
  const askedMs = Date.parse(String(item.row?.LandedAsked))
  if (ports.clock.nowMs() - askedMs < askedAgainMs) return false
  return dueFiles(run, lookBackName(baseName(mirror.lastIncrementalFile), config.lookBackMs)).length > 0
}

/** In byte order of the name nothing between `windowFrom` and the cursor is due, so the newest file taken always stays. */
function dueFiles({ listing, config, ports }: TableRun, windowFrom: string | null): readonly LandingFile[] {
  const { landed } = config
  if (landed.kind === 'keep' || windowFrom === null) return []
  const newestMs = ports.clock.nowMs() - landed.retainMs
  return listing.changes.filter(({ name, modifiedMs }) => name <= windowFrom && modifiedMs <= newestMs)
}

/** Those that a commit took or passed over, and that nobody has written since. */
async function takenFiles(
  { ports, place, item }: TableRun,
  due: readonly LandingFile[],
  { before, now }: { readonly before: Snapshot | null; readonly now: Snapshot },
): Promise<readonly LandingFile[]> {
  const remembered = [...(before?.progress.window ?? []), ...now.progress.window]
  const etags = new Map(remembered.map(({ key, etag }) => [key, etag]))
  const forgotten = due.filter(({ key }) => !etags.has(key))
  const taken = new Set(due.filter(({ key, etag }) => etags.get(key) === etag))
  if (forgotten.length === 0 || ports.clock.nowMs() - Date.parse(String(item.row?.LandedAsked)) < askedAgainMs)
    return [...taken]
  const oldestMs = forgotten.reduce((oldest, { modifiedMs }) => Math.min(oldest, modifiedMs), Number.POSITIVE_INFINITY)
  const waiting = new Map(forgotten.map((file) => [file.key, file]))
  let inForceTo = now.version
  for (let head = now.version; head >= 0 && waiting.size > 0; head -= versionsAtOnce) {
    const entries = await readHistory(ports.lake, place, { head, limit: versionsAtOnce })
    for (const { timestampMs, receipt } of inForce(entries, inForceTo)) {
      inForceTo = receipt?.restored?.version ?? inForceTo
      for (const key of [...(receipt?.landingFiles ?? []), ...(receipt?.passedOver ?? []).map((file) => file.key)]) {
        const file = waiting.get(key)
        if (file !== undefined && file.modifiedMs <= (timestampMs ?? 0)) taken.add(file)
        waiting.delete(key)
      }
    }
    if (entries.some(({ timestampMs }) => (timestampMs ?? 0) < oldestMs)) break
  }
  return [...taken]
}

async function moveAway({ ports, item }: TableRun, landed: Landed, files: readonly LandingFile[]): Promise<void> {
  if (files.length === 0) return
  if (landed.kind === 'archive') {
    await markArchive(ports.landing, landed.prefix)
    const folder = `${landed.prefix}${item.id.schema}/${item.id.table}/`
    const limit = pLimit(copiesAtOnce)
    await Promise.all(files.map(({ path, key }) => limit(() => ports.landing.copy(path, `${folder}${key}`))))
  }
  await ports.landing.deleteMany(files.map(({ path }) => path))
}
