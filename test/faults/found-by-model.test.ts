import { afterAll, beforeAll, expect, test } from 'vitest'
import { DmscdcError } from '../../src/errors.ts'
import type { Ports } from '../../src/ports.ts'
import { faultyPorts, gate, interceptPorts, type PortCall } from '../support/faulty-ports.ts'
import { scenarioNamed } from './all-scenarios.ts'
import { readOutcome, unsoundness } from './at-rest.ts'
import { type Bench, benchOf, runTable } from './bench.ts'
import { knownHistory } from './known-history.ts'
import { readLog } from './lake-log.ts'
import { later } from './scenarios.ts'
import { isCommit } from './schedule.ts'
import { openWorkshop, type Workshop } from './workshop.ts'
import { openWorld } from './world.ts'

// Each of these ways into trouble was first seen in a trace of `npm run model`.

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterAll(() => shop.close())

async function arranged(): Promise<Bench> {
  const bench = benchOf(await openWorld(shop), shop.engine, knownHistory())
  await scenarioNamed('incremental').arrange(bench)
  return bench
}

async function expectAtRest({ world, history }: Bench): Promise<void> {
  expect(await readOutcome(world, shop.reader)).toMatchObject({ rows: history.rows() })
  expect(await unsoundness(world)).toEqual([])
}

async function runAlone({ world }: Bench, name: string) {
  const process = world.start(name)
  return runTable(process.ports).finally(process.end)
}

test('an edit is obeyed once, though the run that obeys it read the row before another one mirrored', async () => {
  const bench = await arranged()
  const { world } = bench
  await runAlone(bench, 'first')
  await later[0](bench)
  const [atCommit, atListing] = [gate(1), gate(1)]
  const [working, dying] = [world.start('working'), world.start('dying')]
  const ofWorking = runTable(pausing(working.ports, isCommit, atCommit.pass))
  await atCommit.reached
  await bench.edit({ LastIncrementalFile: `${String((await bench.row()).path)}0.parquet` })
  const isListing = ({ port, verb }: PortCall) => port === 'landing' && verb === 'list'
  const listing = pausing(dying.ports, isListing, atListing.pass)
  const ofDying = runTable(faultyPorts(listing, { at: isCommit, kind: 'die-after' }).ports)
  await atListing.reached
  atCommit.open()
  expect(await ofWorking).toMatchObject({ error: null })
  working.end()
  atListing.open()
  expect(await ofDying).toMatchObject({ status: 'failed' })
  dying.end()

  await runAlone(bench, 'last')
  expect(readLog(world.lake).filter(({ operation }) => operation === 'REPLAY')).toHaveLength(1)
  await expectAtRest(bench)
})

test('a staged file that turns up after its run gave up is swept by the next run', async () => {
  const bench = await arranged()
  const losing = bench.world.start('losing')
  const { lake } = losing.ports
  const sent: { readonly key: string; readonly body: Uint8Array }[] = []
  /** The first staged file is on its way for longer than its run waits. */
  const onItsWay = async <T>(key: string, outcome: T): Promise<T> => {
    if (sent.length > 0 || !key.includes('/staging/')) return outcome
    sent.push({ key, body: (await lake.get(key))?.body as Uint8Array })
    await lake.deleteMany([key])
    throw new DmscdcError('unavailable', 'test: no answer', { hint: 'run again', maybeApplied: true })
  }
  const slow: Ports['lake'] = {
    ...lake,
    put: async (key, ...of) => onItsWay(key, await lake.put(key, ...of)),
    putSpliced: async (key, ...of) => onItsWay(key, await lake.putSpliced(key, ...of)),
  }
  expect(await runTable({ ...losing.ports, lake: slow })).toMatchObject({ status: 'failed' })
  losing.end()
  for (const { key, body } of sent) await lake.put(key, body, { kind: 'any' })
  expect(sent).toHaveLength(1)
  await runAlone(bench, 'last')
  await expectAtRest(bench)
})

test('staged files of a lost commit that could not be deleted are swept by the next run', async () => {
  const bench = await arranged()
  const [first, second] = [gate(1), gate(1)]
  const [sleeper, taker] = [bench.world.start('sleeper'), bench.world.start('taker')]
  const ofSleeper = runTable(pausing(sleeper.ports, isCommit, first.pass))
  await first.reached
  sleeper.end()
  const isOfStaging = ({ verb, target }: PortCall) => verb === 'delete' && target.includes('/staging/')
  const refusing = faultyPorts(taker.ports, { at: isOfStaging, kind: 'refused' })
  const ofTaker = runTable(pausing(refusing.ports, isCommit, second.pass))
  await second.reached
  sleeper.clock.wake()
  first.open()
  await ofSleeper
  second.open()
  await ofTaker
  taker.end()
  expect(refusing.struck()).toBe(true)

  await runAlone(bench, 'last')
  await expectAtRest(bench)
})

function pausing(ports: Ports, isIt: (call: PortCall) => boolean, pass: () => Promise<void>): Ports {
  let paused = false
  return interceptPorts(ports, async (call, proceed) => {
    if (isIt(call) && !paused) {
      paused = true
      await pass()
    }
    return proceed()
  })
}
