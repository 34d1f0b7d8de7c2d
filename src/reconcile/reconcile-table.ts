import { type Snapshot, tableName } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { baseName, nameTimeMs } from '../landing/names.ts'
import { generationOf, pendingChanges } from '../landing/pending.ts'
import { openHead } from '../process-table/open-head.ts'
import type { TableRun } from '../process-table/table-run.ts'
import type { OpenSource, Source } from '../source/source.ts'
import { byMilliseconds } from './coarse-times.ts'
import { compare, lookAgain, notLoaded, type Sides } from './compare.ts'
import { chooseComparison, type LeftOut } from './comparison.ts'
import { type Repaired, repair } from './repair.ts'
import * as sql from './sql.ts'

export type ReconcileOptions = {
  readonly repair: boolean
  /** Keys to name of each kind. */
  readonly limit: number
  /** How long to wait for keys that differ to become equal. */
  readonly settleMs: number
}

/** One key's texts; `columns` are those that differ. */
export type Example = { readonly key: readonly (string | null)[]; readonly columns?: readonly string[] }

/** What `reconcile --json` prints. */
export type Reconciliation = {
  readonly table: string
  /** Nothing differs (any more). */
  readonly ok: boolean
  readonly source: string
  readonly lake: {
    readonly version: number
    /** The last landing file that the lake holds. */
    readonly upTo: string | null
    /** The time in its name, else null. */
    readonly freshThrough: string | null
    /** Landing files that no run has taken yet. */
    readonly pending: number
  }
  /** Empty: the table has no key, and whole rows are compared. */
  readonly key: readonly string[]
  readonly rows: { readonly source: number; readonly lake: number }
  readonly ranges: { readonly compared: number; readonly different: number }
  readonly leftOut: readonly LeftOut[]
  readonly notes: readonly string[]
  /** `inFlight`: keys that differed at first and were equal when they were read again. */
  readonly differences: {
    readonly missing: number
    readonly extra: number
    readonly different: number
    readonly inFlight: number
  }
  /** How many of the different rows differ in a column. */
  readonly columns: { readonly [column: string]: number }
  readonly examples: {
    readonly missing: readonly Example[]
    readonly extra: readonly Example[]
    readonly different: readonly Example[]
  }
  readonly repaired: Repaired | null
  readonly queries: number
  readonly ms: number
}

/** Holds a loaded table against its source. Throws what the source throws, and `invalid-config` for a table that was not loaded yet. */
export async function reconcileTable(
  run: TableRun,
  openSource: OpenSource,
  options: ReconcileOptions,
): Promise<Reconciliation> {
  const session = await run.session()
  const head = await openHead(run)
  if (head === null) throw notLoaded()
  const source = await openSource({ id: run.item.id, config: run.config, columns: head.columns, session })
  try {
    return await reconcileWith(run, head, { session, source }, options)
  } finally {
    await source.close()
  }
}

async function reconcileWith(
  run: TableRun,
  head: Snapshot,
  { session, source }: { readonly session: EngineSession; readonly source: Source },
  options: ReconcileOptions,
): Promise<Reconciliation> {
  const startedMs = run.ports.clock.nowMs()
  const { comparison: chosen, leftOut } = chooseComparison(head, await source.columns())
  const { comparison, notes } = await byMilliseconds(chosen, { run, session, head })
  if (options.repair && comparison.keys.length === 0) throw nothingToRepairBy(run)
  const sides: Sides = { run, session, source, comparison }
  const compared = await compare(sides)
  const { head: at, ...found } = comparison.keys.length === 0 ? await countRows(sides) : await settle(sides, options)
  const mends = options.repair && total(found) > 0
  const repaired = mends ? await repair(sides) : null
  const left = mends ? await settle(sides, { settleMs: 0, limit: 0 }) : found
  const { columns, examples, missing, extra, different, inFlight } = found
  return {
    table: tableName(run.item.id),
    ok: total(left) === 0,
    source: source.name,
    lake: standing(run, at ?? compared.head),
    key: comparison.keys.map(({ column }) => column.name),
    rows: { source: compared.sourceRows, lake: compared.lakeRows },
    ranges: { compared: compared.ranges, different: compared.rangesDiffering },
    leftOut,
    notes,
    differences: { missing, extra, different, inFlight },
    columns,
    examples,
    repaired,
    queries: source.queries(),
    ms: run.ports.clock.nowMs() - startedMs,
  }
}

