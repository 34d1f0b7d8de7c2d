import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createGunzip } from 'node:zlib'
import type { DuckDBConnection, DuckDBResultReader } from '@duckdb/node-api'
import pLimit from 'p-limit'
import { limits } from '../limits.ts'
import { isOfDeadProcess, processMark } from '../own-process.ts'
import { frameCsv } from './csv-frame.ts'
import { isOutOfMemory, scratchError } from './duckdb-errors.ts'
import { type FinishedFiles, watchFinished } from './duckdb-finished.ts'
import { type DuckdbOptions, openInstance } from './duckdb-instance.ts'
import { type Link, linkTo, renewedDatabases } from './duckdb-link.ts'
import { concatenate, extend, footerBytesOf, hashSpans, readBytes, segmentsOf } from './duckdb-scratch.ts'
import { runOnWorkers } from './duckdb-workers.ts'
import {
  type Cell,
  type ColumnStatistics,
  type EncodeRequest,
  type Engine,
  type EngineSession,
  rowGroupRows,
  type SpilledFile,
  type SpillRequest,
  type WriteRequest,
  type WrittenFile,
  writtenKeyValues,
} from './engine.ts'
import { ident, list, literal } from './sql.ts'

/** DuckDB inside this process. It may read and write its work folder, read `readable`, and nothing else; it loads no extension. */
export async function duckdbEngine(options: DuckdbOptions): Promise<Engine> {
  await mkdir(options.temp, { recursive: true })
  await removeAbandoned(options.temp)
  const work = await realpath(await mkdtemp(join(options.temp, `dmscdc-work-${processMark()}-`)))
  const databases = renewedDatabases(() => openInstance(options, work))
  await databases.connect().then((link) => link.close())
  const footerBytesMax = Math.min(limits.footerBytes, Math.floor(options.memoryBytes * limits.footerShareOfMemory))
  let sessions = 0
  return {
    async openSession() {
      const name = `session_${String(++sessions)}`
      const folder = join(work, name)
      await mkdir(folder)
      const link = await linkTo(databases, name)
      const atOnceMax = options.threads ?? availableParallelism()
      const wholeAtOnceMax = Math.min(atOnceMax, Math.max(1, Math.floor(options.memoryBytes / wholeFileBytes)))
      return openSession(link, { folder, footerBytesMax, atOnceMax, wholeAtOnceMax })
    },
    async close() {
      await databases.close()
      await rm(work, { recursive: true, force: true })
    },
  }
}

/** What a statement that writes all columns of a file takes. Beside another one it leaves no thread idle when its row groups run out. */
const wholeFileBytes = 250e6

/** A killed run cannot remove its spill files, which may be large: the next run does. */
async function removeAbandoned(temp: string): Promise<void> {
  for (const name of await readdir(temp)) {
    const mark = /^dmscdc-work-(\d+-\d+)-/u.exec(name)?.[1]
    if (mark !== undefined && isOfDeadProcess(mark))
      await rm(join(temp, name), { recursive: true, force: true }).catch(() => {})
  }
}

type SessionOptions = {
  readonly folder: string
  readonly footerBytesMax: number
  /** Statements that write files at once; and of these, such as write all columns. */
  readonly atOnceMax: number
  readonly wholeAtOnceMax: number
}

