import type { Column, Snapshot } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { onNewestHead } from '../process-table/on-newest-head.ts'
import type { TableRun } from '../process-table/table-run.ts'
import type { Comparison, KeyRange, KeyTexts, Source } from '../source/source.ts'
import { rowsPerRange } from './comparison.ts'
import { scanLake, type Within } from './lake-side.ts'
import * as sql from './sql.ts'

/** Both sides of one comparison, and where it is worked out. */
export type Sides = {
  readonly run: TableRun
  readonly session: EngineSession
  readonly source: Source
  readonly comparison: Comparison
}

export type Compared = {
  /** The version whose rows were counted. */
  readonly head: Snapshot
  readonly sourceRows: number
  readonly lakeRows: number
  readonly ranges: number
  /** Ranges whose hashes differ. */
  readonly rangesDiffering: number
}

/**
 * Compares counts and sums of hashes, range by range of keys and bucket by bucket; of the buckets that differ, row by row.
 * What differs then stands in `doubt` (with a key) or in the prints (without one). Each range of the source is read once, and
 * once more where it differs.
 */
export async function compare(sides: Sides): Promise<Compared> {
  const { session, source, comparison } = sides
  const cuts = await source.cuts(comparison, rowsPerRange)
  const ranges = [null, ...cuts].map((from, at): KeyRange => ({ from, to: cuts[at] ?? null }))
  const columns = comparison.columns.map(({ column }) => column)
  const read = await onHead(sides.run, async (head) => {
    for (const statement of sql.createTables(comparison)) await session.run(statement)
    if (ranges.length > 1) await session.run(sql.insertRanges(ranges))
    tell(sides, `reads version ${String(head.version)} of the lake`)
    await scanLake({ ...sides, head, columns }, (rows) => sql.insertLakeCells(comparison, rows))
    return head
  })
  for (const [at, range] of ranges.entries()) {
    tell(sides, `reads range ${String(at + 1)} of ${String(ranges.length)} in the source`)
    const digests = await source.digests(comparison, range)
    if (digests.length > 0) await load(session, digests, (path) => sql.insertSourceCells(path, at))
  }
  await session.run(sql.createDoubtCells())
  const doubtful = await session.rows(sql.selectDoubtCells())
  for (const { r, buckets } of doubtful) {
    const wanted = JSON.parse(String(buckets)) as number[]
    tell(sides, `reads ${String(wanted.length)} buckets of range ${String(Number(r) + 1)} row by row`)
    for await (const page of source.prints(comparison, ranges[Number(r)] as KeyRange, wanted))
      await load(session, page, (path) => sql.insertSourcePrints(comparison, path))
  }
  if (doubtful.length > 0)
    await onHead(sides.run, async (head) => {
      await session.run('delete from lake_prints')
      await scanLake({ ...sides, head, columns }, (rows) => sql.insertLakePrints(comparison, rows))
    })
  if (comparison.keys.length > 0) await session.run(sql.insertDoubt(comparison))
  const [rows] = await session.rows(sql.countRows())
  return {
    head: read,
    sourceRows: Number(rows?.source),
    lakeRows: Number(rows?.lake),
    ranges: ranges.length,
    rangesDiffering: doubtful.length,
  }
}

/** Reads the keys in doubt again, in the source and at the lake's newest version, which it returns: what differs still stands in `verdict`, and in `doubt`. */
export async function lookAgain(sides: Sides): Promise<Snapshot> {
  const { comparison, run } = sides
  const columns = comparison.columns.map(({ column }) => column)
  const read = await onHead(run, async (head) => {
    await readDoubt(sides, head, columns)
    return head
  })
  await keepWhatDiffers(sides)
  return read
}

/** Of the rows just read: `verdict` says what became of each key in doubt, and those that are equal are in doubt no more. */
export async function keepWhatDiffers({ session, comparison }: Sides): Promise<void> {
  await session.run(sql.createVerdict(comparison))
  await session.run(sql.keepDoubt(comparison))
}

/** Fills `source_rows` and `lake_rows` with the rows of the keys in doubt. */
export async function readDoubt(sides: Sides, head: Snapshot, lakeColumns: readonly Column[]): Promise<void> {
  const { session, source, comparison } = sides
  for (const statement of sql.createRowTables(comparison, lakeColumns)) await session.run(statement)
  for await (const keys of doubtfulKeys(sides))
    for await (const page of source.rows(comparison, keys))
      await load(session, page, (path) => sql.insertSourceRows(comparison, path))
  if ((await session.rows(sql.selectDoubleSource(comparison))).length > 0) throw doubleInSource(comparison)
  const within = await boundsOfDoubt(sides)
  const scan = { ...sides, head, columns: lakeColumns, ...(within === null ? {} : { within }) }
  await scanLake(scan, (rows) => sql.insertLakeRows(comparison, lakeColumns, rows))
}

function onHead<T>(run: TableRun, work: (head: Snapshot) => Promise<T>): Promise<T> {
  return onNewestHead(run, (head) => {
    if (head === null) throw notLoaded()
    return work(head)
  })
}

async function* doubtfulKeys({ session, source, comparison }: Sides): AsyncGenerator<readonly KeyTexts[]> {
  const [count] = await session.rows(sql.countDoubt())
  const keys = Number(count?.keys)
  for (let from = 0; from < keys; from += source.keysAtOnce) {
    const rows = await session.rows(sql.selectDoubt(comparison, from, from + source.keysAtOnce))
    yield rows.map((row) => comparison.keys.map((_, at) => row[`k${String(at)}`] as string | null))
  }
}

async function boundsOfDoubt({ session, comparison: { lead } }: Sides): Promise<Within | null> {
  if (lead === null) return null
  const [row] = await session.rows(sql.doubtBounds())
  if (row?.low == null || row.high == null) return null
  return { column: lead.column, low: String(row.low), high: String(row.high), nulls: Number(row.nulls) > 0 }
}

async function load(
  session: EngineSession,
  lines: readonly string[],
  statement: (path: string) => string,
): Promise<void> {
  await session.run(statement(await session.writeText('source.csv', `${lines.join('\n')}\n`)))
}

function tell({ run }: Sides, what: string): void {
  run.ports.log.info({ table: `${run.item.id.schema}.${run.item.id.table}` }, what)
}

export function notLoaded(): DmscdcError {
  return new DmscdcError('invalid-config', 'the table was not loaded yet: there is nothing to compare', {
    hint: 'dmscdc run; then compare again',
  })
}

function doubleInSource({ keys }: Comparison): DmscdcError {
  const names = keys.map(({ column }) => column.name).join(', ')
  return new DmscdcError('invalid-config', `key (${names}) is not unique in the source, which the lake takes it for`, {
    hint: 'name the columns that make a row unique: dmscdc set <table> --primary-key a,b',
  })
}
