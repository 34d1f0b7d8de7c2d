import type { Column, LandingFile, TableConfig } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { list, literal } from '../engine/sql.ts'
import type { DmscdcError } from '../errors.ts'
import { typeText } from '../lake-types.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { readCsv, unreadable } from './csv.ts'
import { isNoValueOf } from './csv-value.ts'
import { evolve, keepDropped } from './evolve.ts'
import { type OpenedFile, openLanding } from './inspect.ts'
import { damagedLanding, isAboutFile, movedSince, unlessMoved } from './landing-errors.ts'
import { landingSelect, rowsPerFileMax } from './landing-sql.ts'

/** Landing files that are fit to be applied; the session's view `changes` (ord, op, c…, b…) holds exactly their rows. */
export type Batch = {
  readonly files: readonly OpenedFile[]
  /** The table's columns once the batch is in. */
  readonly columns: readonly Column[]
  readonly widened: boolean
  /** Whether `changes` holds before-images of key columns that may say that a key changed. */
  readonly beforeImages: boolean
  /** What holds the table once these files are applied: the next file asked for cannot be. */
  readonly problem: DmscdcError | null
  release(): Promise<void>
}

/** What the table has before the batch. A full load that replaces it may bring other types under the same names. */
export type TableBefore = { readonly columns: readonly Column[]; readonly typesMayChange: boolean }

/** Opens landing files in their order, up to the first that is damaged, does not fit the table, or holds an unknown operation. */
export async function openBatch(
  landing: ObjectStore,
  session: EngineSession,
  config: TableConfig,
  files: readonly LandingFile[],
  before: TableBefore,
): Promise<Batch> {
  const opened = await openLanding(landing, session, config, files)
  const release = async () => {
    for (const file of opened.files) await file.release()
  }
  const fitting = fitToTable(config, before, opened.files)
  const bad = await firstUnfit(landing, session, config, fitting)
  if (bad === null) return { ...fitting, problem: fitting.problem ?? opened.damage, release }
  const cut = fitToTable(config, before, fitting.files.slice(0, bad.at))
  await createView(session, config, cut.files, cut.columns)
  const { file } = fitting.files[bad.at] as OpenedFile
  return { ...cut, problem: await unlessMoved(landing, file, bad.problem), release }
}

/** Makes the view, and looks through it for what cannot be applied. */
async function firstUnfit(
  landing: ObjectStore,
  session: EngineSession,
  config: TableConfig,
  { files, columns }: FittingFiles,
): Promise<{ readonly at: number; readonly problem: DmscdcError } | null> {
  try {
    await createView(session, config, files, columns)
    return await firstBadFile(session, config, files)
  } catch (error) {
    const moved = isAboutFile(error) ? await firstMoved(landing, files) : null
    if (moved === null) throw error
    return moved
  }
}

async function firstMoved(
  landing: ObjectStore,
  files: readonly OpenedFile[],
): Promise<{ readonly at: number; readonly problem: DmscdcError } | null> {
  for (const [at, { file }] of files.entries()) {
    const problem = await movedSince(landing, file)
    if (problem !== null) return { at, problem }
  }
  return null
}

/** The first of the files of an opened batch that cannot be read whole, or is not what was listed any more; null when all can. */
export async function firstUnreadable(
  landing: ObjectStore,
  session: EngineSession,
  config: Pick<TableConfig, 'csv'>,
  batch: Pick<Batch, 'files' | 'columns'>,
): Promise<{ readonly at: number; readonly problem: DmscdcError } | null> {
  const found = await firstUndecodable(session, config, batch)
  if (found === null) return firstMoved(landing, batch.files)
  const { file } = batch.files[found.at] as OpenedFile
  return { at: found.at, problem: await unlessMoved(landing, file, found.problem) }
}

/**
 * The first of the files that cannot be read whole, found by reading each one alone: its pages are damaged, or it has
 * values that the table's column cannot hold (a date that is no timestamp). Null when all can.
 */
async function firstUndecodable(
  session: EngineSession,
  { csv }: Pick<TableConfig, 'csv'>,
  { files, columns }: Pick<Batch, 'files' | 'columns'>,
): Promise<{ readonly at: number; readonly problem: DmscdcError } | null> {
  for (const [at, opened] of files.entries()) {
    const { file, path, layout } = opened
    if (file.format !== 'parquet') continue
    const names = layout.columns.map((_, column) => `r${String(column)}`)
    const scan = `select hash(${list(names)}) as h from read_parquet(${literal(path)}, hive_partitioning = false) as t(${list(names)})`
    const damage = await readFailure(session, scan)
    if (damage !== null) return { at, problem: damagedLanding(file, 'its pages cannot be decoded', damage) }
    const rows = landingSelect({ files: [opened], columns, partitionColumns: [], beforeImagesOf: [], csv })
    for (const { name, type, fieldId } of columns) {
      const cause = await readFailure(session, `select hash(c${String(fieldId)}) as h from (${rows})`)
      if (cause === null) continue
      const what = `column "${name}" holds values that are no ${typeText(type)}, which the table has`
      return { at, problem: damagedLanding(file, what, cause) }
    }
  }
  return null
}

async function readFailure(session: EngineSession, select: string): Promise<unknown> {
  return session.rows(`select bit_xor(h) as h from (${select})`).then(
    () => null,
    (cause: unknown) => {
      if (isAboutFile(cause)) return cause
      throw cause
    },
  )
}

