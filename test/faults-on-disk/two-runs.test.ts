import { expect } from 'vitest'
import { runCycle } from '../../src/controller/run-cycle.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { faultyPorts, gate, interceptPorts, type PortCall, startTestProcess } from '../support/faulty-ports.ts'
import type { Lab } from '../support/lab.ts'
import { rowsOf, test } from '../support/lab-test.ts'
import { asProcess, expectSound, id, portsOf, runTable } from './lab-at-rest.ts'
import { readOutcome } from './outcome.ts'
import { isCommit, later, scenarioNamed } from './scenarios.ts'

// What a run does that wakes after another one has ended is in two-runs.slow.test.ts.

const rowsAfterBoth = [
  { id: '1', p: 'a', v: 11 },
  { id: '2', p: 'b', v: 22 },
  { id: '4', p: 'b', v: 40 },
  { id: '5', p: 'b', v: 50 },
  { id: '8', p: 'a', v: 80 },
]
const changesOfBoth = { inserted: 6, updated: 2, deleted: 1, unchanged: 0, ignored: 0 }

test.for(['first', 'second', 'neither'] as const)(
  'of two runs that are about to commit the same version one wins and the other plans again; ahead: %s',
  async (ahead, { lab }) => {
    await scenarioNamed('an insert, an update and a deletion').arrange(lab)
    const [first, second] = [pausedAtCommit(portsOf(lab)), pausedAtCommit(portsOf(lab))]
    const ofFirst = runTable(first.ports)
    await first.stands.reached
    first.process.end()
    await later.land(lab)
    const ofSecond = runTable(second.ports)
    await second.stands.reached
    expect(first.targets).toEqual(second.targets)

    if (ahead === 'second') second.stands.open()
    else first.stands.open()
    if (ahead !== 'neither') await (ahead === 'first' ? ofFirst : ofSecond)
    first.stands.open()
    second.stands.open()
    expect([await ofFirst, await ofSecond]).toMatchObject([{ error: null }, { error: null }])
    expect(await lab.rows('s.t', 'id')).toEqual(rowsAfterBoth)
    expect(await readOutcome(lab, id)).toMatchObject({ changes: changesOfBoth, changeFilesTaken: 2 })
    await expectSound(lab)
  },
)

test('a run whose lease ran out while it stood still sends no commit', async ({ lab }) => {
  await scenarioNamed('an insert, an update and a deletion').arrange(lab)
  const stands = gate(1)
  const sleeper = startTestProcess()
  let asleepMs = 0
  const commits: PortCall[] = []
  const ports = portsOf(lab)
  const clock = { ...ports.clock, nowMs: () => ports.clock.nowMs() + asleepMs }
  const watched = interceptPorts({ ...ports, clock, holder: sleeper.holder }, async (call, proceed) => {
    if (isCommit(call)) commits.push(call)
    const answer = await proceed()
    if (call.verb === 'put' && /\/staging\//u.test(call.target)) await stands.pass()
    return answer
  })
  const asleep = runTable(watched)
  await stands.reached
  sleeper.end()
  await asProcess(ports, runTable)
  asleepMs = 120_000
  stands.open()
  expect(await asleep).toMatchObject({
    error: null,
    warnings: [expect.stringContaining('longer than its lease lasts')],
  })
  expect(commits).toEqual([])
  expect(await readOutcome(lab, id)).toMatchObject({ changeFilesTaken: 1 })
  await expectSound(lab)
})

test('a renewal whose answer is lost loses no lease and leaves none behind', async ({ lab }) => {
  await scenarioNamed('an insert, an update and a deletion').arrange(lab)
  const renewals: (() => Promise<void>)[] = []
  const ports = portsOf(lab)
  const every = (_: number, task: () => Promise<void>) => {
    renewals.push(task)
    return async () => {}
  }
  let updates = 0
  const faulty = faultyPorts(
    { ...ports, clock: { ...ports.clock, every } },
    {
      at: ({ port, verb }) => port === 'state' && verb === 'update' && ++updates === 2,
      kind: 'lost-answer',
    },
  )
  const renewing = interceptPorts(faulty.ports, async (call, proceed) => {
    if (isCommit(call)) for (let times = 0; times < 2; times++) await renewals[0]?.().catch(() => {})
    return proceed()
  })
  await asProcess(renewing, async (own) => expect(await runTable(own)).toMatchObject({ error: null, warnings: [] }))
  expect(faulty.struck()).toBe(true)
  await expectSound(lab)
})

test('of many cycles at once each ends well or names the run that holds the table', async ({ lab }) => {
  const ids = ['t', 'u']
  for (const table of ids) {
    await landRound(lab, table, 0)
    await lab.set(`s.${table}`, { active: true, primaryKey: 'id' })
  }
  for (let round = 1; round <= 3; round++) {
    const reports = await cyclesAtOnce(portsOf(lab), 5)
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
  await cyclesAtOnce(portsOf(lab), 1)
  expect(await lab.verify()).toMatchObject([{ ok: true }, { ok: true }])
})

/** A run as a process of its own that stands still just before its first commit. */
function pausedAtCommit(ports: Ports) {
  const stands = gate(1)
  const process = startTestProcess()
  const targets: string[] = []
  const paused = interceptPorts({ ...ports, holder: process.holder }, async (call, proceed) => {
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
