import pLimit from 'p-limit'
import * as z from 'zod'
import { type LandingTable, tableName } from '../domain.ts'
import { asDmscdcError, DmscdcError, errorKinds, printable } from '../errors.ts'
import { baseName, nameTimeMs } from '../landing/names.ts'
import { generationOf, pendingChanges } from '../landing/pending.ts'
import type { Ports } from '../ports.ts'
import { candidateKeys } from '../process-table/candidate-keys.ts'
import type { StartingPoint } from '../process-table/decide.ts'
import { editedCursors, startingPoint } from '../process-table/edited-cursors.ts'
import { asEdited } from '../process-table/move-table.ts'
import { openHead } from '../process-table/open-head.ts'
import { describe, isActive, type TableReport } from '../process-table/table-report.ts'
import { type TableRun, withTableRun } from '../process-table/table-run.ts'
import type { StateItem } from '../state/state-store.ts'
import { registerTables, sharedFolders } from './register.ts'

/** A table as `tables --json` prints it (CONTRACT §1). */
export type TableLine = {
  readonly table: string
  readonly active: boolean
  readonly primaryKey: readonly string[]
  readonly partitionKey: readonly string[]
  readonly status: 'inactive' | 'ready' | 'held'
  readonly version: number | null
  readonly rows: number
  readonly files: number
  readonly bytes: number
  readonly lastFullLoadDate: string
  readonly lastIncrementalFile: string
  /** Landing files that no commit has taken yet. */
  readonly pending: number
  readonly held: TableReport['error']
  /** The time in the name of the last change file taken, else the date of the full load. */
  readonly freshThrough: string | null
  readonly lastRun: string | null
  /** What was taken over in place from the job before this one; null once the table was loaded anew. */
  readonly adopted: { readonly files: number; readonly rows: number } | null
  /** Of an inactive table that never loaded: columns each of which makes a row of its first LOAD file unique. */
  readonly candidateKeys: readonly (readonly string[])[]
}

/** Every table of the landing or the state; one seen for the first time is registered, inactive. */
export async function listTables(ports: Ports): Promise<readonly TableLine[]> {
  const { items } = await registerTables(ports)
  const shared = sharedFolders(ports, items)
  const atOnce = pLimit(tablesAtOnce)
  return Promise.all(items.map((item) => atOnce(() => tableLine(ports, item, shared.get(tableName(item.id)) ?? null))))
}

/** Of 1,500 tables each costs at least a listing: one after the other that is a minute of waiting for S3. */
const tablesAtOnce = 8

async function tableLine(ports: Ports, item: StateItem, sharedFolder: DmscdcError | null): Promise<TableLine> {
  try {
    return await withTableRun(ports, item, (run) => describeTable(run, sharedFolder))
  } catch (thrown) {
    if (!(thrown instanceof DmscdcError)) throw thrown
    return unreadableLine(item, thrown)
  }
}

async function describeTable(run: TableRun, sharedFolder: DmscdcError | null): Promise<TableLine> {
  const { config, mirror, item } = run
  const held = sharedFolder === null ? heldIn(item) : describe(sharedFolder, tableName(item.id))
  return {
    ...rowFacts(item),
    active: config.active,
    primaryKey: config.primaryKey ?? [],
    partitionKey: config.partitionKey,
    status: !config.active ? 'inactive' : held === null ? 'ready' : 'held',
    version: mirror.version,
    lastFullLoadDate: mirror.lastFullLoadDate,
    lastIncrementalFile: mirror.lastIncrementalFile,
    pending: await countPending(run),
    held,
    freshThrough: freshThrough(run),
    candidateKeys: config.active || mirror.version !== null ? [] : await candidateKeys(run),
  }
}

function rowFacts({ id, row }: StateItem) {
  const number = (attribute: string) => (typeof row?.[attribute] === 'number' ? row[attribute] : 0)
  const lastRun = typeof row?.LastRun === 'string' ? row.LastRun : null
  const adopted = adoptedShape.safeParse(row?.Adopted).data ?? null
  const sizes = { rows: number('Rows'), files: number('DataFiles'), bytes: number('Bytes') }
  return { table: tableName(id), ...sizes, lastRun, adopted }
}

const adoptedShape = z.object({ files: z.number(), rows: z.number() })

function heldIn({ row }: StateItem): TableReport['error'] {
  return heldShape.safeParse(row?.Held).data ?? null
}

const text = z.string().transform(printable)
const heldShape = z.object({ kind: z.enum(errorKinds), message: text, hint: text })

async function countPending(run: TableRun): Promise<number> {
  const { mirror, digest, listing } = run
  if (mirror.digest === digest && editedCursors(mirror) === null) return 0
  const standing = mirror.version === null ? null : await openHead(run)
  const head = standing && (await asEdited(run, standing))
  if (head?.progress.reload === true) return listing.loads.length + listing.changes.length
  return pendingFiles(listing, head ?? startingPoint(run))
}

function pendingFiles(listing: LandingTable, head: StartingPoint): number {
  const generation = generationOf(listing.loads, head.load)
  const loads = 'files' in generation ? generation.files.length : 0
  return loads + pendingChanges(listing.changes, head.progress).length
}

function freshThrough({ config, mirror, item }: TableRun): string | null {
  const named = nameTimeMs(baseName(mirror.lastIncrementalFile.slice(item.path.length)), config.landingTimezone)
  if (named !== null) return new Date(named).toISOString()
  return mirror.version === null || mirror.lastFullLoadDate.startsWith('1900-')
    ? null
    : `${mirror.lastFullLoadDate.replace(' ', 'T')}.000Z`
}

function unreadableLine(item: StateItem, error: DmscdcError): TableLine {
  const text = (attribute: string) => (typeof item.row?.[attribute] === 'string' ? item.row[attribute] : '')
  const active = isActive(item)
  return {
    ...rowFacts(item),
    active,
    primaryKey: [],
    partitionKey: [],
    status: active ? 'held' : 'inactive',
    version: null,
    lastFullLoadDate: text('LastFullLoadDate'),
    lastIncrementalFile: text('LastIncrementalFile'),
    pending: 0,
    held: describe(asDmscdcError(error), tableName(item.id)),
    freshThrough: null,
    candidateKeys: [],
  }
}
