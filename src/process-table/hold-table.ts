import { type Lease, tableName } from '../domain.ts'
import { asDmscdcError, type DmscdcError, errorPolicy } from '../errors.ts'
import { acquireLease, leaseDurationMs } from '../state/acquire-lease.ts'
import { mirrorChange, type RowWrite, renewal } from '../state/lease-row.ts'
import { firstCursor, neverLoadedDate } from '../state/row.ts'
import type { StateRow } from '../state/state-store.ts'
import { writeAsHolder } from '../state/write-as-holder.ts'
import { standingEdit } from './edited-cursors.ts'
import { finishHead, viewsAreDone } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import { openHead } from './open-head.ts'
import { describe } from './table-report.ts'
import { digestWithout, type TableRun } from './table-run.ts'

export type Holding = { readonly kind: 'worked' } | { readonly kind: 'held-by'; readonly lease: Lease }

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
  const { catalog } = run.mirror
  const table: HeldTable = {
    run,
    runId,
    takenOver,
    unswept: takenOver,
    settled: true,
    notAfterMs: () => lease.expiresMs,
    renew,
    note,
    finished: null,
    catalog: takenOver && catalog !== null ? { ...catalog, digest: null } : catalog,
    catalogStanding: { kind: 'behind' },
    cleared: null,
    placed: [],
    upToDate: false,
  }
  const thrown = await work(table).then(
    () => null,
    (reason: unknown) => ({ reason }),
  )
  await stopRenewing()
  await mirrorAndRelease(table, lease, thrown && asDmscdcError(thrown.reason))
  if (thrown !== null) throw thrown.reason
  return { kind: 'worked' }
}

/**
 * Nothing is written where another run took the table over: then the row is that run's to write. Where something may lie
 * about, the lease stays behind, expired, as that of a dead run would: the next run then looks for it.
 */
async function mirrorAndRelease(table: HeldTable, lease: Lease, failure: DmscdcError | null): Promise<void> {
  const { run, finished } = table
  const { ports, item } = run
  const extra = rowFacts(table, failure)
  const writesFor = (standing: Lease): RowWrite[] => {
    const left = table.settled && !table.unswept ? null : { Lease: { ...standing, expiresMs: 0 } }
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
  if ((await writeAsHolder(ports.state, item.id, lease, writesFor)) !== null) return
  ports.log.warn({ table: tableName(item.id) }, 'another run took the table over; its row is left to that run')
  await settleForTheOther(table)
  // The other run may have found the table up to date before this one's last commit: the next one is to look again.
  if (table.finished !== null) await ports.state.update(item.id, { remove: ['Digest'] }, {})
}

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
  const { newestModifiedMs } = head.load
  return {
    lastIncrementalFile: cursor === null ? firstCursor(run.item.path) : `${run.item.path}${cursor}`,
    lastFullLoadDate: newestModifiedMs === null ? neverLoadedDate : dateText(newestModifiedMs),
    version: head.version,
    digest: failure === null && upToDate && stands && viewsAreDone(table) ? digestWithout(run, cleared?.gone) : null,
    published: published.filter((view) => view !== 'glue' || stands),
  }
}

/** `2018-11-27 12:34:56`, UTC. */
function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** What `dmscdc tables` shows without reading the lake. */
function rowFacts({ run, finished, catalog, cleared }: HeldTable, failure: DmscdcError | null) {
  const files = finished?.head.files
  const sizes = files && {
    Rows: files.reduce((total, { rows }) => total + rows, 0),
    DataFiles: files.length,
    Bytes: files.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    LastRun: new Date(run.ports.clock.nowMs()).toISOString(),
  }
  const adopted = finished?.head.progress.adopted
  const held =
    failure === null || errorPolicy[failure.kind].status !== 'held'
      ? {}
      : { Held: describe(failure, tableName(run.item.id)) }
  const known = catalog === null ? {} : { CatalogTable: catalog }
  const adoption = adopted === undefined ? {} : { Adopted: adopted }
  const asked = cleared?.askAgainMs == null ? {} : { LandedAsked: new Date(cleared.askAgainMs).toISOString() }
  const gone = [
    ...(failure === null ? ['Held'] : []),
    ...(catalog === null ? ['CatalogTable'] : []),
    ...(finished !== null && adopted === undefined ? ['Adopted'] : []),
  ]
  return { set: { ...sizes, ...held, ...known, ...adoption, ...asked }, remove: gone }
}
