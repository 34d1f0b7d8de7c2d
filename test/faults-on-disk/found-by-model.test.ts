import { expect } from 'vitest'
import { tableHistory } from '../../src/controller/table-history.ts'
import { DmscdcError } from '../../src/errors.ts'
import { faultyPorts, gate, interceptPorts, type PortCall, startTestProcess } from '../support/faulty-ports.ts'
import { test } from '../support/lab-test.ts'
import { cursorTo, editRow } from '../support/row-file.ts'
import { asProcess, expectSound, id, portsOf, runTable } from './lab-at-rest.ts'
import { readOutcome } from './outcome.ts'
import { isCommit, later, scenarioNamed } from './scenarios.ts'

// Each of these ways into trouble was first seen in a trace of `npm run model`.

test('an edit is obeyed once, though the run that obeys it read the row before another one mirrored', async ({
  lab,
}) => {
  await scenarioNamed('an insert, an update and a deletion').arrange(lab)
  await asProcess(portsOf(lab), runTable)
  await later.land(lab)
  const [atCommit, atListing] = [gate(1), gate(1)]
  const [working, dying] = [startTestProcess(), startTestProcess()]
  const first = runTable(pausing({ ...portsOf(lab), holder: working.holder }, isCommit, atCommit.pass))
  await atCommit.reached
  await editRow(lab, await cursorTo(lab, '0.parquet'))
  const isListing = ({ port, verb }: PortCall) => port === 'landing' && verb === 'list'
  const listing = pausing({ ...portsOf(lab), holder: dying.holder }, isListing, atListing.pass)
  const second = runTable(faultyPorts(listing, { at: isCommit, kind: 'die-after' }).ports)
  await atListing.reached
  atCommit.open()
  expect(await first).toMatchObject({ error: null })
  working.end()
  atListing.open()
  expect(await second).toMatchObject({ status: 'failed' })
  dying.end()

  await asProcess(portsOf(lab), runTable)
  const operations = (await tableHistory(lab.ports, id)).map(({ operation }) => operation)
  expect(operations.filter((operation) => operation === 'REPLAY')).toHaveLength(1)
  await expectSound(lab)
})

test('a staged file that turns up after its run gave up is swept by the next run', async ({ lab }) => {
  await scenarioNamed('an insert, an update and a deletion').arrange(lab)
  const ports = portsOf(lab)
  const sent: { readonly key: string; readonly body: Uint8Array }[] = []
  /** The first staged file is on its way for longer than its run waits. */
  const put: typeof ports.lake.put = async (key, body, condition) => {
    const outcome = await ports.lake.put(key, body, condition)
    if (sent.length > 0 || !key.includes('/staging/')) return outcome
    sent.push({ key, body: (await ports.lake.get(key))?.body as Uint8Array })
    await ports.lake.deleteMany([key])
    throw new DmscdcError('unavailable', 'test: no answer', { hint: 'run again', maybeApplied: true })
  }
  const losing = { ...ports, lake: { ...ports.lake, put } }
  await asProcess(losing, async (own) => expect(await runTable(own)).toMatchObject({ status: 'failed' }))
  for (const { key, body } of sent) await ports.lake.put(key, body, { kind: 'any' })
  expect(sent).toHaveLength(1)
  await asProcess(ports, runTable)
  await readOutcome(lab, id)
  await expectSound(lab)
})

test('staged files of a lost commit that could not be deleted are swept by the next run', async ({ lab }) => {
  await scenarioNamed('an insert, an update and a deletion').arrange(lab)
  const [first, second] = [gate(1), gate(1)]
  const [sleeper, taker] = [startTestProcess(), startTestProcess()]
  const ofSleeper = runTable(pausing({ ...portsOf(lab), holder: sleeper.holder }, isCommit, first.pass))
  await first.reached
  sleeper.end()
  const isOfStaging = ({ verb, target }: PortCall) => verb === 'delete' && target.includes('/staging/')
  const refusing = faultyPorts({ ...portsOf(lab), holder: taker.holder }, { at: isOfStaging, kind: 'refused' })
  const ofTaker = runTable(pausing(refusing.ports, isCommit, second.pass))
  await second.reached
  first.open()
  await ofSleeper
  second.open()
  await ofTaker
  taker.end()
  expect(refusing.struck()).toBe(true)

  await asProcess(portsOf(lab), runTable)
  await readOutcome(lab, id)
  await expectSound(lab)
})

function pausing(ports: ReturnType<typeof portsOf>, isIt: (call: PortCall) => boolean, pass: () => Promise<void>) {
  let paused = false
  return interceptPorts(ports, async (call, proceed) => {
    if (isIt(call) && !paused) {
      paused = true
      await pass()
    }
    return proceed()
  })
}
