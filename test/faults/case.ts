import { createHash } from 'node:crypto'
import { asDmscdcError } from '../../src/errors.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import type { SetOptions } from '../../src/state/row.ts'
import {
  type Fault,
  type FaultKind,
  type FaultyRun,
  faultKinds,
  faultMeanings,
  faultyPorts,
  gate,
  interceptPorts,
  type PortCall,
} from '../support/faulty-ports.ts'
import { standingStill } from '../support/standing-still.ts'
import { differences, isActive, type Outcome, readOutcome, staleness, unsoundness } from './at-rest.ts'
import { auditor } from './auditor.ts'
import { type Bench, benchOf, runTable } from './bench.ts'
import { type KnownHistory, knownHistory } from './known-history.ts'
import { readLog } from './lake-log.ts'
import { isDoneAlready, landChanges, later, restoreTo, type Scenario } from './scenarios.ts'
import { isCommit, type Schedule, type Situation } from './schedule.ts'
import type { Workshop } from './workshop.ts'
import { type Image, openWorld, type TestProcess, type World, type WorldOptions } from './world.ts'

/** A scenario that can be gone through again and again from the same beginning. */
export type Case = {
  readonly scenario: Scenario
  /** What an undisturbed run calls, in order. */
  readonly calls: readonly PortCall[]
  /** Goes through the scenario in one way; what was wrong at any moment of it. */
  readonly tryOut: (schedule: Schedule) => Promise<readonly string[]>
}

/** Arranges the scenario and goes through it undisturbed; throws where even that is not right. */
export async function openCase(workshop: Workshop, scenario: Scenario): Promise<Case> {
  const shop = { ...workshop, ...(scenario.writeCosts && { writeCosts: scenario.writeCosts }) }
  const begin = await arrange(shop, scenario)
  const undisturbed = await goThroughOnce(shop, begin, scenario)
  const expected = new Map<string, Promise<Outcome>>()
  const expectedAfter: Setting['expectedAfter'] = (files, then) => {
    const text = JSON.stringify([files, then])
    const known = expected.get(text) ?? outcomeOf({ shop, begin, scenario }, files, then)
    expected.set(text, known)
    return known
  }
  await expectedAfter(0)
  const setting = { shop, begin, scenario, expectedAfter }
  return {
    scenario,
    calls: undisturbed,
    tryOut(schedule) {
      switch (schedule.kind) {
        case 'fault':
          return strike(setting, schedule)
        case 'race':
          return race(setting, schedule)
        case 'act':
          return interfere(setting, schedule)
        case 'reversal':
          return takeBack(setting, schedule)
        case 'storm':
          return weather(setting, schedule, undisturbed.length)
      }
    },
  }
}

type Begin = { readonly image: Image; readonly history: KnownHistory }
type Setting = {
  readonly shop: Workshop
  readonly begin: Begin
  readonly scenario: Scenario
  /** The outcome when so many later files have landed too, and the operator has set something. */
  readonly expectedAfter: (files: number, then?: SetOptions) => Promise<Outcome>
}

async function arrange(shop: Workshop, scenario: Scenario): Promise<Begin> {
  const world = await openWorld(shop)
  const history = knownHistory()
  await scenario.arrange(benchOf(world, shop.engine, history))
  return { image: await world.keep(), history }
}

// ---- the undisturbed way ------------------------------------------------------------------------------------------

async function goThroughOnce(shop: Workshop, { image }: Begin, scenario: Scenario): Promise<readonly PortCall[]> {
  const world = await openWorld(shop, image)
  const process = world.start('a')
  const counted = faultyPorts(process.ports, null)
  await goThrough(counted.ports, scenario)
  return counted.calls
}

async function outcomeOf(
  setting: Omit<Setting, 'expectedAfter'>,
  files: number,
  then: SetOptions | undefined,
): Promise<Outcome> {
  const { shop, scenario } = setting
  const stage = await open(setting)
  await cleanRun(stage, 'a')
  for (let file = 0; file < files; file++) {
    await landLater(stage, file)
    await cleanRun(stage, `a${String(file)}`)
  }
  if (then !== undefined) {
    await stage.bench.set(then)
    await cleanRun(stage, 'then')
  }
  const problems = await stage.examine()
  if (problems.length > 0) throw new Error(`${scenario.name}, undisturbed: ${problems.join('; ')}`)
  return readOutcome(stage.world, shop.reader)
}

