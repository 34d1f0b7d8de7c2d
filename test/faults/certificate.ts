import { sum } from '../../src/sum.ts'
import type { ScenarioResult } from './certify-scenario.ts'
import { meanings } from './schedule.ts'

/** What a certificate says of the run that it is about. */
export type Circumstances = {
  readonly date: string
  readonly minutes: number
  readonly workers: number
  readonly seed: number
  /** One schedule of so many ran. */
  readonly oneOf: number
  readonly versions: { readonly [what: string]: string }
}

/** The certificate as Markdown. But for date, duration and seed it depends on the code alone. */
export function certificate(results: readonly ScenarioResult[], circumstances: Circumstances): string {
  const { date, minutes, workers, seed, oneOf, versions } = circumstances
  const which = oneOf === 1 ? 'All' : `A sample, one of ${String(oneOf)}`
  const failures = results.flatMap((result) => result.failures)
  const total = sum(results.map(schedulesOf))
  const made = Object.entries(versions).map(([what, version]) => `${what} ${version}`)
  return `# The certificate

Written by \`npm run certify\`; do not edit. ${which}: ${String(total)} schedules of ${String(results.length)} scenarios ran, **${failures.length === 0 ? 'none failed' : `${String(failures.length)} failed`}**.

${date}, ${minutes.toFixed(1)} minutes in ${String(workers)} processes, seed ${String(seed)}; ${made.join(', ')}.

Every scenario brings a table to where a run has one kind of work to do. The calls of an undisturbed run to landing, lake,
state and catalog are counted. Then, for each of these calls and for each thing that can happen at it, the scenario is gone
through from the same beginning: with that at the call, and then once more undisturbed. After that

- the rows are those of an oracle that knows the contract alone (\`test/support/oracle.ts\`), and progress and counts are
  those of the undisturbed run: nothing is lost, and nothing is taken twice;
- \`verify\` proves the lake; nothing staged, unlisted or leased is left; the next run is idle and writes nothing;
- the run that met the trouble has told of it as \`unavailable\` or \`conflict\`, or of nothing (of a body that was cut, as it found it).

Between the calls an auditor has read the lake as readers do: no entry of the log ever changed or went; the data folder held
only what the log knows, with the bytes that it knows; all that a Delta view, a manifest or the catalog pointed at was there;
a view never went back; and what it showed was a state that the table had, the landing applied up to some file.

The stores behind the ports are in memory, and so is the time: two minutes of standing still cost nothing. How the adapters for
S3, DynamoDB and files behave beneath these calls is claimed by \`test/conformance/\`, \`test/s3-*.slow.test.ts\` and
\`test/e2e/\`. What is not in here: a copy or a deletion that the store carries out after whole later runs have superseded its
file (\`verify\` names what such a copy leaves); and readers of the bare folder (CONTRACT §4 says what they see).

## What can happen at a call

${table(
  ['', 'what happens', 'schedules'],
  Object.entries(meanings).map(([name, meaning]) => [
    `\`${name}\``,
    meaning,
    String(sum(results.map(({ ran }) => ran[name] ?? 0))),
  ]),
)}

## Scenarios

${table(
  ['', 'scenario', 'landing', 'lake', 'state', 'catalog', 'schedules', 'failed'],
  [...results.map(scenarioLine), totalLine(results)],
)}

## Schedules by scenario and by what happens

${matrix(results)}
`
}

/** Scenario × fault. */
function matrix(results: readonly ScenarioResult[]): string {
  const faults = Object.keys(meanings)
  return table(
    ['', ...faults],
    results.map(({ name, ran }) => [`\`${name}\``, ...faults.map((fault) => String(ran[fault] ?? ''))]),
  )
}

export const schedulesOf = ({ ran }: ScenarioResult) => sum(Object.values(ran))

function scenarioLine(result: ScenarioResult): readonly string[] {
  const { name, claim, calls, failures } = result
  const counts = [calls.landing, calls.lake, calls.state, calls.catalog, schedulesOf(result), failures.length]
  return [`\`${name}\``, claim, ...counts.map(String)]
}

function totalLine(results: readonly ScenarioResult[]): readonly string[] {
  const of = (port: keyof ScenarioResult['calls']) => sum(results.map(({ calls }) => calls[port]))
  const failed = sum(results.map(({ failures }) => failures.length))
  const counts = [of('landing'), of('lake'), of('state'), of('catalog'), sum(results.map(schedulesOf)), failed]
  return ['', 'all', ...counts.map(String)]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
