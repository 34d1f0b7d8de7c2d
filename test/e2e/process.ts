import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '../../src/controller/run-cycle.ts'
import type { TableVerdict } from '../../src/controller/verify-tables.ts'
import type { Lease } from '../../src/domain.ts'

const launcher = fileURLToPath(new URL('../../bin/dmscdc', import.meta.url))

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

export type Started = {
  readonly pid: number
  /** Sends a signal to the process; nothing happens when it has ended. */
  kill(signal: NodeJS.Signals): void
  /** Reads no more of what it writes. */
  leave(): void
  readonly ended: Promise<Ended>
}

/** Starts `bin/dmscdc` with none of the caller's own `DMSCDC_` variables. */
export function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Started {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [launcher, ...args], {
    env: { ...inherited(), NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout: stdout(), stderr: stderr(), ms: performance.now() - startedMs }),
    )
  })
  const leave = () => {
    child.stdout.destroy()
    child.stderr.destroy()
  }
  return { pid: child.pid ?? -1, kill: (signal) => void child.kill(signal), leave, ended }
}

export function dmscdc(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended> {
  return start(args, environment).ended
}

function inherited(): NodeJS.ProcessEnv {
  const own = (name: string) => name.startsWith('DMSCDC_') || name === 'FORCE_COLOR'
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own(name)))
}

function collect(stream: ChildProcess['stdout']): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}

/** A landing, a lake, a state and a work folder below one temporary folder, and the variables that name them. */
export type Places = {
  readonly folder: string
  readonly landing: string
  readonly lake: string
  readonly state: string
  readonly temp: string
  readonly environment: Readonly<Record<string, string>>
  remove(): void
}

export function openPlaces(): Places {
  const folder = mkdtempSync(join(tmpdir(), 'dmscdc-e2e-'))
  const [landing, lake, state, temp] = ['landing', 'lake', 'state', 'temp'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ]
  mkdirSync(landing)
  mkdirSync(temp)
  return {
    folder,
    landing,
    lake,
    state,
    temp,
    environment: { DMSCDC_LANDING: landing, DMSCDC_LAKE: lake, DMSCDC_STATE: state, DMSCDC_TEMP: temp },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** `dmscdc run --json`, which must exit with `code`. */
export async function runJson(places: Places, args: readonly string[] = [], code = 0): Promise<RunReport> {
  return JSON.parse(await stdoutOf(['run', '--json', ...args], places.environment, code)) as RunReport
}

/** `dmscdc verify --json`, which must exit with `code`. */
export async function verifyJson(
  places: Places,
  code = 0,
): Promise<{ readonly ok: boolean; readonly tables: readonly TableVerdict[] }> {
  return JSON.parse(await stdoutOf(['verify', '--json'], places.environment, code))
}

/** What a command prints when it exits with `code`; with another exit this throws all that it printed. */
export async function stdoutOf(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  code = 0,
): Promise<string> {
  const ended = await dmscdc(args, environment)
  if (ended.code === code) return ended.stdout
  throw new Error(
    `dmscdc ${args.join(' ')}: exit ${String(ended.code ?? ended.signal)}, expected ${String(code)}\n${ended.stdout}${ended.stderr}`,
  )
}

/** Paths below a folder, with their times of change in ms. A run may be at work in it. */
export function filesBelow(folder: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const name of namesIn(folder)) {
    const path = join(folder, name)
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isFile()) found.set(name, stats.mtimeMs)
    if (stats?.isDirectory()) for (const [below, ms] of filesBelow(path)) found.set(`${name}/${below}`, ms)
  }
  return found
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** What attempts have staged in a lake and not cleared. */
export function stagedIn(lake: string): readonly string[] {
  return [...filesBelow(lake).keys()].filter((path) => path.includes('/staging/'))
}

/** The lease in a table's row; null when nobody works on it. */
export function leaseOf(places: Places, table: string): Lease | null {
  const row = join(places.state, `${table.replace('.', '/')}.json`)
  return existsSync(row) ? ((JSON.parse(readFileSync(row, 'utf8')).Lease as Lease | undefined) ?? null) : null
}

/** Waits until something is so, or the run has ended. */
export async function once(isSo: () => boolean, run: Started): Promise<void> {
  let ended = false
  const watched = run.ended.finally(() => {
    ended = true
  })
  while (!ended && !isSo()) await Promise.race([sleep(1), watched])
}
