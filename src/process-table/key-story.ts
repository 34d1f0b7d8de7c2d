import { type Column, type DataFile, type LandingFile, type Snapshot, tableName } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { duckdbType, list, literal } from '../engine/sql.ts'
import { asDmscdcError, UsageError } from '../errors.ts'
import { dataSelect } from '../lake/data-sql.ts'
import { addedIn, type HistoryEntry, inForce, readHistory } from '../lake/history.ts'
import { openDataFiles } from '../lake/open-data.ts'
import { typeText } from '../lake-types.ts'
import { openLanding } from '../landing/inspect.ts'
import { holds, type Key, type KeyRow, keyRows } from '../landing/key-rows.ts'
import { planMerge } from '../load-incremental/merge.ts'
import { type CommitMark, type Fate, fates } from './landing-fate.ts'
import { onNewestHead } from './on-newest-head.ts'
import { configFor, type TableRun } from './table-run.ts'

/** What `why --json` prints: how a key came to its row. All values are text as the lake would hold them, null for NULL. */
export type KeyStory = {
  readonly table: string
  readonly key: Key
  /** As the lake holds it now; null: it holds no such key. `version` added the file. */
  readonly row: {
    readonly values: KeyRow['values']
    readonly file: string
    readonly version: number | null
  } | null
  /** In landing order. */
  readonly steps: readonly KeyStep[]
  /** Landing files that a commit took and that are not there any more: nobody knows whether they held the key. */
  readonly gone: readonly ({ readonly file: string } & CommitMark)[]
  /** Landing files that could not be looked into. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[]
  /** Commits that made the table anew, moved its progress or took commits back. */
  readonly turns: readonly (CommitMark & { readonly operation: string; readonly note: string | null })[]
}

export type KeyStep = KeyRow &
  Fate & {
    readonly file: string
    /** Columns whose values differ from those of the row before. */
    readonly changed: readonly string[]
    /** The last change that was taken, by the sequence column first: what the lake holds is this one's. */
    readonly decides: boolean
  }

/**
 * The story of one key: `values` are those of the key columns in their order. Reads every landing file of the table and, of the lake, the files
 * that may hold the key. Throws `UsageError` for a table without a key and for values that are none.
 */
export function keyStory(run: TableRun, values: readonly (string | null)[]): Promise<KeyStory> {
  return onNewestHead(run, (head) => storyOn(run, head, values))
}

async function storyOn(run: TableRun, head: Snapshot | null, values: readonly (string | null)[]): Promise<KeyStory> {
  const { ports, place, item } = run
  const key = keyOf(run, head, values)
  const session = await run.session()
  const history = head === null ? [] : await readHistory(ports.lake, place, { head: head.version })
  const table = { columns: head?.columns ?? [], partitionColumns: head?.partitionColumns ?? [], csv: run.config.csv }
  await refuseOtherValues(session, table.columns, key)
  const row = head === null ? null : await presentRow(run, session, head, key)
  const fateOf = fates(run, head, history)
  const found: Found[] = []
  const unreadable: { file: string; why: string }[] = []
  for await (const one of eachFile(run, session, head)) {
    if (one.kind === 'unreadable') {
      unreadable.push({ file: one.file.key, why: one.why })
      continue
    }
    const rows = await keyRows(session, table, one.opened, key)
    if (rows === null) unreadable.push({ file: one.opened.file.key, why: 'it lacks a column of the key' })
    for (const each of rows ?? []) found.push({ row: each, file: one.opened.file, fate: fateOf(one.opened.file) })
  }
  return {
    table: tableName(item.id),
    key,
    row,
    steps: stepsOf(found, await decidingStep(run, session, head, found)),
    gone: goneFiles(run, history),
    unreadable,
    turns: turnsOf(history),
  }
}

