import type { LandingFile, TableConfig } from '../domain.ts'
import type { Cell, EngineSession } from '../engine/engine.ts'
import { listLiteral, literal } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { type CsvLines, csvLayout } from './csv.ts'
import { damagedLanding, rewrittenLanding, unlessMoved, vanishedLanding } from './landing-errors.ts'
import { type LandingLayout, layoutOf, type NamedType } from './layout.ts'

/** A landing file that the engine can read, and what it found in it. */
export type OpenedFile = {
  readonly file: LandingFile
  /** Where the engine reads it. */
  readonly path: string
  readonly layout: LandingLayout
  /** Null: it is Parquet. */
  readonly csv: CsvLines | null
  /** Hex, of its bytes; they are read for it when it is called, which may be while the engine reads them. */
  readonly sha256: () => Promise<string>
  readonly release: () => Promise<void>
}

export type Opened = {
  /** The readable files before the first that is not. */
  readonly files: readonly OpenedFile[]
  /** The first file that could not be read; it and all after it are not in `files`. */
  readonly damage: DmscdcError | null
}

/** Fetches landing files in their order and reads their columns, up to the first that is damaged or gone. */
export async function openLanding(
  landing: ObjectStore,
  session: EngineSession,
  config: TableConfig,
  files: readonly LandingFile[],
): Promise<Opened> {
  const opened: OpenedFile[] = []
  for (let at = 0; at < files.length; at += filesPerFooterQuery) {
    const fetched: FetchedFile[] = []
    let damage: DmscdcError | null = null
    for (const file of files.slice(at, at + filesPerFooterQuery)) {
      const copy = await landing.fetch(file.path, { sha256: true })
      damage = copy === null ? vanishedLanding(file) : copy.etag === file.etag ? null : rewrittenLanding(file)
      if (copy === null) break
      if (damage !== null) {
        await copy.release()
        break
      }
      const { path, release, sha256 } = copy
      fetched.push({ file, path: await session.link(path), sha256: async () => (await sha256?.()) ?? '', release })
    }
    const readable = await readLayouts(session, config, fetched)
    opened.push(...readable.files)
    damage = readable.damage ?? damage
    if (damage !== null)
      return { files: opened, damage: await unlessMoved(landing, files[opened.length] as LandingFile, damage) }
  }
  return { files: opened, damage: null }
}

const filesPerFooterQuery = 250

type FetchedFile = Omit<OpenedFile, 'layout' | 'csv'>

async function readLayouts(
  session: EngineSession,
  config: TableConfig,
  fetched: readonly FetchedFile[],
): Promise<Opened> {
  const { whole, damage } = await wholeFiles(session, fetched)
  const parquet = whole.filter(({ file }) => file.format === 'parquet').map(({ path }) => path)
  const columns = await footers(session, parquet)
  const files: OpenedFile[] = []
  for (const one of whole) {
    try {
      if (one.file.format === 'parquet') {
        const names = (columns ?? (await footers(session, [one.path])))?.get(one.path)
        if (names === undefined) throw damagedLanding(one.file, noParquet)
        refuseColumns(one.file, names)
        files.push({ ...one, csv: null, layout: layoutOf(names, config.beforeImagePrefix) })
      } else {
        const lines = await csvLayout(session, config, one.file, one.path)
        refuseColumns(one.file, lines.layout.columns)
        files.push({ ...one, ...lines })
      }
    } catch (error) {
      if (error instanceof DmscdcError && error.kind !== 'bug') return { files, damage: error }
      throw error
    }
  }
  return { files, damage }
}

const noParquet = `it is no whole Parquet file (with a schema of at most ${String(limits.schemaElements)} elements)`

/** The files up to the first that is no Parquet by its end, or whose footer is too large to be read: the engine reads it whole, beside its memory limit. */
async function wholeFiles(session: EngineSession, fetched: readonly FetchedFile[]) {
  for (const [at, { file, path }] of fetched.entries()) {
    if (file.format !== 'parquet') continue
    const footerBytes = await session.footerBytesOf(path)
    if (footerBytes !== null && footerBytes <= session.footerBytesMax) continue
    const found =
      footerBytes === null
        ? noParquet
        : `its footer has ${String(footerBytes)} bytes, expected at most ${String(session.footerBytesMax)}`
    return { whole: fetched.slice(0, at), damage: damagedLanding(file, found) }
  }
  return { whole: fetched, damage: null }
}

function refuseColumns(file: LandingFile, columns: readonly NamedType[]): void {
  if (columns.length > limits.columns)
    throw damagedLanding(file, `it has ${String(columns.length)} columns, expected at most ${String(limits.columns)}`)
  for (const [at, { name }] of columns.entries()) {
    const column = `the name of column ${String(at + 1)}`
    if (Buffer.byteLength(name) > limits.columnNameBytes)
      throw damagedLanding(file, `${column} is too long, expected at most ${String(limits.columnNameBytes)} bytes`)
    // No database has such a column, and to the engine a statement ends there.
    if (name.includes('\0')) throw damagedLanding(file, `${column} has a zero byte`)
  }
}

/** Top-level columns by path, without a file that has more of them than can be looked at; null where one of the files cannot be read, for the query then fails as a whole. */
export async function footers(
  session: EngineSession,
  paths: readonly string[],
): Promise<Map<string, NamedType[]> | null> {
  if (paths.length === 0) return new Map()
  const files = listLiteral(paths.map(literal))
  const schema = `select file_name, name, duckdb_type, num_children from parquet_schema(${files}) where column_id <= ${String(limits.schemaElements)}`
  const rows = await session.rows(`${schema} order by file_name, column_id`).catch((error: unknown) => {
    if (error instanceof DmscdcError && error.kind === 'bug') return null
    throw error
  })
  if (rows === null) return null
  const byPath = new Map<string, { readonly [column: string]: Cell }[]>(paths.map((path) => [path, []]))
  for (const row of rows) byPath.get(String(row.file_name))?.push(row)
  const read = [...byPath].filter(([, elements]) => elements.length <= limits.schemaElements)
  return new Map(read.map(([path, elements]) => [path, topLevelColumns(elements)]))
}

/** Parquet lists a schema depth first: the root, then each column followed by its children. How many those are is the file's claim. */
function topLevelColumns(elements: readonly { readonly [column: string]: Cell }[]): NamedType[] {
  const childrenOf = (at: number) => Math.max(0, Number(elements[at]?.num_children ?? 0))
  const columns: NamedType[] = []
  for (let at = 1; at < elements.length; ) {
    const nested = childrenOf(at) > 0
    columns.push({ name: String(elements[at]?.name), fileType: nested ? 'NESTED' : String(elements[at]?.duckdb_type) })
    for (let expected = 1; expected > 0 && at < elements.length; at++) expected += childrenOf(at) - 1
  }
  return columns
}
