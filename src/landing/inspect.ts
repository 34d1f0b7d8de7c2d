import type { LandingFile, TableConfig } from '../domain.ts'
import type { Cell, EngineSession } from '../engine/engine.ts'
import { listLiteral, literal } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { type CsvLines, csvLayout } from './csv.ts'
import { damagedLanding } from './landing-errors.ts'
import { type LandingLayout, layoutOf, type NamedType } from './layout.ts'

/** A landing file that the engine can read, and what it found in it. */
export type OpenedFile = {
  readonly file: LandingFile
  /** Where the engine reads it. */
  readonly path: string
  readonly layout: LandingLayout
  /** Null: it is Parquet. */
  readonly csv: CsvLines | null
  readonly sha256: string
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
      damage = copy === null ? vanished(file) : null
      if (copy === null) break
      fetched.push({ file, path: await session.link(copy.path), sha256: copy.sha256 ?? '', release: copy.release })
    }
    const readable = await readLayouts(session, config, fetched)
    opened.push(...readable.files)
    damage = readable.damage ?? damage
    if (damage !== null) return { files: opened, damage }
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
  const parquet = fetched.filter(({ file }) => file.format === 'parquet').map(({ path }) => path)
  const columns = await footers(session, parquet)
  const files: OpenedFile[] = []
  for (const one of fetched) {
    try {
      if (one.file.format === 'parquet') {
        const names = (columns ?? (await footers(session, [one.path])))?.get(one.path)
        if (names === undefined) throw damagedLanding(one.file, 'it is no whole Parquet file')
        files.push({ ...one, csv: null, layout: layoutOf(names, config.beforeImagePrefix) })
      } else files.push({ ...one, ...(await csvLayout(session, config, one.file, one.path)) })
    } catch (error) {
      if (error instanceof DmscdcError && error.kind !== 'bug') return { files, damage: error }
      throw error
    }
  }
  return { files, damage: null }
}

/** Top-level columns by path; null where one of the files cannot be read, for the query then fails as a whole. */
export async function footers(
  session: EngineSession,
  paths: readonly string[],
): Promise<Map<string, NamedType[]> | null> {
  if (paths.length === 0) return new Map()
  const files = listLiteral(paths.map(literal))
  const schema = `select file_name, name, duckdb_type, num_children from parquet_schema(${files})`
  const rows = await session.rows(`${schema} order by file_name, column_id`).catch((error: unknown) => {
    if (error instanceof DmscdcError && error.kind === 'bug') return null
    throw error
  })
  if (rows === null) return null
  const byPath = new Map<string, { readonly [column: string]: Cell }[]>(paths.map((path) => [path, []]))
  for (const row of rows) byPath.get(String(row.file_name))?.push(row)
  return new Map([...byPath].map(([path, elements]) => [path, topLevelColumns(elements)]))
}

/** Parquet lists a schema depth first: the root, then each column followed by its children. */
function topLevelColumns(elements: readonly { readonly [column: string]: Cell }[]): NamedType[] {
  const childrenOf = (at: number) => Number(elements[at]?.num_children ?? 0)
  const after = (at: number): number => {
    let next = at + 1
    for (let child = 0; child < childrenOf(at); child++) next = after(next)
    return next
  }
  const columns: NamedType[] = []
  for (let at = 1; at < elements.length; at = after(at)) {
    const nested = childrenOf(at) > 0
    columns.push({ name: String(elements[at]?.name), fileType: nested ? 'NESTED' : String(elements[at]?.duckdb_type) })
  }
  return columns
}

function vanished(file: LandingFile): DmscdcError {
  return new DmscdcError('unavailable', `read landing file ${file.key}: it was listed and is gone now`, {
    hint: 'run again: the landing is listed anew',
  })
}
