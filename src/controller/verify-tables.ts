import { type DataFile, type Snapshot, type TableId, tableName } from '../domain.ts'
import { literal } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { inForce, readHistory } from '../lake/history.ts'
import { countDoubleKeys } from '../lake/rewrite.ts'
import { type Problem, verifyTable } from '../lake/verify.ts'
import { landingOrder } from '../landing/names.ts'
import { generationOf, pendingChanges } from '../landing/pending.ts'
import type { Ports } from '../ports.ts'
import { openHead } from '../process-table/open-head.ts'
import { describe } from '../process-table/table-report.ts'
import { type TableRun, withTableRun } from '../process-table/table-run.ts'
import { parseLease } from '../state/lease-row.ts'
import type { StateItem } from '../state/state-store.ts'
import { sum } from '../sum.ts'
import { named } from './named-tables.ts'
import { knownTables } from './register.ts'

/** What `verify --json` prints of a table (CONTRACT §1). */
export type TableVerdict = {
  readonly table: string
  readonly ok: boolean
  readonly version: number | null
  readonly rows: number
  readonly files: number
  readonly problems: readonly Problem[]
}

/** Holds every loaded table, or those named, against its log; changes nothing. */
export async function verifyTables(ports: Ports, names: readonly TableId[]): Promise<readonly TableVerdict[]> {
  const known = await knownTables(ports)
  const items = names.length === 0 ? known : await named(ports, known, names)
  const verdicts: TableVerdict[] = []
  for (const item of items) {
    const verdict = await verdictOf(ports, item)
    if (verdict !== null) verdicts.push(verdict)
  }
  return verdicts
}

/** Null for a table that has never loaded. */
async function verdictOf(ports: Ports, item: StateItem): Promise<TableVerdict | null> {
  try {
    return await withTableRun(ports, item, verifyNewest)
  } catch (thrown) {
    if (!(thrown instanceof DmscdcError)) throw thrown
    const { message } = describe(thrown, tableName(item.id))
    const problem: Problem = { kind: thrown.kind === 'corrupt-lake' ? 'missing' : 'damaged', path: item.path, message }
    return { table: tableName(item.id), ok: false, version: null, rows: 0, files: 0, problems: [problem] }
  }
}

/** Where another run moved the table on meanwhile, what was missing may only have been superseded: then the new head is looked at. */
async function verifyNewest(run: TableRun): Promise<TableVerdict | null> {
  for (let tries = 1; ; tries++) {
    const head = await openHead(run)
    if (head === null) return null
    const verdict = await verify(run, head)
    if (verdict.ok || tries === triesMax || (await openHead(run))?.version === head.version) return verdict
  }
}

const triesMax = 5

async function verify(run: TableRun, head: Snapshot): Promise<TableVerdict> {
  const { ports, place, mirror, item } = run
  const lease = parseLease(item.row?.Lease)
  const active = lease === 'malformed' ? null : lease?.txnId
  const session = await run.session()
  const problems = await verifyTable({
    store: ports.lake,
    place,
    snapshot: head,
    published: mirror.published,
    activeTxnIds: active == null ? [] : [active],
    async countRows(localPath) {
      const path = await session.link(localPath)
      const [row] = await session.rows(`select num_rows from parquet_file_metadata(${literal(path)})`)
      return Number(row?.num_rows)
    },
    duplicateKeys: (files: readonly DataFile[]) => {
      const { primaryKey } = head.progress
      return primaryKey === null
        ? Promise.resolve(0)
        : countDoubleKeys(session, { lake: ports.lake, place }, { ...head, files }, primaryKey)
    },
  })
  const all = [...problems, ...(await untaken(run, head))]
  return {
    table: tableName(item.id),
    ok: all.length === 0,
    version: head.version,
    rows: sum(head.files.map(({ rows }) => rows)),
    files: head.files.length,
    problems: all,
  }
}

/**
 * Landing files that no commit took and that no run will look at any more: their names are older than the look-back.
 * The log's own history says what was taken; a file that merely waits for the next run is no problem.
 */
async function untaken(run: TableRun, head: Snapshot): Promise<readonly Problem[]> {
  const { listing, ports, place } = run
  const waiting = new Set(pendingChanges(listing.changes, head.progress).map(({ key }) => key))
  const generation = generationOf(listing.loads, head.load)
  if ('files' in generation) for (const { key } of generation.files) waiting.add(key)
  const settled = [...listing.loads, ...listing.changes].filter(({ key }) => !waiting.has(key))
  const known = new Set([...head.load.files, ...head.progress.window].map(({ key }) => key))
  const { settledUpTo } = head.progress
  if (settledUpTo !== undefined)
    for (const { key } of listing.changes) if (landingOrder(key, settledUpTo) <= 0) known.add(key)
  if (settled.every(({ key }) => known.has(key))) return []
  const history = await readHistory(ports.lake, place, { head: head.version })
  if (history.length < head.version + 1) return []
  for (const { receipt } of inForce(history)) {
    for (const key of receipt?.landingFiles ?? []) known.add(key)
    for (const { key } of receipt?.passedOver ?? []) known.add(key)
  }
  const late = settled.filter(({ key }) => !known.has(key))
  return late.map(({ key, path }) => ({
    kind: 'untaken',
    path,
    message: `landing file ${key} came later than the look-back and was never taken`,
  }))
}
