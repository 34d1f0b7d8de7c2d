import { createHash } from 'node:crypto'
import { type LandingTable, type Mirror, type Snapshot, type TableConfig, tableName } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { ownRoot, type TablePlace, tablePlace } from '../lake/keys.ts'
import { operationColumn } from '../landing/layout.ts'
import { listingDigest, listTable } from '../landing/listing.ts'
import { isTableName, reservedSchema } from '../landing/names.ts'
import { limits } from '../limits.ts'
import { countRequests, type RequestCounts } from '../objects/counting-objects.ts'
import type { Ports } from '../ports.ts'
import { readConfig, readMirror } from '../state/row.ts'
import type { StateItem, StateRow } from '../state/state-store.ts'
import { editedCursors } from './edited-cursors.ts'

/** One table at the start of its run, before its landing is asked: what the operator says, and what the row repeats. */
export type OpenTable = {
  readonly ports: Ports
  readonly item: StateItem
  readonly config: TableConfig
  readonly mirror: Mirror
  readonly place: TablePlace
  /** What the landing and the lake were asked for since the run began. */
  readonly costs: () => RequestCounts
  /** The table's engine session, opened when it is first wanted. */
  readonly session: () => Promise<EngineSession>
  readonly close: () => Promise<void>
}

/** The same with all that has landed, listed once and whole: nothing is decided on less. */
export type TableRun = OpenTable & {
  readonly listing: LandingTable
  /** Changes with what landed and with what the operator says. */
  readonly digest: string
}

/** Reads the row's settings; throws `invalid-config`. Costs no request. */
export function readSettings(ports: Ports, item: StateItem) {
  const config = readConfig(item, { lakePlace: ports.lake.place })
  refuseName(config)
  requireCatalog(ports, config)
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
export async function openTableRun(ports: Ports, item: StateItem): Promise<TableRun> {
  return listLanding(openTable(ports, item))
}

export async function listLanding(table: OpenTable): Promise<TableRun> {
  const { ports, item, config } = table
  const listing = await listTable(ports.landing, item.id)
  return { ...table, listing, digest: seenDigest(ports, listing, config) }
}

/** No request; the stores count from now on. Throws `invalid-config` as `readSettings` does. */
export function openTable(uncounted: Ports, item: StateItem): OpenTable {
  const landing = countRequests(uncounted.landing)
  const lake = countRequests(uncounted.lake)
  const ports = { ...uncounted, landing: landing.store, lake: lake.store }
  const settings = readSettings(ports, item)
  let session: Promise<EngineSession> | null = null
  return {
    ports,
    item,
    ...settings,
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

/** The same run on the row as it is now, and on what has landed by now; throws `invalid-config` as `readSettings` does. */
export async function reopenTableRun(run: TableRun, row: StateRow): Promise<TableRun> {
  const { ports } = run
  const item = { ...run.item, row }
  return listLanding({ ...run, item, ...readSettings(ports, item) })
}

/** Idle is decided before any lease and without the lake: the row says that all this was seen, and nobody left work or gave a command. */
export function seenBefore(run: TableRun): boolean {
  return run.mirror.digest === run.digest && isAsLeft(run)
}

/** Nobody left work or gave a command since the row was written; nothing is said of what has landed. */
export function isAsLeft({ item, mirror }: OpenTable): boolean {
  return mirror.version !== null && item.row?.Lease === undefined && editedCursors(mirror) === null
}

/** What the operator says; where the row says nothing of `KeepOp`, a lake that has the column `Op` keeps it. */
export function configFor({ config, item }: TableRun, head: Snapshot | null): TableConfig {
  const isSaid = (item.row?.KeepOp ?? '') !== ''
  const isKept = head?.columns.some(({ name }) => name === operationColumn) ?? false
  return isSaid ? config : { ...config, keepOp: config.keepOp || isKept }
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
export function digestWithout(
  { ports, listing, config, digest }: TableRun,
  gone: ReadonlySet<string> = new Set(),
): string {
  if (gone.size === 0) return digest
  return seenDigest(ports, { ...listing, changes: listing.changes.filter(({ key }) => !gone.has(key)) }, config)
}

/** Discovery registers no such table, but a row can be written by hand. */
function refuseName({ id }: TableConfig): void {
  if (isTableName(id.schema) && isTableName(id.table) && id.schema !== reservedSchema) return
  throw new DmscdcError(
    'invalid-config',
    `state row of ${tableName(id)}: schema or table has a name that no table can have, expected printable names of at most ${String(limits.nameBytes)} bytes, and no schema ${reservedSchema}`,
    { hint: 'delete the row' },
  )
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

/** A catalog's readers need a place that they can reach. */
function requireCatalog({ catalog, lake }: Ports, { id, publish }: TableConfig): void {
  if (catalog !== null || !publish.includes('glue')) return
  throw new DmscdcError(
    'invalid-config',
    `state row of ${tableName(id)}: attribute Publish is ${JSON.stringify(publish.join(','))}, expected no glue: the Glue Data Catalog needs a lake in S3, found ${lake.url}`,
    { hint: `dmscdc set ${tableName(id)} --publish delta` },
  )
}

export function seenDigest({ catalog }: Ports, listing: LandingTable, config: TableConfig): string {
  const { active: _, landed: __, ...settings } = config
  const database = config.publish.includes('glue') ? { database: catalog?.database } : {}
  const said = JSON.stringify({ ...settings, ...database })
  return createHash('sha256').update(listingDigest(listing)).update(said).digest('hex')
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