async function goThrough(ports: Ports, { command }: Pick<Scenario, 'command'>): Promise<TableReport> {
  await command?.(ports).catch((thrown: unknown) => {
    if (!isDoneAlready(thrown)) throw thrown
  })
  return runTable(ports)
}

// ---- the ways that a schedule takes -------------------------------------------------------------------------------

/** A run with a fault, then one without. */
async function strike(setting: Setting, { fault: kind, at }: Schedule & { kind: 'fault' }): Promise<readonly string[]> {
  const stage = await open(setting)
  const faulty = await runWith(stage, 'a', { at, kind })
  if (!faulty.struck()) stage.say('the fault did not come about')
  if (kind !== 'late-run' && kind !== 'late-commit') {
    await faulty.arrive()
    await cleanRun(stage, 'b')
    return stage.compare(0)
  }
  await cleanRun(stage, 'b', kind === 'late-commit' ? { beforeCommit: faulty.arrive } : {})
  await faulty.arrive()
  await cleanRun(stage, 'c')
  return isStaging(faulty.struckCall()) ? untilSwept(stage) : stage.compare(0)
}

const isStaging = (call: PortCall | null) =>
  call?.writes === true && call.verb !== 'delete' && /\/(staging|deletes)\//u.test(call.target)

/** Nobody knows of a file that was staged by a run that is long over: it goes when the next checkpoint is behind us. */
async function untilSwept(stage: Stage): Promise<readonly string[]> {
  await takeUp(stage)
  for (let file = 0; file < checkpointCommits; file++)
    await landChanges(stage.bench, 40 + file, [['I', 100 + file, 'a', file]])
  await cleanRun(stage, 'd', { ranBefore: true })
  await landChanges(stage.bench, 49, [['I', 200, 'b', 0]])
  await cleanRun(stage, 'e', { ranBefore: true })
  return stage.examine()
}

/** Goes on with a table that the command left inactive. */
async function takeUp({ scenario, bench }: Stage): Promise<void> {
  if (scenario.leavesInactive === undefined) return
  await bench.set({ active: true })
  bench.history.activate()
}

const checkpointCommits = 8

/** A run with a fault; then the operator takes back what it was about, and another run. */
async function takeBack(setting: Setting, schedule: Schedule & { kind: 'reversal' }): Promise<readonly string[]> {
  const stage = await open(setting)
  const takenBack = stage.scenario.takenBack ?? {}
  await runWith(stage, 'a', { at: schedule.at, kind: schedule.fault })
  await stage.bench.set(takenBack)
  await cleanRun(stage, 'b')
  return stage.compare(0, { setSince: takenBack })
}

/** Three runs that each meet a fault, then one without, and one more where something came late. */
async function weather(
  setting: Setting,
  { seed }: Schedule & { kind: 'storm' },
  callsMax: number,
): Promise<readonly string[]> {
  const stage = await open(setting)
  const pick = picks(`${setting.scenario.name} ${String(seed)}`)
  const kinds = Object.keys(faultMeanings) as FaultKind[]
  let late = async () => {}
  let isLeft = false
  for (let run = 0; run < stormRuns; run++) {
    const kind = kinds[pick(kinds.length)] as FaultKind
    let calls = pick(callsMax)
    const at = (call: PortCall) => calls-- <= 0 && faultKinds(call).includes(kind)
    const faulty = await runWith(stage, `a${String(run)}`, { at, kind })
    await late()
    late = faulty.arrive
    if (kind !== 'late-run' && kind !== 'late-commit') await late()
    else isLeft ||= isStaging(faulty.struckCall())
  }
  await cleanRun(stage, 'b')
  await late()
  await cleanRun(stage, 'c')
  return isLeft ? untilSwept(stage) : stage.compare(0, { atOnce: true })
}

const stormRuns = 3