function keyOf({ config, item }: TableRun, head: Snapshot | null, values: readonly (string | null)[]): Key {
  const name = tableName(item.id)
  const columns = head?.progress.primaryKey ?? config.primaryKey
  if (columns === null)
    throw new UsageError(
      `${name} has no key`,
      `dmscdc set ${name} --primary-key <columns>, which the next run makes so`,
    )
  if (columns.length !== values.length)
    throw new UsageError(
      `${name} has the key (${columns.join(', ')}): found ${String(values.length)} values, expected ${String(columns.length)}`,
      `dmscdc why ${name} ${columns.map((column) => `<${column}>`).join(' ')}`,
    )
  return columns.map((column, at) => ({ column, value: values[at] ?? null }))
}

/** The values themselves are not named: a message may end in a log. */
async function refuseOtherValues(session: EngineSession, columns: readonly Column[], key: Key): Promise<void> {
  for (const { column, value } of key) {
    const type = columns.find(({ name }) => name === column)?.type
    if (type === undefined || value === null) continue
    const [row] = await session.rows(`select try_cast(${literal(value)} as ${duckdbType(type)}) is null as none`)
    if (row?.none !== true) continue
    throw new UsageError(
      `the value given for key column "${column}" is no ${typeText(type)}`,
      'dmscdc why --help: a value as the lake prints it; NULL by --null',
    )
  }
}

// ---- the lake -------------------------------------------------------------------------------------------------------

/** Found as the merge would find it: by the bounds in the log, then by the key columns. */
async function presentRow(run: TableRun, session: EngineSession, head: Snapshot, key: Key): Promise<KeyStory['row']> {
  const { ports, place } = run
  const shape = {
    columns: head.columns,
    partitionColumns: head.partitionColumns,
    keyColumns: key.map(({ column }) => column),
  }
  if (head.files.length === 0 || !shape.keyColumns.every((name) => head.columns.some((column) => column.name === name)))
    return null
  await session.reset()
  await session.run(`create temp view changes as select 0::bigint as ord, 'D' as op, ${list(keyColumnsSql(head, key))}`)
  const staging = { lake: ports.lake, place, txnId: '', newId: ports.newId, nowMs: ports.clock.nowMs }
  const { writeCosts: costs } = ports
  const input = { session, staging, snapshot: head, shape, batch: { beforeImages: false }, sequence: null, costs }
  const plan = await planMerge(input)
  await plan.opened.release()
  await session.reset()
  const [touched] = plan.touched
  if (touched === undefined) return null
  const values = await rowIn(run, session, head, { file: touched.file, key })
  const version = touched.file.addedVersion ?? (await addedIn(ports.lake, place, touched.file.path, head.version))
  return { values, file: touched.file.path, version }
}

const columnOf = ({ columns }: Snapshot, name: string) => columns.find((column) => column.name === name) as Column

function keyColumnsSql(head: Snapshot, key: Key): readonly string[] {
  return key.map(({ column, value }) => {
    const { type, fieldId } = columnOf(head, column)
    const isEmptyNull = value === '' && head.partitionColumns.includes(column)
    const text = value === null || isEmptyNull ? 'null' : literal(value)
    return `${text}::${duckdbType(type)} as c${String(fieldId)}`
  })
}

async function rowIn(
  { ports, place }: TableRun,
  session: EngineSession,
  head: Snapshot,
  { file, key }: { readonly file: DataFile; readonly key: Key },
): Promise<KeyRow['values']> {
  const opened = await openDataFiles(ports.lake, session, place, [{ number: 0, file }], {
    verify: true,
    unplaced: true,
  })
  const { columns, partitionColumns } = head
  const rows = dataSelect({ files: opened.files, columns, partitionColumns })
  const isIt = key.map(({ column, value }) => {
    const { type, fieldId } = columnOf(head, column)
    return holds(`c${String(fieldId)}`, type, value === '' && partitionColumns.includes(column) ? null : value)
  })
  const texts = columns.map(({ fieldId }) => `c${String(fieldId)}::varchar as c${String(fieldId)}`)
  const [row] = await session.rows(`select ${list(texts)} from (${rows}) where ${isIt.join(' and ')}`)
  await opened.release()
  return Object.fromEntries(
    columns.map(({ name, fieldId }) => [name, row?.[`c${String(fieldId)}`] ?? null]),
  ) as KeyRow['values']
}

// ---- the landing ----------------------------------------------------------------------------------------------------

