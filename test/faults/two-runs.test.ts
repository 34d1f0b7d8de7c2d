import { afterAll, beforeAll, expect, test as plainTest } from 'vitest'
import { runCycle } from '../../src/controller/run-cycle.ts'
import { verifyTables } from '../../src/controller/verify-tables.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { faultyPorts, gate, interceptPorts, type PortCall, startTestProcess } from '../support/faulty-ports.ts'
import type { Lab } from '../support/lab.ts'
import { rowsOf, test } from '../support/lab-test.ts'
import { scenarioNamed } from './all-scenarios.ts'
import { readOutcome, unsoundness } from './at-rest.ts'
import { type Bench, benchOf, runTable } from './bench.ts'
import { knownHistory } from './known-history.ts'
import { later } from './scenarios.ts'
import { isCommit } from './schedule.ts'
import { openWorkshop, type Workshop } from './workshop.ts'
import { id, openWorld } from './world.ts'

// Two runs that meet at any call are in the certificate; here is what takes more than one pause.

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterAll(() => shop.close())

async function arranged(scenario: string): Promise<Bench> {
  const bench = benchOf(await openWorld(shop), shop.engine, knownHistory())
  await scenarioNamed(scenario).arrange(bench)
  return bench
}

async function expectAtRest({ world, history }: Bench, changeFilesTaken: number): Promise<void> {
  expect(await readOutcome(world, shop.reader)).toMatchObject({ rows: history.rows(), changeFilesTaken })
  expect(await unsoundness(world)).toEqual([])
}

plainTest.for(['first', 'second', 'neither'] as const)(
  'of two runs that are about to commit the same version one wins and the other plans again; ahead: %s',
  async (ahead) => {
    const bench = await arranged('incremental')
    const [first, second] = [pausedAtCommit(bench, 'first'), pausedAtCommit(bench, 'second')]
    const ofFirst = runTable(first.ports)
    await first.stands.reached
    first.process.end()
    await later[0](bench)
    const ofSecond = runTable(second.ports)
    await second.stands.reached
    expect(first.targets).toEqual(second.targets)

    if (ahead === 'second') second.stands.open()
    else first.stands.open()
    if (ahead !== 'neither') await (ahead === 'first' ? ofFirst : ofSecond)
    first.stands.open()
    second.stands.open()
    expect([await ofFirst, await ofSecond]).toMatchObject([{ error: null }, { error: null }])
    // Who lost the table makes the next run look.
    await runTable(bench.world.ports)
    await expectAtRest(bench, 2)
  },
)