/** Numbers below a bound that follow from a text alone. */
function picks(seed: string): (below: number) => number {
  let state = createHash('sha256').update(seed).digest()
  return (below) => {
    state = createHash('sha256').update(state).digest()
    return state.readUInt32BE() % below
  }
}

/** A run, as a process of its own, in which one call fails in one way. */
async function runWith(stage: Stage, name: string, fault: Fault): Promise<FaultyRun> {
  const { world, scenario } = stage
  const process = world.start(name)
  const ending = promised()
  const { clock } = process
  const time = { pass: world.time.pass, stop: clock.stop, wake: clock.wake, ended: ending.promise }
  const faulty = faultyPorts(process.ports, fault, time)
  const run = troubled(stage, goThrough(faulty.ports, scenario), { cut: fault.kind === 'cut-short' })
  await Promise.race([run.finally(ending.resolve), faulty.gone])
  process.end()
  return faulty
}

/** A run that stands still at a call while another one does its work, and wakes. */
async function race(setting: Setting, schedule: Schedule & { kind: 'race' }): Promise<readonly string[]> {
  const { situation, at, moment } = schedule
  const stage = await open(setting)
  const { world, bench } = stage
  const process = world.start('a')
  const stands = gate(1)
  const sleeper = goThrough(standingStill(process.ports, at, moment, stands.pass), setting.scenario)
  const ended = Promise.race([
    sleeper.then(
      () => true,
      () => true,
    ),
    stands.reached.then(() => false),
  ])
  if (await ended) stage.say('the run did not come to its call')
  process.end()
  await meanwhile(stage, situation)
  process.clock.wake()
  stands.open()
  await troubled(stage, sleeper)
  if (stage.scenario.leavesInactive && isActive(world)) bench.history.unrestore()
  for (const problem of staleness(world, { isNotOver: true })) stage.say(`when the sleeper had ended, ${problem}`)
  if (!bench.history.states.has((await readOutcome(world, setting.shop.reader)).rows))
    stage.say('when the sleeper had ended, the table was what it never was')
  const hasOutcome = situation !== 'restored-then' && situation !== 'taken-over'
  await cleanRun(stage, 'c', hasOutcome ? {} : { ranBefore: true })
  return hasOutcome ? stage.compare(filesIn[situation], { atOnce: true }) : stage.examine()
}

/** What the others do while a run stands still. */
async function meanwhile(stage: Stage, situation: Situation): Promise<void> {
  const { world, bench, scenario } = stage
  if (situation === 'restored-then') {
    bench.history.restore()
    await restoreTo(world.ports, 0)
    return
  }
  const host = situation === 'other-host' ? { host: 'other-host' } : {}
  const files = filesIn[situation]
  if (files === 0 || scenario.landsAfter) await cleanRun(stage, 'b', host)
  for (let file = 0; file < files; file++) {
    await landLater(stage, file)
    await cleanRun(stage, `b${String(file)}`, { ...host, ranBefore: situation === 'taken-over' })
  }
}

const landLater = async ({ bench, scenario }: Stage, file: number) => (scenario.later ?? later)[file]?.(bench)

const filesIn: Readonly<Record<Situation, number>> = {
  'same-work': 0,
  'more-work': 1,
  'much-later': 2,
  'other-host': 1,
  'restored-then': 0,
  'taken-over': 1,
}

/** A run under which the landing or the row changes, and another run. */
async function interfere(setting: Setting, { act, at }: Schedule & { kind: 'act' }): Promise<readonly string[]> {
  const stage = await open(setting)
  const { world, bench } = stage
  const process = world.start('a')
  let calls = 0
  const ports = interceptPorts(process.ports, async (_, proceed) => {
    if (calls++ === at) await (act === 'land' ? landLater(stage, 0) : setBack(bench))
    return proceed()
  })
  await troubled(stage, goThrough(ports, setting.scenario))
  process.end()
  await cleanRun(stage, 'b')
  if (act === 'land') return stage.compare(1)
  if (stage.scenario.leavesInactive) {
    await takeUp(stage)
    await cleanRun(stage, 'c', { ranBefore: true })
    return stage.examine()
  }
  const wasLoaded = readLog(setting.begin.image.lake).length > 0
  if (wasLoaded && !isObeyed(world)) stage.say('no commit obeyed the cursor that was edited')
  return stage.examine()
}

