import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Source } from '../../sample-db/connection.ts'
import { nameTimeMs } from '../../src/landing/names.ts'
import type { Random } from '../e2e/seeded-random.ts'
import type { Mariadb } from '../support/mariadb.ts'
import type { Arena } from './arena.ts'
import { again, type Beside } from './beside.ts'
import { type Carrier, openCarrier } from './carrier.ts'
import { check, type Findings } from './check.ts'
import { type DmsTask, dmsTask } from './dms-task.ts'
import { type Epoch, epochs, type Upheaval } from './epochs.ts'
import { createTables } from './first-rows.ts'
import { type Command, cleanCycle, randomCycle, say as tell } from './killed-runs.ts'
import { randomCommand } from './operator.ts'
import { randomStreams, type Streams } from './random-streams.ts'
import { schema, settings } from './tables.ts'
import { tally as newTally, type Tally } from './tally.ts'
import { taskPlans } from './task-plans.ts'
import { play } from './writers.ts'

export type Torment = {
  readonly server: Mariadb
  readonly arena: Arena
  readonly folder: string
  readonly seed: number
  readonly minutes: number
  readonly writers: number
  readonly checkEveryMinutes: number
  readonly say: (line: string) => void
}

const transactionsPerEpoch = 120
/** What the source may be ahead of what has been delivered, before the writers wait. */
const lagBytesMax = 8e6

/** Writes, delivers, merges and kills, and checks every few minutes and in the end. Ends at the first finding. */
export async function torment(asked: Torment): Promise<{ readonly findings: Findings; readonly tally: Tally }> {
  const stage = await open(asked)
  try {
    return { findings: await stretches(asked, stage), tally: stage.tally }
  } catch (error) {
    return { findings: [error instanceof Error ? (error.stack ?? error.message) : String(error)], tally: stage.tally }
  } finally {
    await stage.carrier.stop()
    for (const task of stage.tasks) await task.stop().catch(() => {})
  }
}

async function stretches({ say, minutes, checkEveryMinutes, writers }: Torment, stage: Stage): Promise<Findings> {
  const all = epochs(stage.streams, { writers, transactions: transactionsPerEpoch })
  const endMs = Date.now() + minutes * 60_000
  for (let stretch = 1; ; stretch++) {
    const checkMs = Math.min(endMs, Date.now() + checkEveryMinutes * 60_000)
    await writeUntil(checkMs, all, stage, stretch)
    const findings = await quietly(stage)
    say(`check ${String(stretch)}: ${findings.length === 0 ? 'equal' : 'DIFFERENT'} after ${brief(stage.tally)}`)
    if (findings.length > 0 || Date.now() >= endMs) return findings
    for (const task of stage.tasks) await task.resume()
  }
}

type Stage = {
  readonly source: Source
  readonly sourceUrl: string
  readonly streams: Streams
  readonly tally: Tally
  readonly tasks: readonly DmsTask[]
  readonly carrier: Carrier
  readonly command: Command
  readonly filesOf: Arena['filesOf']
}

/** The tables are filled, loaded and onboarded; DMS follows. */
async function open({ server, arena, folder, seed }: Torment): Promise<Stage> {
  const [tally, streams] = [newTally(join(folder, 'timeline.jsonl')), randomStreams(seed)]
  const source = { socket: server.socket, user: server.user }
  const outbox = join(folder, 'outbox')
  mkdirSync(outbox)
  await createTables(source, streams('first rows'))
  const tasks: DmsTask[] = []
  const carrier = openCarrier({
    ...{ outbox, landing: arena.landing, datesDifferMs: arena.datesDifferMs, tally, random: streams('carrier') },
    isRedelivery: (key) => taskOf(tasks, tableOf(key)).isRedelivery(nameTimeMs(baseName(key), 'UTC')),
    lateLoads: (key) => taskOf(tasks, tableOf(key)).plan.lateLoads,
  })
  const world = { source, outbox, tally, settle: carrier.settle }
  for (const plan of taskPlans) tasks.push(dmsTask(plan, { ...world, random: streams(`task ${plan.name}`) }))
  for (const task of tasks) await task.start()
  await carrier.settle(null)
  const command = {
    environment: arena.environment,
    logFile: join(folder, 'commands.jsonl'),
    tally,
    staged: arena.staged,
  }
  await tell(command, arena.registers)
  for (const [table, flags] of Object.entries(settings))
    await tell(command, ['set', `${schema}.${table}`, '--active', ...flags])
  // A full load that DMS deletes before any run has taken it leaves a table of changes alone, which the next full load does not replace: it
  // goes before them, and they are gone. Such a table is held until an operator takes it from its LOAD file anew.
  await cleanCycle(command)
  const sourceUrl = `mariadb://${server.user}@${server.host}:${String(server.port)}/`
  return { source, sourceUrl, streams, tally, tasks, carrier, command, filesOf: arena.filesOf }
}

async function writeUntil(checkMs: number, all: Iterator<Epoch>, stage: Stage, stretch: number): Promise<void> {
  const { tasks, tally, source, streams } = stage
  const upset = async ({ kind, table }: Upheaval) => {
    const isEmptied = kind === 'truncate' || kind === 'drop and create'
    if (isEmptied || kind === 'reload') await taskOf(tasks, table).owe(table, isEmptied ? 'emptied' : 'asked')
  }
  const beside = [
    ...tasks.map((task) => restarts(task, streams(`restarts of ${task.plan.name} ${String(stretch)}`))),
    cycles(stage, streams(`cycles ${String(stretch)}`)),
  ]
  try {
    while (Date.now() < checkMs && !beside.some((one) => one.hasFailed())) {
      await play(all.next().value, { source, tally, upset })
      tally.add('epochs')
      while (!beside.some((one) => one.hasFailed()) && (await lagBytes(tasks)) > lagBytesMax) await sleep(200)
    }
  } finally {
    for (const one of beside) await one.stop()
  }
}

/** Now and then the task starts anew; what it owes it loads. */
function restarts(task: DmsTask, random: Random): Beside {
  return again(async () => {
    await sleep(2000 + random.below(12_000))
    await (random.below(3) === 0 ? task.payDebts() : task.restart())
  })
}

function cycles({ command, filesOf }: Stage, random: Random): Beside {
  let usualMs = 2000
  return again(async () => {
    usualMs = await randomCycle(command, random, usualMs)
    if (random.below(4) === 0) await randomCommand(command, random, filesOf)
  })
}

/** Nobody writes, all has been delivered, and no run is at work. */
async function quietly({ tasks, carrier, command, source, sourceUrl, tally }: Stage): Promise<Findings> {
  for (const task of tasks) await task.drain()
  // What is held back now turns up behind everything else.
  await cleanCycle(command)
  await carrier.settle(null)
  tally.add('checks')
  return check(command, source, sourceUrl)
}

async function lagBytes(tasks: readonly DmsTask[]): Promise<number> {
  return Math.max(...(await Promise.all(tasks.map((task) => task.lagBytes()))))
}

function taskOf(tasks: readonly DmsTask[], table: string): DmsTask {
  return tasks.find(({ plan }) => plan.tables.includes(table)) as DmsTask
}

const tableOf = (key: string) => key.split('/')[1] as string
const baseName = (key: string) => key.slice(key.lastIndexOf('/') + 1)

function brief(tally: Tally): string {
  const names = [
    'transactions',
    'runs',
    'kills',
    'restarts',
    'redelivered files',
    'late files',
    'reloads',
    'reconciled',
  ]
  return names.map((name) => `${String(tally.get(name))} ${name}`).join(', ')
}