function standing({ config, listing }: TableRun, { version, progress, load }: Snapshot): Reconciliation['lake'] {
  const { cursor } = progress
  const named = cursor === null ? null : nameTimeMs(baseName(cursor), config.landingTimezone)
  const generation = generationOf(listing.loads, load)
  const loads = 'files' in generation ? generation.files.length : 0
  return {
    version,
    upTo: cursor,
    freshThrough: named === null ? null : new Date(named).toISOString(),
    pending: loads + pendingChanges(listing.changes, progress).length,
  }
}

const total = ({ missing, extra, different }: Reconciliation['differences']) => missing + extra + different

type Found = Reconciliation['differences'] &
  Pick<Reconciliation, 'columns' | 'examples'> & {
    /** The version that was read last; null: no key had to be read again. */
    readonly head: Snapshot | null
  }

const noExamples = { missing: [], extra: [], different: [] }

/** Reads what differs again, at once and until nothing does or the time is up. */
async function settle(sides: Sides, options: Omit<ReconcileOptions, 'repair'>): Promise<Found> {
  const { clock } = sides.run.ports
  const untilMs = clock.nowMs() + options.settleMs
  const first = await countDoubt(sides)
  let left = first
  let head: Snapshot | null = null
  while (left > 0) {
    head = await lookAgain(sides)
    left = await countDoubt(sides)
    const waitMs = Math.min(lookEveryMs, untilMs - clock.nowMs())
    if (left === 0 || waitMs <= 0) break
    await clock.sleep(waitMs)
  }
  const inFlight = first - left
  if (left === 0) return { missing: 0, extra: 0, different: 0, inFlight, columns: {}, examples: noExamples, head }
  return { ...(await describeVerdict(sides, options.limit)), inFlight, head }
}

async function countDoubt({ session }: Sides): Promise<number> {
  const [row] = await session.rows(sql.countDoubt())
  return Number(row?.keys)
}

const lookEveryMs = 30_000

async function describeVerdict(
  { session, comparison }: Sides,
  limit: number,
): Promise<Omit<Found, 'inFlight' | 'head'>> {
  const counts = new Map((await session.rows(sql.countVerdict())).map(({ kind, keys }) => [String(kind), Number(keys)]))
  const nameAt = (place: unknown) => comparison.columns[Number(place)]?.column.name ?? ''
  const examples = async (kind: string): Promise<readonly Example[]> => {
    const rows = await session.rows(sql.selectExamples(comparison, kind, limit))
    return rows.map((row) => {
      const key = comparison.keys.map((_, at) => row[`k${String(at)}`] as string | null)
      const columns = (JSON.parse(String(row.columns)) as number[]).map(nameAt)
      return kind === 'different' ? { key, columns } : { key }
    })
  }
  const columns = await session.rows(sql.countColumns())
  return {
    missing: counts.get('missing') ?? 0,
    extra: counts.get('extra') ?? 0,
    different: counts.get('different') ?? 0,
    columns: Object.fromEntries(columns.map(({ place, keys }) => [nameAt(place), Number(keys)])),
    examples: {
      missing: await examples('missing'),
      extra: await examples('extra'),
      different: await examples('different'),
    },
  }
}

async function countRows({ session, comparison }: Sides): Promise<Found> {
  const [row] = await session.rows(sql.countByPrint(comparison))
  const { missing, extra } = { missing: Number(row?.missing), extra: Number(row?.extra) }
  return { missing, extra, different: 0, inFlight: 0, columns: {}, examples: noExamples, head: null }
}

function nothingToRepairBy(run: TableRun): DmscdcError {
  const name = tableName(run.item.id)
  return new DmscdcError('invalid-config', `${name} has no key, so no row of it can be repaired`, {
    hint: `dmscdc set ${name} --primary-key a,b, or load it anew: dmscdc replay ${name} --from LOAD00000001.parquet`,
  })
}
