import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { DmscdcError } from '../errors.ts'
import { isOfDeadProcess, processMark } from '../own-process.ts'
import { concatenate, hashSpans, readBytes, segmentsOf } from './duckdb-scratch.ts'
import {
  type Cell,
  type ColumnStatistics,
  type EncodeRequest,
  type Engine,
  type EngineSession,
  rowGroupRows,
  type WriteRequest,
  type WrittenFile,
  writtenKeyValues,
} from './engine.ts'
import { ident, list, listLiteral, literal } from './sql.ts'

export type DuckdbOptions = {
  /** DuckDB's memory limit in all. */
  readonly memoryBytes: number
  readonly threads: number | null
  /** Spill and work folder; made if missing, what a run puts there goes with it. */
  readonly temp: string
  /** Local folders that may be read: the landing and the lake where they are on this machine. */
  readonly readable: readonly string[]
}

/** DuckDB inside this process. It may read and write its work folder, read `readable`, and nothing else; it loads no extension. */
export async function duckdbEngine(options: DuckdbOptions): Promise<Engine> {
  await mkdir(options.temp, { recursive: true })
  await removeAbandoned(options.temp)
  const work = await realpath(await mkdtemp(join(options.temp, `dmscdc-work-${processMark()}-`)))
  const instance = await openInstance(options, work)
  let sessions = 0
  return {
    async openSession() {
      const folder = join(work, `session-${String(++sessions)}`)
      await mkdir(folder)
      return openSession(await instance.connect(), folder)
    },
    async close() {
      instance.closeSync()
      await rm(work, { recursive: true, force: true })
    },
  }
}

/** A killed run cannot remove its spill files, which may be large: the next run does. */
async function removeAbandoned(temp: string): Promise<void> {
  for (const name of await readdir(temp)) {
    const mark = /^dmscdc-work-(\d+-\d+)-/u.exec(name)?.[1]
    if (mark !== undefined && isOfDeadProcess(mark))
      await rm(join(temp, name), { recursive: true, force: true }).catch(() => {})
  }
}

async function openInstance(options: DuckdbOptions, work: string): Promise<DuckDBInstance> {
  const settings: Record<string, string> = { preserve_insertion_order: 'true' }
  settings.memory_limit = `${String(Math.floor(options.memoryBytes / 1e3))}KB`
  // Else the allocator keeps what was freed, and the process grows to twice the limit (measured; dearer the smaller it is).
  settings.allocator_bulk_deallocation_flush_threshold = `${String(Math.floor(options.memoryBytes / 256e3))}KB`
  if (options.threads !== null) settings.threads = String(options.threads)
  const instance = await DuckDBInstance.create(':memory:', settings).catch((cause: unknown) => {
    throw new DmscdcError('invalid-config', `engine settings: ${messageOf(cause)}`, {
      hint: 'give --memory as in 512MB or 4GB, and --threads as a whole number',
      cause,
    })
  })
  const readable = await Promise.all(options.readable.map(realFolder))
  const connection = await instance.connect()
  const allowed = [work, ...readable].map((folder) => literal(folder.endsWith('/') ? folder : `${folder}/`))
  for (const statement of [
    `set temp_directory = ${literal(join(work, 'spill'))}`,
    `set global TimeZone = 'UTC'`,
    'set autoinstall_known_extensions = false',
    'set autoload_known_extensions = false',
    `set allowed_directories = ${listLiteral(allowed)}`,
    'set enable_external_access = false',
    'set lock_configuration = true',
  ])
    await connection.run(statement)
  connection.closeSync()
  return instance
}

/** The folder without symbolic links, as the engine compares paths; one that is not there yet by its nearest parent. */
async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder)
  } catch {
    return dirname(folder) === folder ? folder : join(await realFolder(dirname(folder)), basename(folder))
  }
}

