import { type Lease, tableName } from '../domain.ts'
import { asDmscdcError, type DmscdcError, errorPolicy } from '../errors.ts'
import { isViewed } from '../lake/retention.ts'
import { acquireLease, leaseDurationMs } from '../state/acquire-lease.ts'
import { mirrorChange, type RowWrite, renewal } from '../state/lease-row.ts'
import { firstCursor, neverLoadedDate, readMirror } from '../state/row.ts'
import { sameJson } from '../state/same-json.ts'
import type { StateRow } from '../state/state-store.ts'
import { writeAsHolder } from '../state/write-as-holder.ts'
import { sum, totalBytes } from '../sum.ts'
import { standingEdit } from './edited-cursors.ts'
import { finishHead, viewsAreDone } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import { openHead } from './open-head.ts'
import { isRestoredSince } from './restored-since.ts'
import { windowToKeep } from './seen-window.ts'
import { describe } from './table-report.ts'
import { digestWithout, reopenTableRun, type TableRun } from './table-run.ts'

/** `told`: the row repeats what was done; false where another run took the table over before. */
export type Holding =
  | { readonly kind: 'worked'; readonly told: boolean }
  | { readonly kind: 'held-by'; readonly lease: Lease }

/**
 * Works on a table under its lease, renewed meanwhile; then repeats the head in the row and releases, in one write.
 * `work` leaves in `finished` what is so. An error of `work` is written into the row (`Held`) and thrown on.
 */
export async function holdingTheTable(run: TableRun, work: (table: HeldTable) => Promise<void>): Promise<Holding> {
  const { ports, item } = run
  const runId = ports.newId()
  const acquired = await acquireLease(ports, { id: item.id, runId, txnId: null })
  if (acquired.kind === 'failed') throw acquired.error
  if (acquired.kind === 'held-by') return acquired
  let lease = acquired.lease
  const renew = async () => {
    const renewed = await writeAsHolder(ports.state, item.id, lease, (standing) => [
      renewal(standing, ports.clock.nowMs(), leaseDurationMs),
    ])
    if (renewed !== null) lease = renewed.lease
    return renewed !== null
  }
  const stopRenewing = ports.clock.every(leaseDurationMs / 3, async () => {
    await renew()
  })
  const note = async (set: StateRow) => {
    const writes = (standing: Lease) => [{ change: { set }, condition: { Lease: standing } }]
    return (await writeAsHolder(ports.state, item.id, lease, writes)) !== null
  }
  const takenOver = acquired.previous !== null
  const table: HeldTable = {
    run,
    runId,
    takenOver,
    unswept: takenOver,
    littered: false,
    settled: true,
    notAfterMs: () => lease.expiresMs,
    renew,
    note,
    setInactive: false,
    finished: null,
    catalog: catalogBefore(run, { takenOver }),
    catalogStanding: { kind: 'behind' },
    cleared: null,
    placed: [],
    upToDate: false,
  }
  const thrown = await catchUp(table, acquired.row)
    .then(() => work(table))
    .then(
      () => null,
      (reason: unknown) => ({ reason }),
    )
  await stopRenewing()
  const told = await mirrorAndRelease(table, lease, thrown && asDmscdcError(thrown.reason))
  if (thrown !== null) throw thrown.reason
  return { kind: 'worked', told }
}

/**
 * A run that ended, or an operator, may have written the row after this run read it: an edit beside an older `Version` would be
 * obeyed once more by whoever reads it beside the new one.
 */
async function catchUp(table: HeldTable, row: StateRow): Promise<void> {
  const seen = table.run.item.row ?? {}
  const withoutLease = ({ Lease: _, LeaseEpoch: __, ...others }: StateRow) => others
  if (sameJson(withoutLease(seen), withoutLease(row))) return
  table.run = await reopenTableRun(table.run, row)
  table.catalog = catalogBefore(table.run, { takenOver: table.takenOver })
}

/** What a run that did not end well made of the catalog, nobody knows. */
function catalogBefore({ mirror }: TableRun, { takenOver }: { readonly takenOver: boolean }): HeldTable['catalog'] {
  return takenOver && mirror.catalog !== null ? { ...mirror.catalog, digest: null } : mirror.catalog
}

/**
 * Nothing is written where another run took the table over: then the row is that run's to write. Where something may lie
 * about, the lease stays behind, expired, as that of a dead run would: the next run then looks for it.
 */
