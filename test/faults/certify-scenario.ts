import { createHash } from 'node:crypto'
import type { PortCall } from '../support/faulty-ports.ts'
import { type Case, openCase } from './case.ts'
import type { Scenario } from './scenarios.ts'
import { faultOf, isCommit, nameOf, type Schedule, schedulesOf } from './schedule.ts'
import type { Workshop } from './workshop.ts'

/** Which schedules are gone through. Plain data: it is sent to the workers. */
export type Choice = {
  /** Fault kinds, situations and acts; null: all. */
  readonly faults: readonly string[] | null
  /** One schedule alone, by its name. */
  readonly schedule: string | null
  /** One of so many, chosen by the seed. */
  readonly oneOf: number
  readonly seed: number
  /** Those at a commit and at the call behind it are always among the chosen. */
  readonly alwaysAtCommits: boolean
  /** Runs with several faults, chosen by the seed, for each scenario. */
  readonly storms: number
}

export const everything: Choice = {
  faults: null,
  schedule: null,
  oneOf: 1,
  seed: 1,
  alwaysAtCommits: false,
  storms: 25,
}

/** A minute of all scenarios, for the slow tests. */
export const short: Choice = { ...everything, oneOf: 40, alwaysAtCommits: true, storms: 2 }

/** Some seconds of one, for every test run. */
export const quick: Choice = { ...everything, oneOf: 1_000, alwaysAtCommits: true, storms: 0 }

export type Failure = { readonly schedule: string; readonly call: string; readonly problems: readonly string[] }

export type ScenarioResult = {
  readonly name: string
  readonly claim: string
  /** Of the undisturbed run, by port. */
  readonly calls: { readonly [port in PortCall['port']]: number }
  /** Schedules gone through, by `faultOf`. */
  readonly ran: { readonly [fault: string]: number }
  readonly failures: readonly Failure[]
}

/** Goes through the chosen schedules of a scenario. Throws only where the undisturbed run is not right. */
export async function certifyScenario(shop: Workshop, scenario: Scenario, choice: Choice): Promise<ScenarioResult> {
  const opened = await openCase(shop, scenario)
  const ran: Record<string, number> = {}
  const failures: Failure[] = []
  for (const schedule of chosen(opened, choice)) {
    const fault = faultOf(schedule)
    ran[fault] = (ran[fault] ?? 0) + 1
    const problems = await opened.tryOut(schedule).catch((thrown: unknown) => [textOf(thrown)])
    if (problems.length > 0) failures.push({ schedule: nameOf(schedule), call: callOf(opened, schedule), problems })
  }
  const { name, claim } = scenario
  return { name, claim, calls: callsByPort(opened.calls), ran, failures }
}

function chosen({ scenario, calls }: Case, choice: Choice): readonly Schedule[] {
  const atCommit = new Set(calls.flatMap((call, at) => (isCommit(call) ? [at, at + 1] : [])))
  const isChosen = (schedule: Schedule) => {
    if (choice.schedule !== null) return nameOf(schedule) === choice.schedule
    if (choice.faults !== null && !choice.faults.includes(faultOf(schedule))) return false
    if (schedule.kind === 'storm') return true
    return (choice.alwaysAtCommits && atCommit.has(schedule.at)) || isSampled(schedule, choice)
  }
  return schedulesOf(scenario, calls, choice).filter(isChosen)
}

function isSampled(schedule: Schedule, { seed, oneOf }: Choice): boolean {
  if (oneOf === 1) return true
  const hash = createHash('sha256')
    .update(`${String(seed)} ${nameOf(schedule)}`)
    .digest()
  return hash.readUInt32BE() % oneOf === 0
}

function callOf({ calls }: Case, schedule: Schedule): string {
  if (schedule.kind === 'storm') return 'several calls'
  const { port, verb, target } = calls[schedule.at] as PortCall
  return `${port} ${verb} ${target}`
}

function callsByPort(calls: readonly PortCall[]): ScenarioResult['calls'] {
  const count = (port: PortCall['port']) => calls.filter((call) => call.port === port).length
  return { landing: count('landing'), lake: count('lake'), state: count('state'), catalog: count('catalog') }
}

const textOf = (thrown: unknown) => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