plainTest('a run whose lease ran out while it stood still sends no commit', async () => {
  const bench = await arranged('incremental')
  const { world } = bench
  const stands = gate(1)
  const sleeper = world.start('sleeper')
  const commits: PortCall[] = []
  const watched = interceptPorts(sleeper.ports, async (call, proceed) => {
    if (isCommit(call)) commits.push(call)
    const answer = await proceed()
    if (call.verb.startsWith('put') && /\/staging\//u.test(call.target)) await stands.pass()
    return answer
  })
  const asleep = runTable(watched)
  await stands.reached
  sleeper.end()
  await runTable(world.ports)
  await world.time.pass(120_000)
  sleeper.clock.wake()
  stands.open()
  expect(await asleep).toMatchObject({
    error: null,
    warnings: [expect.stringContaining('longer than its lease lasts')],
  })
  expect(commits).toEqual([])
  await runTable(world.ports)
  await expectAtRest(bench, 1)
})

plainTest('a renewal whose answer is lost loses no lease and leaves none behind', async () => {
  const bench = await arranged('incremental')
  const { world } = bench
  let [updates, renewals] = [0, 0]
  const faulty = faultyPorts(world.start('renewing').ports, {
    at: ({ port, verb }) => port === 'state' && verb === 'update' && ++updates === 2,
    kind: 'lost-answer',
  })
  const renewing = interceptPorts(faulty.ports, async (call, proceed) => {
    if (isCommit(call)) await world.time.pass(50_000)
    else if (call.port === 'state' && call.verb === 'update') renewals++
    return proceed()
  })
  expect(await runTable(renewing)).toMatchObject({ error: null, warnings: [] })
  expect(renewals).toBeGreaterThan(3)
  expect(faulty.struck()).toBe(true)
  await expectAtRest(bench, 1)
})

plainTest('verify, beside a run that moves the table on, names nothing that is right', async () => {
  const bench = await arranged('splice')
  const { world } = bench
  const [looking, running] = [world.start('looking'), world.start('running')]
  let moved = false
  const ports = interceptPorts(looking.ports, async (call, proceed) => {
    const answer = await proceed()
    const isPastHead = call.verb === 'get' && /\d+\.json$/u.test(call.target) && answer === null
    if (isPastHead && !moved) {
      moved = true
      expect(await runTable(running.ports)).toMatchObject({ error: null })
    }
    return answer
  })
  expect(await verifyTables(ports, [id])).toMatchObject([{ ok: true, version: 1, problems: [] }])
})

test('of many cycles at once each ends well or names the run that holds the table', async ({ lab }) => {
  const ports = { ...lab.ports, clock: { ...lab.ports.clock, sleep: async () => {} }, batchBytesMax: 1 }
  const ids = ['t', 'u']
  for (const table of ids) {
    await landRound(lab, table, 0)
    await lab.set(`s.${table}`, { active: true, primaryKey: 'id' })
  }
  for (let round = 1; round <= 3; round++) {
    const reports = await cyclesAtOnce(ports, 5)
    expect(reports.map(({ error }) => error)).toEqual(reports.map(() => null))
    const heldUp = reports.filter(({ warnings }) => warnings.some((text) => /^run .* holds the table$/u.test(text)))
    expect(heldUp.every(({ status, files }) => status === 'idle' && files === 0)).toBe(true)
    const others = reports.filter((report) => !heldUp.includes(report))
    expect(others.flatMap(({ warnings }) => warnings)).toEqual([])
    for (const table of ids) {
      expect(others.filter((report) => report.table === `s.${table}` && report.files > 0)).toHaveLength(1)
      expect(await lab.rows(`s.${table}`, 'id')).toEqual(rowsOfRounds(round - 1))
      await landRound(lab, table, round)
    }
  }
  await cyclesAtOnce(ports, 1)
  expect(await lab.verify()).toMatchObject([{ ok: true }, { ok: true }])
})

/** A run as a process of its own that stands still just before its first commit. */
function pausedAtCommit({ world }: Bench, name: string) {
  const stands = gate(1)
  const process = world.start(name)
  const targets: string[] = []
  const paused = interceptPorts(process.ports, async (call, proceed) => {
    if (!isCommit(call) || targets.length > 0) return proceed()
    targets.push(call.target)
    await stands.pass()
    return proceed()
  })
  return { stands, process, targets, ports: paused }
}

async function cyclesAtOnce(ports: Ports, cycles: number): Promise<readonly TableReport[]> {
  const reports = Array.from({ length: cycles }, async () => {
    const { holder, end } = startTestProcess()
    return runCycle({ ...ports, holder }, { tables: [], concurrency: 2 }).finally(end)
  })
  return (await Promise.all(reports)).flatMap(({ tables }) => tables)
}

/** Round 0 is the full load; each later one updates its row and inserts another. */
async function landRound(lab: Lab, table: string, round: number): Promise<void> {
  const types = { id: 'bigint', v: 'integer' }
  if (round === 0) await lab.land(`s/${table}/LOAD00000001.parquet`, rowsOf(types, [[0, 0]]))
  else {
    const rows = [
      ['U', 0, round],
      ['I', round, round],
    ]
    await lab.land(`s/${table}/20240101-00000${String(round)}000.parquet`, rowsOf({ Op: 'varchar', ...types }, rows))
  }
}

const rowsOfRounds = (last: number) =>
  Array.from({ length: last + 1 }, (_, round) => ({ id: String(round), v: round === 0 ? last : round }))