async function mirrorAndRelease(table: HeldTable, lease: Lease, failure: DmscdcError | null): Promise<boolean> {
  const { run, finished } = table
  const { ports, item } = run
  const extra = rowFacts(table, failure, await endsInactive(table, failure))
  const writesFor = (standing: Lease): RowWrite[] => {
    const left = isClean(table) ? null : { Lease: { ...standing, expiresMs: 0 } }
    const writes: readonly RowWrite[] =
      finished === null ? [{ change: {}, condition: { Lease: standing } }] : mirrorWrites(table, failure, standing)
    return writes.map(({ change, condition }) => ({
      change: {
        set: { ...change.set, ...extra.set, ...left },
        remove: [...(change.remove ?? []), ...extra.remove, ...(left === null ? ['Lease'] : [])],
      },
      condition,
    }))
  }
  if ((await writeAsHolder(ports.state, item.id, lease, writesFor)) !== null) return true
  ports.log.warn({ table: tableName(item.id) }, 'another run took the table over; its row is left to that run')
  await settleForTheOther(table)
  // The other run may have found the table up to date before this one's last commit: the next one is to look again.
  if (table.finished !== null) await ports.state.update(item.id, { remove: ['Digest'] }, {})
  return false
}

/**
 * A restore sets the table inactive. The commit says so too, for a run that finds it and a row which was not told yet: there `Version` is older.
 * That is asked of the row as it is now, for the operator may have set the table active since this run read it.
 */
async function endsInactive(table: HeldTable, failure: DmscdcError | null): Promise<boolean> {
  const { run, finished, setInactive } = table
  if (setInactive && failure === null) return true
  const head = finished?.head ?? null
  if (!isRestoredSince(run, head)) return false
  const item = await run.ports.state.get(run.item.id)
  return item !== null && isRestoredSince({ mirror: readMirror(item) }, head)
}

const isClean = ({ settled, unswept, littered }: HeldTable) => settled && !unswept && !littered

/** An edit that no commit obeyed stands, whatever became of this run: the cursors are left as the operator wrote them. */
function mirrorWrites(table: HeldTable, failure: DmscdcError | null, lease: Lease): readonly RowWrite[] {
  const { item, mirror } = table.run
  const { full, twinsOnly } = mirrorChange(item.row as StateRow, mirrored(table, failure), lease)
  const stands = table.finished !== null && standingEdit(mirror, table.finished.head.progress) !== null
  return stands ? [twinsOnly] : [full, twinsOnly]
}

/** What this run placed may be stale under the head that the other run made: finishing that head takes it away again. */
async function settleForTheOther(table: HeldTable): Promise<void> {
  if (table.catalog !== null) table.catalog = { ...table.catalog, digest: null }
  for (let seen = -1; table.finished !== null && table.finished.head.version !== seen; ) {
    seen = table.finished.head.version
    await finishHead(table, await openHead(table.run))
  }
}

function mirrored(table: HeldTable, failure: DmscdcError | null) {
  const { run, finished, upToDate, cleared } = table
  const { head, published } = finished as NonNullable<HeldTable['finished']>
  const stands = table.catalogStanding.kind === 'stands'
  const { cursor } = head.progress
  const isSeen = failure === null && upToDate && stands && viewsAreDone(table)
  const { newestModifiedMs } = head.load
  return {
    lastIncrementalFile: cursor === null ? firstCursor(run.item.path) : `${run.item.path}${cursor}`,
    lastFullLoadDate: newestModifiedMs === null ? neverLoadedDate : dateText(newestModifiedMs),
    version: head.version,
    digest: isSeen ? digestWithout(run, cleared?.gone) : null,
    window: isSeen ? windowToKeep(run, head) : null,
    published: published.filter((view) => view !== 'glue' || stands),
  }
}

/** `2018-11-27 12:34:56`, UTC. */
function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** What `dmscdc tables` shows without reading the lake. */
function rowFacts(table: HeldTable, failure: DmscdcError | null, isInactive: boolean) {
  const { run, finished, catalog, cleared } = table
  const files = finished?.head.files
  const sizes = files && {
    Rows: sum(files.map(({ rows }) => rows)),
    DataFiles: files.length,
    Bytes: totalBytes(files),
    LastRun: new Date(run.ports.clock.nowMs()).toISOString(),
  }
  const adopted = finished?.head.progress.adopted
  const held =
    failure === null || errorPolicy[failure.kind].status !== 'held'
      ? {}
      : { Held: describe(failure, tableName(run.item.id)) }
  const known = catalog === null ? {} : { CatalogTable: catalog }
  const adoption = adopted === undefined ? {} : { Adopted: adopted }
  const inactive = isInactive ? { ActiveFlag: 'false' } : {}
  const retainedMs = isViewed(run.config.publish) ? 0 : (run.config.retainMs ?? 0)
  const retained = finished !== null && retainedMs > 0 ? { Retained: retainedMs } : {}
  const asked = cleared?.askAgainMs == null ? {} : { LandedAsked: new Date(cleared.askAgainMs).toISOString() }
  const gone = [
    ...(failure === null ? ['Held'] : []),
    ...(catalog === null ? ['CatalogTable'] : []),
    ...(finished !== null && adopted === undefined ? ['Adopted'] : []),
    ...(finished !== null && retainedMs === 0 && run.mirror.retainedMs !== null ? ['Retained'] : []),
  ]
  return { set: { ...sizes, ...held, ...known, ...adoption, ...asked, ...retained, ...inactive }, remove: gone }
}
