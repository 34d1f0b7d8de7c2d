import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { DmscdcError } from '../errors.ts'
import { ownThreadsOnly } from './duckdb-workers.ts'
import { listLiteral, literal } from './sql.ts'

export type DuckdbOptions = {
  /** DuckDB's memory limit in all. */
  readonly memoryBytes: number
  readonly threads: number | null
  /** Spill and work folder; made if missing, what a run puts there goes with it. */
  readonly temp: string
  /** Local folders that may be read: the landing and the lake where they are on this machine. */
  readonly readable: readonly string[]
}

/** What DuckDB counts of the memory that it takes: the rest is its allocator's, between the pieces. */
const countedShare = 0.95

/** A DuckDB that is locked in: what it may read, write and load cannot be changed by any statement. */
export async function openInstance(options: DuckdbOptions, work: string): Promise<DuckDBInstance> {
  const settings: Record<string, string> = { preserve_insertion_order: 'true', ...ownThreadsOnly }
  settings.memory_limit = `${String(Math.floor((options.memoryBytes * countedShare) / 1e3))}KB`
  // Else the allocator keeps what was freed, and the process grows to twice the limit. Given back in small pieces, memory costs its first touch again and again.
  settings.allocator_bulk_deallocation_flush_threshold = `${String(Math.floor(options.memoryBytes / 8e3))}KB`
  // What is read of a file is seldom read twice, and the kernel has it then.
  settings.enable_external_file_cache = 'false'
  // Rows that are kept apart are written by each thread when it has so many: else it would have half a million.
  settings.partitioned_write_flush_threshold = '65536'
  if (options.threads !== null) settings.threads = String(options.threads)
  const instance = await DuckDBInstance.create(':memory:', settings).catch((cause: unknown) => {
    throw new DmscdcError(
      'invalid-config',
      `engine settings: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'give --memory as in 512MB or 4GB, and --threads as a whole number',
        cause,
      },
    )
  })
  const readable = await Promise.all(options.readable.map(realFolder))
  const connection = await instance.connect()
  const allowed = [work, ...readable].map((folder) => literal(folder.endsWith('/') ? folder : `${folder}/`))
  const statements = [
    `set temp_directory = ${literal(join(work, 'spill'))}`,
    `set global TimeZone = 'UTC'`,
    'set autoinstall_known_extensions = false',
    'set autoload_known_extensions = false',
    `set allowed_directories = ${listLiteral(allowed)}`,
    'set enable_external_access = false',
    'set lock_configuration = true',
  ]
  await connection.run(statements.join('; '))
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
