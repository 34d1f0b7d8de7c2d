import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import type { RunReport } from '../../src/controller/run-cycle.ts'
import { literal } from '../../src/engine/sql.ts'

/**
 * Memory under load: a table with gigabytes of change files and one with many small ones, each taken by one `dmscdc run` with
 * a small --memory. Exits 1 when a run fails, counts other rows than it should, or is larger than `peakBytesMax`.
 */
const peakBytesMax = 900e6
const rowsPerWideFile = 110_000
const updatesPerWideFile = 10_000
const launcher = fileURLToPath(new URL('../../bin/dmscdc', import.meta.url))

const { values: options } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '3' },
    files: { type: 'string', default: '1000' },
    memory: { type: 'string', default: '512MB' },
    folder: { type: 'string', default: tmpdir() },
    keep: { type: 'boolean', default: false },
  },
})

const writer = await (await DuckDBInstance.create(':memory:', { memory_limit: '2GB' })).connect()
await main()

async function main(): Promise<void> {
  const folder = mkdtempSync(join(options.folder, 'dmscdc-soak-'))
  process.stdout.write(
    `soak in ${folder}, ${options.gigabytes} GB and ${options.files} files, --memory ${options.memory}\n`,
  )
  try {
    const tables = [
      await landWide(folder, Number(options.gigabytes) * 1e9),
      await landMany(folder, Number(options.files)),
    ]
    await dmscdc(folder, ['tables', '--json'])
    await dmscdc(folder, ['set', 'soak.*', '--active', '--primary-key', 'id'])
    let fine = true
    for (const table of tables) fine = (await soak(folder, table)) && fine
    process.exitCode = fine ? 0 : 1
  } finally {
    if (!options.keep) rmSync(folder, { recursive: true, force: true })
  }
}

type Landed = { readonly table: string; readonly files: number; readonly bytes: number; readonly rows: number }

/** Rows of about 1.2 kB that hardly compress, in files of about 130 MB; each file also changes rows of the one before. */
async function landWide(folder: string, bytesWanted: number): Promise<Landed> {
  const random = (salt: string) => `md5(id || '${salt}') || md5('${salt}' || id)`
  const texts = Array.from({ length: 18 }, (_, at) => `${random(`$salt ${String(at)}`)} as text${String(at)}`)
  let [file, bytes] = [0, 0]
  for (; bytes < bytesWanted; file++) {
    const first = file * rowsPerWideFile
    const inserts = `select 'I' as "Op", range as id from range(${String(first)}, ${String(first + rowsPerWideFile)})`
    const updates = `select 'U' as "Op", ${String(first - rowsPerWideFile)} + range * 7 as id from range(${String(updatesPerWideFile)})`
    const keys = file === 0 ? inserts : `${inserts} union all ${updates}`
    const select = `select *, ${texts.join(', ').replaceAll('$salt', String(file))}, id * 1.5 as amount from (${keys})`
    bytes += await land(folder, 'wide', file, select)
  }
  return { table: 'soak.wide', files: file, bytes, rows: file * rowsPerWideFile }
}

/** Each file has some twenty inserts, and changes rows of any file before it. */
async function landMany(folder: string, files: number): Promise<Landed> {
  let bytes = 0
  for (let file = 0; file < files; file++) {
    const inserts = `select 'I' as "Op", ${String(file * 20)} + range as id from range(20)`
    const updates = `select 'U', (hash(range + ${String(file * 100)}) % ${String((file + 1) * 20)})::bigint from range(10)`
    bytes += await land(
      folder,
      'many',
      file,
      `select *, 'value ' || id || ' of ${String(file)}' as v from (${inserts} union all ${updates})`,
    )
  }
  return { table: 'soak.many', files, bytes, rows: files * 20 }
}

/** Lands the rows of a query as a change file; returns its size. */
async function land(folder: string, table: string, file: number, select: string): Promise<number> {
  const path = join(folder, 'landing', 'soak', table, `20240101-${String(file).padStart(9, '0')}.parquet`)
  mkdirSync(join(path, '..'), { recursive: true })
  await writer.run(`copy (${select}) to ${literal(path)} (format parquet, compression snappy)`)
  return statSync(path).size
}

async function soak(folder: string, { table, files, bytes, rows }: Landed): Promise<boolean> {
  const startedMs = performance.now()
  const { code, peakBytes, stdout, stderr } = await dmscdc(folder, [
    'run',
    '--json',
    '--memory',
    options.memory,
    '--table',
    table,
  ])
  const seconds = (performance.now() - startedMs) / 1000
  const report = code === 0 ? (JSON.parse(stdout) as RunReport).tables[0] : undefined
  const lake = literal(`${folder}/lake/${table.replace('.', '/')}/*.parquet`)
  const found =
    code === 0
      ? Number((await writer.runAndReadAll(`select count(*), count(distinct id) from ${lake}`)).getRows()[0]?.[1])
      : 0
  const fine = report?.files === files && found === rows && peakBytes <= peakBytesMax
  process.stdout.write(
    `${table}: ${String(files)} files, ${(bytes / 1e6).toFixed(0)} MB landed; ${seconds.toFixed(1)} s wall, peak RSS ${(peakBytes / 1e6).toFixed(0)} MB` +
      ` (at most ${String(peakBytesMax / 1e6)}), ${String((report?.version ?? -1) + 1)} commits, ${String(found)} rows (expected ${String(rows)}): ${fine ? 'fine' : 'NOT FINE'}\n`,
  )
  if (!fine) process.stdout.write(`${stdout}${stderr}`)
  return fine
}

/** Runs the tool over the folder's places; `peakBytes` is the most memory that its process had at once. */
async function dmscdc(folder: string, args: readonly string[]) {
  const places = Object.fromEntries(
    ['landing', 'lake', 'state', 'temp'].map((name) => [`DMSCDC_${name.toUpperCase()}`, join(folder, name)]),
  )
  const child = spawn(process.execPath, [launcher, ...args], {
    env: { ...process.env, ...places },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr, peakBytes] = ['', '', 0]
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  let code: number | null = null
  const ended = new Promise<void>((resolve) =>
    child.once('close', (exit) => {
      code = exit ?? 1
      resolve()
    }),
  )
  while (code === null) {
    peakBytes = Math.max(peakBytes, highWaterBytes(child.pid ?? 0))
    await Promise.race([ended, sleep(50)])
  }
  return { code: code as number, peakBytes, stdout, stderr }
}

/** The kernel keeps the peak itself, so a look now and then misses nothing but the very end. */
function highWaterBytes(pid: number): number {
  const status = `/proc/${String(pid)}/status`
  if (!existsSync(status)) return 0
  return Number(/^VmHWM:\s+(\d+) kB/mu.exec(readFileSync(status, 'utf8'))?.[1] ?? 0) * 1024
}
