import { type ChildProcess, fork } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import { credentialCanary } from './planted.ts'
import type { CaseResult } from './run-case.ts'
import type { Asked } from './worker.ts'

/**
 * `npm run fuzz -- --minutes N --seed S [--target T]`: hostile landings, state rows and logs against the real code, case by
 * case in a child process. A case that crashes the child, outlasts its deadline or outgrows its memory is a finding like
 * any other; the next case gets a new child. Every case is made from its seed alone: `--case SEED --target T` runs one again.
 * Exit 1 when there was a finding.
 */
const program = new Command()
  .option('--minutes <n>', 'how long', '1')
  .option('--seed <s>', 'of the first case', '1')
  .option('--target <t>', 'landing, csv, names, row or log; all in turn without it')
  .option('--case <seed>', 'one case alone')
  .option('--out <file>', 'where findings are written too, one JSON a line')
  .parse()
const options = program.opts<{ minutes: string; seed: string; target?: string; case?: string; out?: string }>()

/** Of the processor; a case takes half a second. The other is for one that only waits. */
const caseCpuMsMax = 60_000
const caseMsMax = 900_000
const residentBytesMax = 1_500_000_000
const targetNames = options.target?.split(',') ?? ['landing', 'csv', 'names', 'row', 'log']

type Done = CaseResult & Asked

async function main(): Promise<void> {
  let endMs = Date.now() + Number(options.minutes) * 60_000
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (endMs = 0))
  const outcomes = new Map<string, number>()
  let [cases, found, slowestMs, largestBytes] = [0, 0, 0, 0]
  let worker = await start()
  for (let seed = Number(options.case ?? options.seed); ; seed++) {
    const target = targetNames[seed % targetNames.length] as string
    const startedMs = Date.now()
    const { done, residentBytes } = await ask(worker, { target, seed })
    const ms = Date.now() - startedMs
    cases += 1
    slowestMs = Math.max(slowestMs, ms)
    largestBytes = Math.max(largestBytes, residentBytes)
    const outcome = `${target} ${done.outcome}`
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (done.findings.length > 0) {
      found += 1
      const line = JSON.stringify({ ...done, ms })
      process.stdout.write(`${line}\n`)
      if (options.out !== undefined) appendFileSync(options.out, `${line}\n`)
    }
    if (worker.exitCode !== null || worker.signalCode !== null) worker = await start()
    else if (cases % casesPerWorker === 0) {
      worker.kill('SIGKILL')
      worker = await start()
    }
    if (options.case !== undefined || Date.now() >= endMs) break
  }
  worker.kill('SIGKILL')
  const counts = [...outcomes].sort().map(([name, count]) => `${name} ${String(count)}`)
  process.stdout.write(
    `${String(cases)} cases, ${String(found)} with findings; slowest ${String(slowestMs)} ms, largest ${String(Math.round(largestBytes / 1e6))} MB\n${counts.join(', ')}\n`,
  )
  process.exitCode = found > 0 ? 1 : 0
}

/** What a case leaves behind in a process must not hide in the next thousand. */
const casesPerWorker = 200

function start(): Promise<ChildProcess> {
  const env = { ...process.env, AWS_SECRET_ACCESS_KEY: credentialCanary, AWS_ACCESS_KEY_ID: 'fuzz' }
  const worker = fork(new URL('./worker.ts', import.meta.url), {
    execArgv: ['--import', 'tsx', '--max-old-space-size=1200'],
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return new Promise((ready, failed) => {
    worker.once('message', () => ready(worker))
    worker.once('error', failed)
  })
}

type Ended = { readonly done: Done; readonly residentBytes: number }

function ask(worker: ChildProcess, asked: Asked): Promise<Ended> {
  return new Promise((resolve) => {
    let residentBytes = 0
    const startedMs = Date.now()
    const startedCpuMs = cpuMsOf(worker.pid)
    const lost = (what: string): Done => ({ ...asked, label: '', outcome: what, findings: [what] })
    const end = (done: Done) => {
      clearInterval(watch)
      worker.off('message', onMessage)
      worker.off('exit', onExit)
      resolve({ done, residentBytes })
    }
    const onMessage = (message: Done) => end(message)
    const onExit = (code: number | null, signal: string | null) =>
      end(lost(`the process ended: ${String(signal ?? code)}`))
    const stop = (what: string) => {
      worker.off('exit', onExit)
      worker.once('exit', () => end(lost(what)))
      worker.kill('SIGKILL')
    }
    const watch = setInterval(() => {
      residentBytes = Math.max(residentBytes, residentOf(worker.pid))
      if (residentBytes > residentBytesMax) stop('took more memory than it may')
      else if (cpuMsOf(worker.pid) - startedCpuMs > caseCpuMsMax) stop('did not end in its processor time')
      else if (Date.now() - startedMs > caseMsMax) stop('did not end in its time')
    }, 250)
    worker.on('message', onMessage)
    worker.on('exit', onExit)
    worker.send(asked)
  })
}

/** 0 where the system does not say. Linux counts in hundredths of a second. */
function cpuMsOf(pid: number | undefined): number {
  try {
    const fields =
      readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}

/** 0 where the system does not say. */
function residentOf(pid: number | undefined): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/u.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

await main()
