import { isDeepStrictEqual } from 'node:util'
import { verifyTables } from '../../src/controller/verify-tables.ts'
import { deleteKey, manifestPrefix, retainedKey } from '../../src/lake/keys.ts'
import { faultyPorts } from '../support/faulty-ports.ts'
import type { RowReader } from './auditor.ts'
import { runTable } from './bench.ts'
import { stateText } from './known-history.ts'
import { dataKeyOf, dataPaths, type LogVersion, place, readLog, rememberedIn } from './lake-log.ts'
import { catalogName, id, type World } from './world.ts'

/** What a run has come to, whatever way it took there: no version, no name of a data file. */
export type Outcome = {
  readonly rows: string
  /** Summed over all commits: what is merged twice shows here even where it changes no row. */
  readonly changes: Readonly<Record<string, number>>
  readonly changeFilesTaken: unknown
  readonly cursor: unknown
  /** Those kept in mind: key and sequence value. */
  readonly deletions: readonly string[]
  readonly active: boolean
  readonly views: readonly string[]
  readonly catalog: unknown
}

/** Reads a lake at rest by its log's JSON alone. */
export async function readOutcome(world: World, reader: RowReader): Promise<Outcome> {
  const log = readLog(world.lake)
  const head = log.at(-1)
  for (const path of dataPaths(world.lake)) reader.learn(world.lake.get(dataKeyOf(path))?.body as Uint8Array)
  const changes: Record<string, number> = {}
  for (const entry of log)
    for (const [kind, count] of Object.entries(entry.changes)) changes[kind] = (changes[kind] ?? 0) + count
  return {
    rows: stateText(await reader.rowsOf([...(head?.live.values() ?? [])])),
    changes,
    changeFilesTaken: head?.progress.changeFilesTaken,
    cursor: head?.progress.cursor,
    deletions: await reader.deletionsIn(
      rememberedIn(head).flatMap((name) => world.lake.get(deleteKey(place, name))?.body ?? []),
    ),
    active: isActive(world),
    views: viewsOf(world),
    catalog: await world.catalog.describe(catalogName),
  }
}

function viewsOf({ lake }: World): readonly string[] {
  const manifest = manifestPrefix(place)
  const has = (prefix: string) => [...lake.keys()].some((key) => key.startsWith(prefix))
  return [...(has(`${place.dataPrefix}_delta_log/`) ? ['delta'] : []), ...(has(manifest) ? ['manifest'] : [])]
}

/** What is not as it must be of a lake at rest: the folder, our own folder, the row, the views, and that nothing is left to do. */
export async function unsoundness(world: World): Promise<readonly string[]> {
  const problems: string[] = []
  const [verdict] = await verifyTables(world.ports, [id])
  if (verdict?.ok !== true) problems.push(`verify: ${JSON.stringify(verdict?.problems)}`)
  const log = readLog(world.lake)
  const head = log.at(-1)
  problems.push(...strays(world, log))
  const row = rowOf(world)
  const live = [...(head?.live.keys() ?? [])].sort()
  const found = dataPaths(world.lake)
  const viewed = viewsOf(world).length > 0
  const unlisted = viewed ? [] : found.filter((path) => !live.includes(path))
  if (unlisted.length > 0) problems.push(`the folder still holds ${unlisted.join(', ')}`)
  if (row.Lease !== undefined) problems.push('the row still has a lease')
  if (row.MirroredIncrementalFile !== row.LastIncrementalFile || row.MirroredFullLoadDate !== row.LastFullLoadDate)
    problems.push('a cursor differs from its twin')
  return [...problems, ...staleness(world), ...(await restlessness(world))]
}

/** In our own folder there is, beside the log, exactly what the head remembers of deletions, and what `Retain` keeps. */
function strays(world: World, log: readonly LogVersion[]): readonly string[] {
  const own = [...world.lake.keys()].filter((key) => key.startsWith(place.ownPrefix) && !/_delta_log\//u.test(key))
  const remembered = rememberedIn(log.at(-1)).map((name) => deleteKey(place, name))
  const { due, allowed } = retainedIn(world, log)
  const stray = own.filter((key) => ![...remembered, ...allowed].includes(key))
  const missing = [...remembered, ...due].filter((key) => !own.includes(key))
  return [
    ...(stray.length > 0 ? [`our own folder still holds ${stray.join(', ')}`] : []),
    ...(missing.length > 0 ? [`our own folder does not hold ${missing.join(', ')}`] : []),
  ]
}

/** What has expired goes with the next commit: between its hour and that commit it may be there or not. */
function retainedIn(world: World, log: readonly LogVersion[]) {
  const retain = /^(\d+)([dh])$/u.exec(String(rowOf(world).Retain ?? ''))
  const retainMs = viewsOf(world).length > 0 || retain === null ? 0 : Number(retain[1]) * hours(retain[2]) * 3_600_000
  const committedMs = log.at(-1)?.committedMs ?? 0
  const removed = retainMs === 0 ? [] : log.flatMap((version) => version.removed)
  const endingAfter = (ms: number) =>
    removed.filter(({ deletedAtMs }) => deletedAtMs + retainMs > ms).map(({ path }) => retainedKey(place, path))
  return { due: endingAfter(world.nowMs), allowed: endingAfter(committedMs) }
}

const hours = (unit: string | undefined) => (unit === 'd' ? 24 : 1)

/** The row repeats the head. `isNotOver`: or it makes the next run look. */
export function staleness(world: World, { isNotOver = false } = {}): readonly string[] {
  const head = readLog(world.lake).at(-1)
  const row = rowOf(world)
  // A run that lost its lease may commit and not write the row: then it must make the next run look.
  if (isNotOver && row.Digest === undefined && Number(row.Version) <= Number(head?.version)) return []
  const cursor = String(row.path) + String(head?.progress.cursor ?? '0.parquet')
  return [
    ...(row.Version === head?.version
      ? []
      : [`the row is at version ${text(row.Version)}, the log at ${text(head?.version)}`]),
    ...(row.LastIncrementalFile === cursor
      ? []
      : [`the row's cursor is ${text(row.LastIncrementalFile)}, not ${cursor}`]),
  ]
}

const rowOf = ({ rows }: World) => JSON.parse(rows.get('s.t')?.text ?? '{}') as Readonly<Record<string, unknown>>
export const isActive = (world: World) => rowOf(world).ActiveFlag !== 'false'
const text = (value: unknown) => String(value)

/** The next run must find nothing to do, and write nothing. */
async function restlessness(world: World): Promise<readonly string[]> {
  const again = faultyPorts(world.ports, null)
  const report = await runTable(again.ports)
  const writes = again.calls.filter(({ writes }) => writes).map(({ verb, target }) => `${verb} ${target}`)
  if (report.status === (isActive(world) ? 'idle' : 'inactive') && writes.length === 0) return []
  return [`the next run is ${report.status}, and does ${writes.join(', ') || 'nothing'}`]
}

/** Names what differs. */
export function differences(found: Outcome, expected: Outcome): readonly string[] {
  return (Object.keys(expected) as (keyof Outcome)[]).flatMap((part) =>
    isDeepStrictEqual(found[part], expected[part])
      ? []
      : [`${part}: found ${JSON.stringify(found[part])}, expected ${JSON.stringify(expected[part])}`],
  )
}
