import { cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import type { RunReport } from '../src/controller/run-cycle.ts'
import { listLiteral, literal } from '../src/engine/sql.ts'
import { pythonReaders } from '../test/support/python.ts'
import { type Measured, measure } from './process.ts'
import { type Batch, batches, batchFile, expectedRows, loadFile, tableHash } from './workload.ts'

const launcher = fileURLToPath(new URL('../bin/dmscdc', import.meta.url))
const peersFolder = fileURLToPath(new URL('peers/', import.meta.url))
const loadFiles = 16

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    runs: { type: 'string', default: '3' },
    case: { type: 'string', multiple: true },
    peer: { type: 'string', multiple: true, default: ['delta-rs', 'plain-duckdb'] },
    memory: { type: 'string', default: '512MB' },
    folder: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
})

const usage = `npm run bench -- [options]   wall seconds, CPU seconds, peak memory and bytes of each case, ours beside the peers

  --rows N        rows of the table (10,000,000); fewer give a quick look, in which starting the process weighs more
  --runs N        runs of each case and system, interleaved (3)
  --case C        only this one; may be given again: initial, ${batches.map(({ name }) => name).join(', ')}
  --peer P        delta-rs, plain-duckdb; "none" leaves all of them out
  --memory M      of ours (512MB)
  --folder DIR    where the files go; they are removed at the end
`

const rows = Number(options.rows)
const runs = Number(options.runs)
const wanted = (name: string) => options.case === undefined || options.case.includes(name)
const sql = await (await DuckDBInstance.create(':memory:', { memory_limit: '4GB' })).connect()

