import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunReport } from '../../src/controller/run-cycle.ts'
import { type Ended, type Started, start } from '../e2e/process.ts'
import type { Random } from '../e2e/seeded-random.ts'
import type { Tally } from './tally.ts'

/** How `dmscdc` is started here, and where what it says is kept. */
export type Command = {
  readonly environment: Readonly<Record<string, string>>
  readonly logFile: string
  readonly tally: Tally
  /** What attempts have staged in the lake and not cleared. */
  readonly staged: () => Promise<readonly string[]>
}

/** A cycle that lasts longer hangs. */
const runMsMax = 240_000
/** Errors that no landing, no second run and no kill may bring about. */
const defects: readonly string[] = ['bug', 'corrupt-lake']

/** A cycle of one or two processes at a time, each killed at a random moment or left to end. Throws on what is a defect whatever happened. */
export async function randomCycle(command: Command, random: Random, usualMs: number): Promise<number> {
  const both = random.below(3) === 0 ? [0, 1] : [0]
  const ended = await Promise.all(
    both.map(async (second) => {
      await sleep(second * random.below(400))
      const run = begin(command, ['run', '--json', ...flags(random)])
      if (random.below(5) < 3) await killSomewhere(command, run, { random, usualMs })
      return watched(command, run)
    }),
  )
  for (const one of ended) await judge(command, one)
  return Math.max(usualMs / 2, ...ended.filter(({ signal }) => signal === null).map(({ ms }) => ms))
}

/** A cycle that nobody disturbs. */
export async function cleanCycle(command: Command): Promise<RunReport> {
  const ended = await watched(command, begin(command, ['run', '--json', ...limits]))
  const report = await judge(command, ended)
  if (report === null) throw new Error(`a clean run was killed: ${ended.signal ?? ''}`)
  return report
}

/** Any other command, to its end. */
export async function say(command: Command, args: readonly string[]): Promise<Ended> {
  const ended = await watched(command, begin(command, args))
  if (ended.code === null || /\bat .*\.(?:js|ts):\d+/u.test(ended.stderr))
    throw new Error(`dmscdc ${args.join(' ')} ended badly: ${ended.stdout}${ended.stderr}`)
  return ended
}

const limits = ['--memory', '1GB', '--threads', '2']
const flags = (random: Random) => [
  ...limits,
  ...(random.below(2) === 0 ? [] : ['--concurrency', String(1 + random.below(4))]),
]

function begin(command: Command, args: readonly string[]): Started & { readonly args: readonly string[] } {
  return { ...start(args, command.environment), args }
}

/** Anywhere in its life, or about a commit, which lasts the shortest and matters the most. */
async function killSomewhere(
  command: Command,
  run: Started,
  { random, usualMs }: { readonly random: Random; readonly usualMs: number },
): Promise<void> {
  if (random.below(2) === 0) await Promise.race([sleep(random.fraction() * usualMs * 1.1), run.ended])
  else {
    const skipped = random.below(4)
    for (let commits = 0; commits <= skipped; commits++) await nextStaging(command, run)
    await sleep(random.below(60))
  }
  run.kill('SIGKILL')
}

/** Until files are staged that were not before, or the run has ended. */
async function nextStaging({ staged }: Command, run: Started): Promise<void> {
  const before = new Set(await staged())
  let ended = false
  const watched = run.ended.then(() => {
    ended = true
  })
  while (!ended && (await staged()).every((path) => before.has(path))) await Promise.race([sleep(15), watched])
}

async function watched(command: Command, run: Started & { readonly args: readonly string[] }): Promise<Ended> {
  const limit = new AbortController()
  const startedAt = new Date().toISOString()
  const tooLong = sleep(runMsMax, 'too long' as const, { signal: limit.signal }).catch(() => 'ended' as const)
  const ended = await Promise.race([run.ended, tooLong])
  limit.abort()
  if (typeof ended === 'string') {
    run.kill('SIGKILL')
    throw new Error(`dmscdc ${run.args.join(' ')} ran for more than ${String(runMsMax / 1000)} s`)
  }
  const { code, signal, ms, stdout, stderr } = ended
  const line = { startedAt, pid: run.pid, args: run.args, code, signal, ms: Math.round(ms), stdout, stderr }
  appendFileSync(command.logFile, `${JSON.stringify(line)}\n`)
  return ended
}

/** Counts a cycle and what it met. Null: it was killed. */
async function judge({ tally, staged }: Command, { code, signal, stdout, stderr }: Ended): Promise<RunReport | null> {
  tally.add('runs')
  if (signal !== null) {
    tally.add('kills')
    if ((await staged()).length > 0) tally.add('kills with staged files')
    return null
  }
  if (code === null || code > 1) throw new Error(`dmscdc run ended with ${String(code)}: ${stdout}${stderr}`)
  const report = JSON.parse(stdout) as RunReport
  for (const { table, error, status } of report.tables) {
    tally.add(`status: ${status}`)
    if (error === null) continue
    tally.add(`error: ${error.kind}: ${error.message.replace(/\d{6,}[\w-]*|"[^"]*"/gu, '…').slice(0, 120)}`)
    if (defects.includes(error.kind)) throw new Error(`${table} met a defect: ${JSON.stringify(error)}`)
  }
  return report
}
