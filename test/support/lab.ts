import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { ulid } from 'ulid'
import { systemClock } from '../../src/clock.ts'
import { type CycleOptions, runCycle } from '../../src/controller/run-cycle.ts'
import { setTables } from '../../src/controller/set-table.ts'
import { type TableVerdict, verifyTables } from '../../src/controller/verify-tables.ts'
import type { WriteCosts } from '../../src/costs.ts'
import { duckdbEngine } from '../../src/engine/duckdb-engine.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { literal } from '../../src/engine/sql.ts'
import { defaultWriteCosts } from '../../src/load-incremental/choose-write.ts'
import { silentLog } from '../../src/log.ts'
import { fileObjects } from '../../src/objects/file-objects.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { fileState } from '../../src/state/file-state.ts'
import { processHolder } from '../../src/state/holder.ts'
import type { SetOptions } from '../../src/state/row.ts'

/** Splices wherever it can be done, whatever it costs; rows that arrive begin a row group of their own. */
export const eagerSplices: WriteCosts = {
  ...defaultWriteCosts,
  spliceBytes: 0,
  copiedByte: 0,
  deadShareMax: 1,
  smallGroupRows: 0,
  sampledGroupsMin: 1,
  newRowsInMemoryMax: 0,
  comparedAtOnceMax: 0,
  newRowsPartsMax: 1,
}

/** The same, with the old bytes put again, as small files on S3 have them. */
export const eagerJoins: WriteCosts = { ...eagerSplices, joinedBytesMax: Number.POSITIVE_INFINITY }

/** Merges small files in every commit that touches a partition which has two. */
export const eagerMerges: WriteCosts = { ...defaultWriteCosts, smallFilesMax: 1 }

/** Fetches the key columns of files before the files, however small these are; compares one column before the others, and has new rows on the disk. */
export const eagerProbes: WriteCosts = {
  ...defaultWriteCosts,
  sampledGroupsMin: 1,
  newRowsInMemoryMax: 0,
  comparedAtOnceMax: 0,
  probe: { bytesMin: 0, shareMax: 1, gapBytes: 0 },
}

/** A landing, a lake and a state in a temporary folder, and the means to land files, run cycles and read the lake. */
export type Lab = {
  readonly folder: string
  readonly landing: string
  readonly lake: string
  readonly state: string
  readonly ports: Ports
  /** Runs SQL in a DuckDB of the test's own: makes landing files, reads the lake as a plain reader does. */
  sql(statement: string): Promise<Record<string, unknown>[]>
  /** Lands a Parquet file of a query's rows at a key of the landing, such as `s/t/LOAD00000001.parquet`; a note makes its bytes its own. */
  land(key: string, select: string, note?: string): Promise<string>
  /** Lands bytes or text as they are. */
  landBytes(key: string, body: string | Uint8Array): Promise<string>
  set(table: string, options: SetOptions): Promise<void>
  /** One cycle over the given ports (the lab's own by default). */
  run(options?: Partial<CycleOptions> & { readonly ports?: Ports }): Promise<readonly TableReport[]>
  /** One cycle; the report of one table. */
  runOne(table: string, options?: { readonly ports?: Ports }): Promise<TableReport>
  verify(): Promise<readonly TableVerdict[]>
  /** All rows of a table's bare folder, as a plain reader sees them (Hive partitions on), in a given order. */
  rows(table: string, orderBy?: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

export async function openLab(overrides: Partial<Ports> = {}): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'dmscdc-lab-'))
  const [landing, lake, state] = ['landing', 'lake', 'state'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(landing)
  const reader = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
  await reader.run(`set TimeZone = 'UTC'`)
  let engine: Promise<Engine> | null = null
  const landingStore = fileObjects(landing)
  const ports: Ports = {
    landing: landingStore,
    lake: fileObjects(lake),
    state: fileState({ dir: state, landingPlace: landingStore.place }),
    catalog: null,
    engine: () => {
      engine ??= duckdbEngine({ memoryBytes: 1e9, threads: 2, temp: join(folder, 'work'), readable: [folder] })
      return engine
    },
    clock: systemClock,
    log: silentLog,
    newId: () => ulid(),
    holder: processHolder(),
    batchBytesMax: 256e6,
    writeCosts: defaultWriteCosts,
    ...overrides,
  }
  const sql = async (statement: string) =>
    (await reader.runAndReadAll(statement)).getRowObjectsJson() as Record<string, unknown>[]
  const landBytes = async (key: string, body: string | Uint8Array) => {
    const path = join(landing, key)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, body)
    return path
  }
  const run: Lab['run'] = async ({ ports: given, ...options } = {}) =>
    (await runCycle(given ?? ports, { tables: [], concurrency: 1, ...options })).tables
  return {
    folder,
    landing,
    lake,
    state,
    ports,
    sql,
    landBytes,
    async land(key, select, note) {
      const path = join(landing, key)
      await mkdir(dirname(path), { recursive: true })
      const metadata = note === undefined ? '' : `, kv_metadata {note: ${literal(note)}}`
      await sql(`copy (${select}) to ${literal(path)} (format parquet${metadata})`)
      return path
    },
    async set(table, options) {
      await setTables(ports, table, options)
    },
    run,
    async runOne(table, options = {}) {
      const report = (await run(options)).find((one) => one.table === table)
      if (report === undefined) throw new Error(`no report of ${table}`)
      return report
    },
    verify: () => verifyTables(ports, []),
    async rows(table, orderBy = 'all') {
      const [schema, name] = table.split('.') as [string, string]
      const files = `${lake}/${schema}/${name}/**/*.parquet`
      return sql(
        `select * from read_parquet(${literal(files)}, hive_partitioning = true, union_by_name = true) order by ${orderBy}`,
      )
    },
    async close() {
      await (await engine)?.close()
      reader.closeSync()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Gives a landing object another date. */
export async function redate(path: string, date: string): Promise<void> {
  await utimes(path, new Date(date), new Date(date))
}