function openSession(link: Link, { folder, footerBytesMax, atOnceMax, wholeAtOnceMax }: SessionOptions): EngineSession {
  let made = 0
  const fresh = (name: string) => join(folder, `${String(++made)}-${name}`)
  let used = false
  let results = 0
  const rowsOf = async (reading: Promise<DuckDBResultReader>) => {
    if (++results % resultsPerCollection === 0) collectGarbage()
    return (await reading).getRowObjectsJson() as { [column: string]: Cell }[]
  }
  const rows = (sql: string) => {
    used = true
    return link.statement(sql, (connection) => rowsOf(connection.runAndReadAll(sql)))
  }
  const writing = (sql: string) => (connection: DuckDBConnection) => rowsOf(runOnWorkers(connection, sql))
  const write = (sql: string) => link.statement(sql, writing(sql))
  const limit = pLimit(atOnceMax)
  const limitWhole = pLimit(wholeAtOnceMax)
  const aside = (sql: string) => link.aside(sql, writing(sql))
  /** What finds too little memory beside the others is done once more, alone, as are all that begin after it. */
  const elseAlone = <T>(work: () => Promise<T>) =>
    work().catch((error: unknown) => {
      if (!isOutOfMemory(error)) throw error
      limit.concurrency = 1
      return work()
    })
  const encodeAside = async (request: EncodeRequest) => {
    const path = fresh('encoded')
    const [written] = await limit(() => aside(encodeStatement(request, path)))
    return Number(written?.count) === 0 ? null : { scratchFile: path, sizeBytes: Number(written?.file_size_bytes) }
  }
  const run = async (sql: string) => {
    used = true
    await link.statement(sql, (connection) => connection.run(sql))
  }
  return {
    run,
    rows,
    async link(localPath) {
      const path = fresh('in')
      await symlink(localPath, path)
      return path
    },
    footerBytesMax,
    footerBytesOf,
    async write(request, onFinished) {
      const target = fresh('out')
      await mkdir(target)
      const finished = watchFinished(target, onFinished)
      const copying = write(copyStatement(request, target))
      const stopped = copying.then(finished.stop, finished.stop)
      await Promise.allSettled([copying, stopped])
      const returned = await copying
      await stopped
      return writtenFiles(returned, finished.segments)
    },
    writeAside: (request) =>
      elseAlone(async () => {
        const target = fresh('out')
        const written = await limit(() =>
          limitWhole(async () => {
            await mkdir(target)
            return aside(copyStatement(request, target))
          }),
        )
        return (await writtenFiles(written, segmentsOf))[0] ?? null
      }),
    async encode(requests) {
      const encoding = requests.map((request) => elseAlone(() => encodeAside(request)))
      await Promise.allSettled(encoding)
      return Promise.all(encoding)
    },
    async spill(request) {
      const written = await write(spillStatement(request, fresh('spilled')))
      return written.filter(({ count }) => Number(count) > 0).map(spilledFile)
    },
    readBytes,
    hashSpans,
    async concatenate(groups) {
      const scratchFile = fresh('joined')
      return { scratchFile, segments: await intoWorkFolder(concatenate(scratchFile, groups)) }
    },
    async extend(first, tailFile) {
      const path = fresh('extended')
      await intoWorkFolder(extend(path, first, tailFile))
      return path
    },
    async writeText(name, text) {
      const path = fresh(name)
      await writeFile(path, text)
      return path
    },
    frameCsv: ({ path, gzip, ...dialect }) => frameCsv(bytesOf(path, { gzip }), dialect),
    scratchPath: async (name) => fresh(name),
    sizeOf: async (path) => (await stat(path)).size,
    async reset() {
      if (!used && made === 0) return
      const own = `select table_name as t, table_type as k from information_schema.tables where table_catalog in ('temp', current_database())`
      for (const table of await rows(own))
        await run(`drop ${table.k === 'VIEW' ? 'view' : 'table'} if exists ${ident(String(table.t))} cascade`)
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
    },
    interrupt: () => link.interrupt(),
    async close() {
      await link.close()
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
// V8 takes the code that it made at build time under the flags alone under which it made it.
setFlagsFromString('--no-expose-gc')

/** One COPY. */
function copyStatement(request: WriteRequest, target: string): string {
  const options = parquetOptions(request.fieldIds, rowGroupRows)
  const single = request.fileBytesTarget === undefined
  if (!single) options.push(`file_size_bytes ${String(request.fileBytesTarget)}`)
  return copyTo(single ? join(target, 'data.parquet') : target, request.select, options)
}

function encodeStatement(request: EncodeRequest, path: string): string {
  return copyTo(path, request.select, parquetOptions(request.fieldIds, request.rowGroupRows))
}

/** What is read once or twice is not worth zstd, nor looking for values that come again; a dictionary would take -0.0 and 0.0 for one. */
function spillStatement({ select, rowGroupRows: rows, apartBy }: SpillRequest, path: string): string {
  const apart = apartBy === null ? [] : [`partition_by (${ident(apartBy)})`]
  const encoding = ['format parquet', 'compression snappy', 'dictionary_size_limit 0']
  const options = [...encoding, `row_group_size ${String(rows)}`, 'return_stats', ...apart]
  return copyTo(path, select, options)
}

const copyTo = (path: string, select: string, options: readonly string[]) =>
  `copy (${select}) to ${literal(path)} (${list(options)})`

function spilledFile({ filename, partition_keys: keys }: { readonly [column: string]: unknown }): SpilledFile {
  const [apart] = (keys ?? []) as readonly { readonly value: string }[]
  return { scratchFile: String(filename), apart: apart?.value ?? null }
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
    ...(ids.length === 0 ? [] : [`field_ids {${list(ids)}}`]),
  ]
}

async function writtenFiles(
  returned: readonly { readonly [column: string]: unknown }[],
  segmentsOf: FinishedFiles['segments'],
): Promise<WrittenFile[]> {
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

/** An error of either stream reaches the reader; leaving off closes both. */
function bytesOf(path: string, { gzip }: { readonly gzip: boolean }): AsyncIterable<Buffer> {
  const bytes = createReadStream(path, { highWaterMark: 1 << 20 })
  if (!gzip) return bytes
  return pipeline(bytes, createGunzip({ chunkSize: 1 << 18 }), () => {})
}

const intoWorkFolder = <T>(writing: Promise<T>) =>
  writing.catch((thrown: unknown) => {
    throw scratchError(thrown)
  })