/** The files up to the first that conflicts with the table's columns or lacks one of its key. */
function fitToTable(config: TableConfig, before: TableBefore, files: readonly OpenedFile[]): FittingFiles {
  const fitting = fitColumns(config, before, files)
  const lacking = firstWithoutKey(config, fitting)
  if (lacking === null) return fitting
  return { ...fitColumns(config, before, files.slice(0, lacking.at)), problem: lacking.problem }
}

type FittingFiles = Omit<Batch, 'release'>

/** Changes without their key would all be taken for changes of the row whose key is NULL. */
function firstWithoutKey({ primaryKey }: TableConfig, { files, columns }: FittingFiles) {
  const known = (primaryKey ?? []).filter((name) => columns.some((column) => column.name === name))
  for (const [at, { file, layout }] of files.entries()) {
    const missing = known.find((name) => !layout.columns.some((column) => column.name === name))
    if (missing === undefined) continue
    return { at, problem: damagedLanding(file, `it has no column "${missing}", which PrimaryKey names`) }
  }
  return null
}

function fitColumns(config: TableConfig, before: TableBefore, files: readonly OpenedFile[]): FittingFiles {
  const evolution = evolve(before.typesMayChange ? [] : before.columns, files, { keepOp: config.keepOp })
  const { widened, upTo, conflict } = evolution
  const columns = before.typesMayChange ? keepDropped(before.columns, evolution.columns) : evolution.columns
  const fitting = files.slice(0, upTo)
  const beforeImages = fitting.some(({ layout }) =>
    layout.columns.some(({ role, of }) => role === 'before' && config.primaryKey?.includes(of ?? '')),
  )
  return { files: fitting, columns, widened, beforeImages, problem: conflict }
}

async function createView(
  session: EngineSession,
  config: TableConfig,
  files: readonly OpenedFile[],
  columns: readonly Column[],
): Promise<void> {
  if (files.length === 0) return
  const select = landingSelect({
    files,
    columns,
    partitionColumns: config.partitionKey,
    beforeImagesOf: config.primaryKey ?? [],
    csv: config.csv,
  })
  await session.run(`create or replace temp view changes as ${select}`)
}

async function firstBadFile(
  session: EngineSession,
  config: TableConfig,
  files: readonly OpenedFile[],
): Promise<{ readonly at: number; readonly problem: DmscdcError } | null> {
  if (files.length === 0) return null
  for (const [at, opened] of files.entries()) {
    const problem = await badCsvValue(session, config, opened)
    if (problem !== null) return { at, problem }
  }
  return unknownOperation(session, config, files)
}

async function unknownOperation(session: EngineSession, config: TableConfig, files: readonly OpenedFile[]) {
  const query = `select min(ord) as first from changes where op is null or op not in ('I', 'U', 'D')`
  const [row] = await session.rows(query).catch(async (error: unknown) => {
    if (!isAboutFile(error)) throw error
    const undecodable = await firstUndecodable(session, config, { files, columns: [] })
    if (undecodable === null) throw error
    return [undecodable]
  })
  if (row === undefined || 'problem' in row) return (row as { at: number; problem: DmscdcError } | undefined) ?? null
  if (row.first === null || row.first === undefined) return null
  const first = BigInt(String(row.first))
  const at = Number(first / rowsPerFileMax)
  const { file } = files[at] as OpenedFile
  const where = `row ${String((first % rowsPerFileMax) + 1n)}`
  return { at, problem: damagedLanding(file, `column "Op" of ${where} is neither I, U nor D`) }
}

/** A CSV value that its declared type cannot hold. */
async function badCsvValue(
  session: EngineSession,
  config: TableConfig,
  opened: OpenedFile,
): Promise<DmscdcError | null> {
  const { file, path, layout, csv } = opened
  if (csv === null) return null
  const names = layout.columns.map((_, at) => `r${String(at)}`)
  const checks = layout.columns.flatMap(({ name, type }, at) => {
    if (type === null || type.kind === 'string') return []
    const exact = config.primaryKey?.includes(name) ?? false
    return [`count(*) filter (${isNoValueOf(`r${String(at)}`, type, { exact })}) as n${String(at)}`]
  })
  const scan = readCsv(path, config.csv, file, csv, names)
  const [counts] = await session
    .rows(`select ${list(['count(*) as total', ...checks])} from ${scan}`)
    .catch((cause: unknown) => {
      if (!isAboutFile(cause)) throw cause
      return [{ unreadable: damagedLanding(file, unreadable(csv.fields), cause) } as never]
    })
  if (counts !== undefined && 'unreadable' in counts) return counts.unreadable as unknown as DmscdcError
  const [lines, read] = [Math.max(0, csv.records - (csv.header ? 1 : 0)), Number(counts?.total ?? 0)]
  if (lines !== read) return damagedLanding(file, `it has ${String(lines)} lines of which ${String(read)} can be read`)
  const at = layout.columns.findIndex((_, column) => Number(counts?.[`n${String(column)}`] ?? 0) > 0)
  if (at < 0) return null
  const column = layout.columns[at]
  return damagedLanding(
    file,
    `column "${column?.name ?? ''}" holds values that are no ${column?.fileType.toLowerCase() ?? ''}`,
  )
}