type System = {
  readonly name: string
  /** Makes the loaded table in an empty folder. */
  readonly load: (folder: string) => Promise<Measured>
  readonly merge: (folder: string, changeFiles: readonly string[]) => Promise<Measured>
  /** Relation of the table's rows. */
  readonly read: (folder: string) => Promise<string>
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(options.folder, 'dmscdc-bench-'))
  try {
    say(`${String(rows)} rows × 12 columns, ${String(runs)} runs, on ${machine()}`)
    const load = await writeLoad(join(folder, 'load'))
    const systems = [ours(load), ...(await peers(load))]
    for (const system of systems) await prepare(folder, system)
    for (const batch of batches.filter(({ name }) => wanted(name) || wanted(`again-${name}`)))
      await benchBatch(folder, systems, load, batch)
    await floors(folder, load)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function machine(): string {
  const [cpu] = cpus()
  return `${String(availableParallelism())} × ${cpu?.model.trim() ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`
}

async function writeLoad(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  for (let file = 0; file < loadFiles; file++) {
    const path = join(folder, `LOAD${(file + 1).toString(16).toUpperCase().padStart(8, '0')}.parquet`)
    await copyTo(loadFile(rows, loadFiles, file), path, 'compression zstd')
  }
  say(`the table: ${megabytes(bytesBelow(folder))} in ${String(loadFiles)} LOAD files`)
  return folder
}

/** The loaded table of a system, in `<folder>/<system>.base`; each run begins with a copy of it. */
async function prepare(folder: string, system: System): Promise<void> {
  const measured: Measured[] = []
  for (let run = 0; run < (wanted('initial') ? runs : 1); run++) {
    rmSync(join(folder, system.name), { recursive: true, force: true })
    mkdirSync(join(folder, system.name))
    measured.push(await system.load(join(folder, system.name)))
  }
  if (wanted('initial')) print('initial', system.name, measured, bytesBelow(join(folder, system.name)))
  linkTree(join(folder, system.name), join(folder, `${system.name}.base`))
}

async function benchBatch(folder: string, systems: readonly System[], load: string, batch: Batch): Promise<void> {
  const changes = join(folder, batch.name)
  mkdirSync(changes)
  const files: string[] = []
  for (let file = 0; file < batch.files; file++) {
    const path = join(changes, `20260101-00000000${String(file)}.parquet`)
    await copyTo(batchFile(batch, rows, file), path, 'compression snappy')
    files.push(path)
  }
  const expected = await hashOf(
    `(${expectedRows(literal(`${load}/*.parquet`), listLiteral(files.map((file) => literal(file))))})`,
  )
  const measured = new Map<string, Measured[]>(systems.map(({ name }) => [name, []]))
  const again: Measured[] = []
  const written = new Map<string, number>()
  for (let run = 0; run < runs; run++)
    for (const system of systems) {
      const place = join(folder, system.name)
      rmSync(place, { recursive: true, force: true })
      linkTree(`${place}.base`, place)
      const before = inodesBelow(place)
      measured.get(system.name)?.push(await system.merge(place, files))
      written.set(system.name, newBytesBelow(place, before))
      const found = await hashOf(await system.read(place))
      if (found !== expected) throw new Error(`${batch.name}: ${system.name} holds ${found}, expected ${expected}`)
      if (system.name === 'dmscdc' && wanted(`again-${batch.name}`))
        again.push(await redeliver(system, place, changes, files))
    }
  for (const { name } of systems) print(batch.name, name, measured.get(name) ?? [], written.get(name) ?? 0)
  if (again.length > 0) print(`again-${batch.name}`, 'dmscdc', again, 0)
  const own = best(measured.get('dmscdc') ?? [])
  for (const { name } of systems.slice(1))
    say(`${batch.name.padEnd(16)} dmscdc / ${name}: ${(own / best(measured.get(name) ?? [])).toFixed(2)}`)
}

/** The same batch once more, under later names: nothing may change. */
async function redeliver(system: System, place: string, changes: string, files: readonly string[]): Promise<Measured> {
  const later = files.map((file, at) => {
    const path = join(changes, `20260102-00000000${String(at)}.parquet`)
    cpSync(file, path)
    return path
  })
  const measured = await system.merge(place, later)
  const [table] = (JSON.parse(measured.stdout) as RunReport).tables
  if (table?.filesAdded !== 0) throw new Error(`again: ${String(table?.filesAdded)} files were written, expected none`)
  return measured
}

function ours(load: string): System {
  const run = (place: string) =>
    measure(
      process.execPath,
      [launcher, 'run', '--json', '--memory', options.memory, '--table', 'bench.t'],
      places(place),
    )
  return {
    name: 'dmscdc',
    async load(place) {
      cpSync(load, join(place, 'landing', 'bench', 't'), { recursive: true, preserveTimestamps: true })
      const env = places(place)
      await measure(process.execPath, [launcher, 'set', 'bench.t', '--active', '--primary-key', 'id'], env)
      return run(place)
    },
    async merge(place, files) {
      for (const file of files)
        cpSync(file, join(place, 'landing', 'bench', 't', file.slice(file.lastIndexOf('/') + 1)))
      return run(place)
    },
    read: async (place) => `read_parquet(${literal(`${place}/lake/bench/t/*.parquet`)})`,
  }
}

function places(place: string): Record<string, string> {
  return Object.fromEntries(
    ['landing', 'lake', 'state', 'temp'].map((name) => [`DMSCDC_${name.toUpperCase()}`, join(place, name)]),
  )
}

async function peers(load: string): Promise<System[]> {
  const python = options.peer.includes('none') ? null : await pythonReaders()
  if (python === null) return []
  const deltaRs = (args: readonly string[]) => measure(python, [join(peersFolder, 'delta_rs.py'), ...args])
  const duckdb = (args: readonly string[]) => measure(python, [join(peersFolder, 'plain_duckdb.py'), ...args])
  const all: System[] = [
    {
      name: 'delta-rs',
      load: (place) => deltaRs(['load', load, join(place, 'table')]),
      merge: (place, files) => deltaRs(['merge', join(place, 'table'), ...files]),
      async read(place) {
        const { stdout } = await deltaRs(['files', join(place, 'table')])
        return `read_parquet(${listLiteral(
          stdout
            .trim()
            .split('\n')
            .map((path) => literal(path)),
        )})`
      },
    },
    {
      name: 'plain-duckdb',
      load: (place) => duckdb(['copy', load, join(place, 'table')]),
      merge: (place, files) => duckdb(['merge', join(place, 'table'), ...files]),
      read: async (place) => `read_parquet(${literal(`${place}/table/*.parquet`)})`,
    },
  ]
  return all.filter(({ name }) => options.peer.includes(name))
}

/** By hard links, for no system writes into a file that is there; the landing's objects stay the same objects. */
function linkTree(from: string, to: string): void {
  for (const path of pathsBelow(from)) {
    const copy = join(to, path.slice(from.length))
    mkdirSync(dirname(copy), { recursive: true })
    linkSync(path, copy)
  }
}

/** What any rewrite of the whole table costs at least. */
async function floors(folder: string, load: string): Promise<void> {
  const python = wanted('floors') ? await pythonReaders() : null
  if (python === null) return
  const [copies, bare]: Measured[][] = [[], []]
  for (let run = 0; run < runs; run++) {
    const target = join(folder, 'floor')
    copies?.push(await measure(python, [join(peersFolder, 'plain_duckdb.py'), 'copy', load, target]))
    rmSync(target, { recursive: true })
    bare?.push(await measure('cp', ['-r', load, target]))
    rmSync(target, { recursive: true })
  }
  print('floors', 'DuckDB COPY', copies ?? [], bytesBelow(load))
  print('floors', 'cp', bare ?? [], bytesBelow(load))
}

function print(name: string, system: string, measured: readonly Measured[], bytes: number): void {
  const sorted = measured.map(({ wallSeconds }) => wallSeconds).sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const cpu = Math.min(...measured.map(({ cpuSeconds }) => cpuSeconds))
  const peak = Math.max(...measured.map(({ peakBytes }) => peakBytes))
  say(
    `${name.padEnd(16)} ${system.padEnd(14)} wall ${best(measured).toFixed(2)} s (median ${median.toFixed(2)}), CPU ${cpu.toFixed(2)} s, peak ${megabytes(peak)}, new bytes ${megabytes(bytes)}`,
  )
}

const best = (measured: readonly Measured[]) => Math.min(...measured.map(({ wallSeconds }) => wallSeconds))
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function copyTo(select: string, path: string, settings: string): Promise<void> {
  await sql.run(`copy (${select}) to ${literal(path)} (format parquet, row_group_size 122880, ${settings})`)
}

async function hashOf(relation: string): Promise<string> {
  return String((await sql.runAndReadAll(tableHash(relation))).getRows()[0]?.[0])
}

function pathsBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.map((entry) => join(entry.parentPath, entry.name))
}

const bytesBelow = (folder: string) => pathsBelow(folder).reduce((total, path) => total + statSync(path).size, 0)
const inodesBelow = (folder: string) => new Set(pathsBelow(folder).map((path) => statSync(path).ino))

/** Of data files that were not there before. */
function newBytesBelow(folder: string, before: ReadonlySet<number>): number {
  const added = pathsBelow(folder).filter((path) => path.endsWith('.parquet') && !path.includes('/landing/'))
  return added
    .map((path) => statSync(path))
    .filter(({ ino }) => !before.has(ino))
    .reduce((total, { size }) => total + size, 0)
}

if (options.help) process.stdout.write(usage)
else await main()
