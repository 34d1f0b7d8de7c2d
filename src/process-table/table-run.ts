import { createHash } from 'node:crypto'
import { type LandingTable, type Mirror, type TableConfig, tableName } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { ownRoot, type TablePlace, tablePlace } from '../lake/keys.ts'
import { listingDigest, listTable } from '../landing/listing.ts'
import { countRequests, type RequestCounts } from '../objects/counting-objects.ts'
import type { Ports } from '../ports.ts'
import { firstCursor, neverLoadedDate, readConfig, readMirror } from '../state/row.ts'
import type { StateItem } from '../state/state-store.ts'

/** One table, read once at the start of its run: what the operator says, what the row repeats, what has landed. */
export type TableRun = {
  readonly ports: Ports
  readonly item: StateItem
  readonly config: TableConfig
  readonly mirror: Mirror
  readonly place: TablePlace
  readonly listing: LandingTable
  /** Changes with what landed and with what the operator says. */
  readonly digest: string
  /** What the landing and the lake were asked for since the run began. */
  readonly costs: () => RequestCounts
  /** The table's engine session, opened when it is first wanted. */
  readonly session: () => Promise<EngineSession>
  readonly close: () => Promise<void>
}

/** Reads the row's settings; throws `invalid-config`. Costs no request. */
export function readSettings(ports: Ports, item: StateItem) {
  const config = readConfig(item, { lakePlace: ports.lake.place })
  refuseArchiveInSchema(config)
  return { config, mirror: readMirror(item), place: placeOf(ports, config) }
}

/** Runs `work` on a table that is opened for it and closed after it. */
export async function withTableRun<T>(ports: Ports, item: StateItem, work: (run: TableRun) => Promise<T>): Promise<T> {
  const run = await openTableRun(ports, item)
  try {
    return await work(run)
  } finally {
    await run.close()
  }
}

/** Lists what has landed for the table, by stores that count from now on. */
export async function openTableRun(uncounted: Ports, item: StateItem): Promise<TableRun> {
  const landing = countRequests(uncounted.landing)
  const lake = countRequests(uncounted.lake)
  const ports = { ...uncounted, landing: landing.store, lake: lake.store }
  const settings = readSettings(ports, item)
  const listing = await listTable(ports.landing, item.id)
  let session: Promise<EngineSession> | null = null
  return {
    ports,
    item,
    ...settings,
    listing,
    digest: digestOf(listing, settings.config),
    costs: () => addCosts(landing.counts(), lake.counts()),
    session() {
      session ??= ports.engine().then((engine) => engine.openSession())
      return session
    },
    async close() {
      // One that did not open is its own error where it was asked for.
      await (await session?.catch(() => null))?.close()
    },
  }
}

/** Idle is decided before any lease and without the lake: the row says that all this was seen, and nobody left work. */
export function seenBefore({ item, mirror, digest }: TableRun): boolean {
  return mirror.digest === digest && mirror.version !== null && item.row?.Lease === undefined
}

/** Where the row says that the table's files are; it must lie in the lake. */
function placeOf(ports: Ports, config: TableConfig): TablePlace {
  const { place } = ports.lake
  const folder = config.outPlace.startsWith(place) ? config.outPlace.slice(place.length) : null
  if (folder !== null && folder !== '' && !folder.startsWith(ownRoot)) return tablePlace(config.id, folder)
  throw new DmscdcError(
    'invalid-config',
    `state row of ${tableName(config.id)}: attribute out_path leads to ${config.outPlace}, expected a folder below ${place}`,
    {
      hint: `correct the attribute out_path in the row, for instance to ${place}${config.id.schema}/`,
    },
  )
}

/** What the digest will be once these landing files are gone. */
export function digestWithout({ listing, config, digest }: TableRun, gone: ReadonlySet<string> = new Set()): string {
  if (gone.size === 0) return digest
  return digestOf({ ...listing, changes: listing.changes.filter(({ key }) => !gone.has(key)) }, config)
}

/** A table's own schema as its archive: the archived files would be tables. */
function refuseArchiveInSchema({ id, landed }: TableConfig): void {
  if (landed.kind !== 'archive' || ![id.schema, '_dmscdc'].includes(landed.prefix.split('/')[0] ?? '')) return
  throw new DmscdcError(
    'invalid-config',
    `state row of ${tableName(id)}: attribute Landed archives to ${landed.prefix}, expected a folder of the landing that is no schema`,
    { hint: 'dmscdc set <table> --landed archive:_taken/' },
  )
}

function digestOf(listing: LandingTable, config: TableConfig): string {
  const { active: _, landed: __, ...settings } = config
  return createHash('sha256').update(listingDigest(listing)).update(JSON.stringify(settings)).digest('hex')
}

/** A cursor that differs from its own twin was edited by hand. This version does not obey that, and must not write over it. */
export function refuseEditedCursors({ item, mirror }: TableRun): void {
  const edited =
    mirror.version === null
      ? mirror.lastIncrementalFile !== firstCursor(item.path) || mirror.lastFullLoadDate !== neverLoadedDate
      : mirror.lastIncrementalFile !== mirror.mirroredIncrementalFile ||
        mirror.lastFullLoadDate !== mirror.mirroredFullLoadDate
  if (!edited) return
  const was =
    mirror.version === null
      ? [firstCursor(item.path), neverLoadedDate]
      : [mirror.mirroredIncrementalFile, mirror.mirroredFullLoadDate]
  throw new DmscdcError(
    'invalid-config',
    `state row of ${tableName(item.id)}: LastIncrementalFile or LastFullLoadDate was edited by hand, which this version does not carry out`,
    { hint: `set LastIncrementalFile back to ${was[0] ?? ''} and LastFullLoadDate to ${was[1] ?? ''}` },
  )
}

export function addCosts(a: RequestCounts, b: RequestCounts): RequestCounts {
  const verbs = Object.keys(a.requests) as (keyof RequestCounts['requests'])[]
  const requests = Object.fromEntries(verbs.map((verb) => [verb, a.requests[verb] + b.requests[verb]]))
  return {
    requests: requests as RequestCounts['requests'],
    bytesRead: a.bytesRead + b.bytesRead,
    bytesWritten: a.bytesWritten + b.bytesWritten,
  }
}