const beforeAll = '20230101-000000000.parquet'

/** Before everything that was ever taken. */
async function setBack(bench: Bench): Promise<void> {
  await bench.edit({ LastIncrementalFile: `${String((await bench.row()).path)}${beforeAll}` })
  bench.history.setBack()
}

const isObeyed = ({ lake }: World) =>
  readLog(lake).some(({ progress }) => JSON.stringify(progress.obeyed ?? null).includes(beforeAll))

// ---- a stage for one schedule -------------------------------------------------------------------------------------

/** `setSince`: by the operator. `atOnce`: two operators may have given the command, which then counts twice. */
type Comparison = { readonly setSince?: SetOptions; readonly atOnce?: true }

type Stage = {
  readonly world: World
  readonly bench: Bench
  readonly scenario: Scenario
  readonly say: (problem: string) => void
  /** All that was wrong at any moment, or is now. */
  readonly examine: () => Promise<readonly string[]>
  /** The same, and how the outcome differs from the undisturbed one. */
  readonly compare: (laterFiles: number, options?: Comparison) => Promise<readonly string[]>
}

async function open(setting: Omit<Setting, 'expectedAfter'> & Partial<Setting>): Promise<Stage> {
  const { shop, begin, scenario } = setting
  const audit = auditor(begin.image, shop.reader)
  const options: WorldOptions = { ...shop, onChange: audit.look }
  const world = await openWorld(options, begin.image)
  const history = begin.history.copy()
  const problems: string[] = []
  const examine = async () => {
    const found = await readOutcome(world, shop.reader)
    if (found.rows !== history.rows())
      problems.push(`rows: found ${JSON.stringify(found.rows)}, the oracle has ${JSON.stringify(history.rows())}`)
    return [...problems, ...(await unsoundness(world)), ...(await audit.findings(history))]
  }
  return {
    world,
    bench: benchOf(world, shop.engine, history),
    scenario,
    say: (problem) => void problems.push(problem),
    examine,
    async compare(files, { setSince, atOnce } = {}) {
      const expected = (await setting.expectedAfter?.(files, setSince)) as Outcome
      const found = await readOutcome(world, shop.reader)
      const known = scenario.command !== undefined && atOnce ? { ...expected, changes: found.changes } : expected
      return [...(await examine()), ...differences(found, known)]
    },
  }
}

/** `ranBefore`: the command is not given any more. */
type RunOptions = {
  readonly host?: string
  readonly beforeCommit?: () => Promise<void>
  readonly ranBefore?: boolean
}

async function cleanRun(stage: Stage, name: string, options: RunOptions = {}): Promise<void> {
  const process: TestProcess = stage.world.start(name, options)
  const ports = interceptPorts(process.ports, async (call, proceed) => {
    if (isCommit(call)) await options.beforeCommit?.()
    return proceed()
  })
  const report = await goThrough(ports, options.ranBefore ? {} : stage.scenario).catch(asDmscdcError)
  process.end()
  // A command whose commit meets one that came late says so, and is given again.
  if ('kind' in report && report.kind === 'conflict' && options.beforeCommit !== undefined) return
  if ('kind' in report) stage.say(`run ${name}: ${report.kind}: ${report.message}`)
  else if (report.error !== null) stage.say(`run ${name}: ${report.error.kind}: ${report.error.message}`)
}

/** What went wrong may be told only as what it was: the landing and the lake are innocent, unless a body was cut. */
async function troubled(stage: Stage, run: Promise<TableReport>, options: { cut?: boolean } = {}): Promise<void> {
  const error = await run.then(
    (report) => report.error,
    (thrown: unknown) => asDmscdcError(thrown),
  )
  if (error === null || options.cut || ['unavailable', 'conflict'].includes(error.kind)) return
  stage.say(`the run in trouble ended with ${error.kind}: ${error.message}`)
}

function promised() {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
