import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { scenarioNamed, scenarios } from './all-scenarios.ts'
import { certificate, schedulesOf } from './certificate.ts'
import { certifyAll } from './certify-all.ts'
import { type Choice, everything, type Failure, type ScenarioResult, short } from './certify-scenario.ts'
import { meanings } from './schedule.ts'

/** `npm run certify`: goes through the schedules, prints how many ran and which failed; the whole of them writes the certificate. */
type Flags = {
  readonly scenario?: string[]
  readonly fault?: string[]
  readonly schedule?: string
  readonly seed: string
  readonly sample?: string
  readonly short?: true
  readonly workers: string
}

const flags = new Command('certify')
  .description('goes through every fault at every call of every scenario')
  .option('--scenario <names...>', `of ${scenarios.map(({ name }) => name).join(', ')}`)
  .option('--fault <names...>', `of ${Object.keys(meanings).join(', ')}`)
  .option('--schedule <name>', 'one schedule alone, as a failure names it: scenario/fault@call')
  .option('--seed <number>', 'chooses the sample and the storms', String(everything.seed))
  .option('--sample <1/n>', 'one schedule of n')
  .option('--short', 'the calls at each commit, and a sample of the others')
  .option('--workers <number>', 'processes at once', String(availableParallelism()))
  .parse()
  .opts<Flags>()

const certificateFile = fileURLToPath(new URL('../../docs/certificate.md', import.meta.url))
const choice = choiceOf(flags)
const names = flags.schedule === undefined ? flags.scenario : [flags.schedule.split('/')[0] ?? '']
const chosen = names?.map(scenarioNamed) ?? scenarios
const startedMs = Date.now()
const workers = Number(flags.workers)
console.log(`certify: ${String(chosen.length)} scenarios in ${String(workers)} processes, seed ${flags.seed}`)
const results = await certifyAll(chosen, choice, { workers, onResult: tell })
conclude(results)

function choiceOf({ fault, schedule, seed, sample, short: isShort }: Flags): Choice {
  const unknown = fault?.find((name) => !Object.hasOwn(meanings, name))
  if (unknown !== undefined)
    throw new Error(`no fault is named ${unknown}; there are ${Object.keys(meanings).join(', ')}`)
  const base = isShort ? short : everything
  const oneOf = sample === undefined ? base.oneOf : Number(/^1\/(\d+)$/u.exec(sample)?.[1])
  const at = Number(schedule?.split('@')[1])
  const only = schedule?.includes('/storm@') ? { seed: at, storms: 1 } : { seed: Number(seed) }
  return { ...base, ...only, oneOf, faults: fault ?? null, schedule: schedule ?? null }
}

function tell(result: ScenarioResult): void {
  const { name, calls, failures } = result
  const counted = Object.values(calls).reduce((total, count) => total + count, 0)
  const counts = `${String(counted).padStart(4)} calls ${String(schedulesOf(result)).padStart(6)} schedules`
  console.log(`${name.padEnd(18)} ${counts}   ${failures.length === 0 ? 'ok' : `${String(failures.length)} failed`}`)
  for (const failure of failures) console.log(failureText(failure))
}

function failureText({ schedule, call, problems }: Failure): string {
  const lines = problems.map((problem) => `      ${problem}`)
  return [`  ${schedule} (${call})`, ...lines, `      Try: npm run certify -- --schedule ${schedule}`].join('\n')
}

function conclude(all: readonly ScenarioResult[]): void {
  const failed = all.reduce((total, { failures }) => total + failures.length, 0)
  const ran = all.reduce((total, result) => total + schedulesOf(result), 0)
  const minutes = (Date.now() - startedMs) / 60_000
  for (const [fault, meaning] of Object.entries(meanings)) {
    const count = all.reduce((total, result) => total + (result.ran[fault] ?? 0), 0)
    if (count > 0) console.log(`${fault.padEnd(18)} ${String(count).padStart(6)}   ${meaning}`)
  }
  console.log(`${String(ran)} schedules ran in ${minutes.toFixed(1)} minutes, ${String(failed)} failed`)
  const isWhole =
    chosen === scenarios && JSON.stringify(choice) === JSON.stringify({ ...everything, seed: choice.seed })
  if (isWhole) {
    const date = new Date().toISOString().slice(0, 10)
    const versions = {
      dmscdc: packageJson.version,
      DuckDB: packageJson.dependencies['@duckdb/node-api'],
      Node: process.versions.node,
    }
    writeFileSync(
      certificateFile,
      certificate(all, { date, minutes, workers, seed: choice.seed, oneOf: choice.oneOf, versions }),
    )
    console.log('docs/certificate.md is written')
  }
  process.exitCode = failed > 0 || ran === 0 ? 1 : 0
}