function openSession(connection: DuckDBConnection, folder: string): EngineSession {
  let made = 0
  const fresh = (name: string) => join(folder, `${String(++made)}-${name}`)
  let results = 0
  const rows = async (sql: string) => {
    if (++results % resultsPerCollection === 0) collectGarbage()
    const reader = await guarded(sql, () => connection.runAndReadAll(sql))
    return reader.getRowObjectsJson() as { [column: string]: Cell }[]
  }
  const run = async (sql: string) => {
    await guarded(sql, () => connection.run(sql))
  }
  return {
    run,
    rows,
    async link(localPath) {
      const path = fresh('in')
      await symlink(localPath, path)
      return path
    },
    async write(request) {
      const target = fresh('out')
      await mkdir(target)
      return writtenFiles(await rows(copyStatement(request, target)))
    },
    async encode(request) {
      const path = fresh('chunks')
      const [written] = await rows(encodeStatement(request, path))
      return Number(written?.count) === 0 ? null : { scratchFile: path, sizeBytes: Number(written?.file_size_bytes) }
    },
    readBytes,
    hashSpans,
    async concatenate(groups) {
      const scratchFile = fresh('joined')
      return { scratchFile, segments: await concatenate(scratchFile, groups) }
    },
    async writeText(name, text) {
      const path = fresh(name)
      await writeFile(path, text)
      return path
    },
    scratchPath: async (name) => fresh(name),
    sizeOf: async (path) => (await stat(path)).size,
    async reset() {
      for (const table of await rows(`select table_name as t, table_type as k from information_schema.tables`))
        await run(`drop ${table.k === 'VIEW' ? 'view' : 'table'} if exists ${ident(String(table.t))} cascade`)
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
    },
    interrupt: () => connection.interrupt(),
    async close() {
      connection.closeSync()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * A result keeps native memory until its JavaScript object is collected, and nothing tells the collector how much:
 * a thousand COPYs with their statistics held 350 MB beyond the engine's limit.
 */
const resultsPerCollection = 50
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** One COPY. */
function copyStatement(request: WriteRequest, target: string): string {
  const options = parquetOptions(request.fieldIds, rowGroupRows)
  const single = request.fileBytesTarget === undefined
  if (!single) options.push(`file_size_bytes ${String(request.fileBytesTarget)}`)
  return `copy (${request.select}) to ${literal(single ? join(target, 'data.parquet') : target)} (${list(options)})`
}

function encodeStatement(request: EncodeRequest, path: string): string {
  const options = parquetOptions(request.fieldIds, request.rowGroupRows)
  return `copy (${request.select}) to ${literal(path)} (${list(options)})`
}

/** zstd level 1 costs the least for the size (DESIGN §7). */
function parquetOptions(fieldIds: ReadonlyMap<string, number>, rows: number): string[] {
  const ids = [...fieldIds].map(([name, id]) => `${literal(name)}: ${String(id)}`)
  const keyValues = writtenKeyValues.map((text) => text.split('=').map(literal).join(': '))
  return [
    'format parquet',
    'compression zstd',
    'compression_level 1',
    `row_group_size ${String(rows)}`,
    'return_stats',
    `kv_metadata {${list(keyValues)}}`,
    `field_ids {${list(ids)}}`,
  ]
}

async function writtenFiles(returned: readonly { readonly [column: string]: unknown }[]): Promise<WrittenFile[]> {
  const files: WrittenFile[] = []
  for (const row of returned) {
    if (Number(row.count) === 0) continue
    const scratchFile = String(row.filename)
    files.push({
      scratchFile,
      rows: Number(row.count),
      sizeBytes: Number(row.file_size_bytes),
      footerBytes: Number(row.footer_size_bytes),
      segments: await segmentsOf(scratchFile, Number(row.file_size_bytes)),
      statistics: readStatistics(row.column_statistics as StatisticsMap),
    })
  }
  return files
}

type StatisticsMap = { key: string; value: { key: string; value: string }[] }[]

function readStatistics(map: StatisticsMap): ReadonlyMap<string, ColumnStatistics> {
  return new Map(
    map.map(({ key, value }) => {
      const facts = new Map(value.map((fact) => [fact.key, fact.value]))
      return [
        key.slice(1, -1).replaceAll('""', '"'),
        {
          nullCount: Number(facts.get('null_count') ?? 0),
          min: facts.get('min') ?? null,
          max: facts.get('max') ?? null,
          hasNan: facts.get('has_nan') === 'true',
        },
      ]
    }),
  )
}

/** DuckDB tells its errors apart by the first words of the message alone; no value of a row passes on. */
async function guarded<T>(sql: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw engineError(sql, cause)
  }
}

function engineError(sql: string, cause: unknown): DmscdcError {
  const message = messageOf(cause)
  if (message.startsWith('Out of Memory'))
    return new DmscdcError('unavailable', `engine ran out of memory: ${firstLine(message)}`, {
      hint: 'give more with --memory, or fewer tables at once with --concurrency',
      outOfMemory: true,
      cause,
    })
  if (/No space left|Could not write all|max_temp_directory_size/u.test(message))
    return new DmscdcError('unavailable', 'engine could not write its work folder: no space left', {
      hint: 'give a larger folder with --temp',
      cause,
    })
  // These are about the statement; all others may quote a row.
  const aboutStatement = /^(?:Binder|Parser|Catalog) Error: [^\n]{0,200}/u.exec(message)?.[0]
  const kind = aboutStatement ?? /^[A-Z][A-Za-z ]* Error/u.exec(message)?.[0] ?? 'error'
  return new DmscdcError('bug', `engine: ${kind} in ${sql.slice(0, 60).replaceAll(/\s+/gu, ' ')}…`, {
    hint: 'run again with --verbose and report the trace',
    cause,
  })
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
const firstLine = (text: string) => text.split('\n')[0] ?? text