type Looked =
  | { readonly kind: 'opened'; readonly opened: Awaited<ReturnType<typeof openLanding>>['files'][number] }
  | { readonly kind: 'unreadable'; readonly file: LandingFile; readonly why: string }

const filesAtOnce = 100

/** Every landing file in its order, some opened at a time; one that is damaged stops none of the others. */
async function* eachFile(run: TableRun, session: EngineSession, head: Snapshot | null): AsyncGenerator<Looked> {
  const files = [...run.listing.loads, ...run.listing.changes]
  const config = configFor(run, head)
  run.ports.log.info({ table: tableName(run.item.id), files: files.length }, 'reads its landing files')
  for (let at = 0; at < files.length; ) {
    const some = files.slice(at, at + filesAtOnce)
    const { files: opened, damage } = await openLanding(run.ports.landing, session, config, some)
    for (const one of opened) yield { kind: 'opened', opened: one }
    for (const one of opened) await one.release()
    const damaged = some[opened.length]
    if (damage !== null && damaged !== undefined)
      yield { kind: 'unreadable', file: damaged, why: asDmscdcError(damage).message }
    at += damage === null ? some.length : opened.length + 1
    await session.reset()
  }
}

type Found = { readonly row: KeyRow; readonly file: LandingFile; readonly fate: Fate }

/** The last of the rows that were taken: by the sequence column where the table has one, then by landing order. -1: none was. */
async function decidingStep(
  { config: { sequenceColumn } }: TableRun,
  session: EngineSession,
  head: Snapshot | null,
  found: readonly Found[],
): Promise<number> {
  const taken = found.flatMap(({ row, fate }, at) => (fate.state === 'taken' ? [{ row, at }] : []))
  const column = head?.columns.find(({ name }) => name === sequenceColumn)
  if (column === undefined || taken.length === 0) return taken.at(-1)?.at ?? -1
  const values = taken.map(({ row, at }) => {
    const value = row.values[column.name] ?? null
    return `(${String(at)}, ${value === null ? 'null' : literal(value)}::varchar)`
  })
  const last = `last(steps.n order by try_cast(steps.v as ${duckdbType(column.type)}) nulls first, steps.n)`
  const [row] = await session.rows(`select ${last} as n from (values ${list(values)}) as steps(n, v)`)
  return Number(row?.n)
}

function stepsOf(found: readonly Found[], deciding: number): readonly KeyStep[] {
  let before: KeyRow['values'] = {}
  return found.map(({ row, file, fate }, at) => {
    const isImage = row.side === 'new' && row.op !== 'D'
    const changed = isImage ? differing(before, row.values) : []
    if (isImage) before = row.values
    return { ...row, ...fate, file: file.key, changed, decides: at === deciding }
  })
}

function differing(before: KeyRow['values'], now: KeyRow['values']): readonly string[] {
  if (Object.keys(before).length === 0) return []
  return Object.keys(now).filter((column) => (before[column] ?? null) !== (now[column] ?? null))
}

/** Only what the table is made of counts: what came before it was last made anew is in no row any more. */
function goneFiles({ listing }: TableRun, history: readonly HistoryEntry[]): KeyStory['gone'] {
  const present = new Set([...listing.loads, ...listing.changes].map(({ key }) => key))
  const gone = new Map<string, CommitMark>()
  for (const { version, timestampMs, operation, receipt } of inForce(history)) {
    for (const key of receipt?.landingFiles ?? [])
      if (!present.has(key) && !gone.has(key)) gone.set(key, { version, timestampMs })
    if (operation === 'INITIAL' || operation === 'REBUILD') break
  }
  return [...gone].map(([file, mark]) => ({ file, ...mark })).reverse()
}

function turnsOf(history: readonly HistoryEntry[]): KeyStory['turns'] {
  const ordinary = ['MERGE', 'APPEND', 'COMPACT', 'FENCE', 'SKIP']
  return history
    .filter(({ operation }) => !ordinary.includes(operation))
    .map(({ version, timestampMs, operation, receipt }) => ({
      version,
      timestampMs,
      operation,
      note: receipt?.note ?? null,
    }))
    .reverse()
}
