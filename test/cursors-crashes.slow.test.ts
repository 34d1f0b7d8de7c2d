import { describe, expect } from 'vitest'
import { tableHistory } from '../src/controller/table-history.ts'
import { faultyPorts, interceptPorts, type PortCall, startTestProcess } from './support/faulty-ports.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { id, landDay, landLoad, nameOf } from './support/plain-table.ts'
import { cursorTo, editRow, readRow } from './support/row-file.ts'

const landInsert = (lab: Lab, day: number) => landDay(lab, day, [['I', day, `day ${String(day)}`]])

async function loaded(lab: Lab): Promise<void> {
  await landLoad(lab, 'LOAD00000001', [[0, 'load']])
  for (const day of [1, 2, 3]) await landInsert(lab, day)
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  await lab.run()
}

const isCommit = ({ port, verb, target }: PortCall) =>
  port === 'lake' && verb === 'put' && /_delta_log\/\d+\.json$/u.test(target)

/** A run that dies right after its n-th commit: its row keeps cursors, twins and `Version` as they were. */
async function dieAfterCommit(lab: Lab, nth: number): Promise<void> {
  let commits = 0
  const dying = startTestProcess()
  const fault = { at: (call: PortCall) => isCommit(call) && ++commits === nth, kind: 'die-after' } as const
  const { ports, struck } = faultyPorts({ ...lab.ports, holder: dying.holder }, fault)
  await lab.run({ ports })
  dying.end()
  expect(struck()).toBe(true)
}

/** A run by a process that can tell that the one before it is dead. */
const nextRun = async (lab: Lab) => {
  const { holder, end } = startTestProcess()
  return lab.runOne('s.t', { ports: { ...lab.ports, holder } }).finally(end)
}

const operations = async (lab: Lab) => (await tableHistory(lab.ports, id)).map(({ operation }) => operation)

async function expectAtRest(lab: Lab, version: number): Promise<void> {
  const now = await readRow(lab)
  expect(now).toMatchObject({ Version: version, MirroredIncrementalFile: now.LastIncrementalFile })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', version })
  expect(await lab.verify()).toMatchObject([{ ok: true }])
}

describe('the mirror lost after a commit', () => {
  test('is no edit: the cursor still equals its twin, and the next run mirrors the log', async ({ lab }) => {
    await loaded(lab)
    await landInsert(lab, 4)
    await dieAfterCommit(lab, 1)
    expect(await readRow(lab)).toMatchObject({ Version: 1, ...(await cursorTo(lab, nameOf(3))) })
    expect(await nextRun(lab)).toMatchObject({ files: 0, error: null })
    expect(await operations(lab)).not.toContain('REPLAY')
    expect(await readRow(lab)).toMatchObject({ Version: 2, ...(await cursorTo(lab, nameOf(4))) })
    await expectAtRest(lab, 2)
  })

  test('and then an edit: it is obeyed, although it names what the log was at', async ({ lab }) => {
    await loaded(lab)
    await landInsert(lab, 4)
    await dieAfterCommit(lab, 1)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    expect(await nextRun(lab)).toMatchObject({ files: 2, error: null })
    expect(await readRow(lab)).toMatchObject(await cursorTo(lab, nameOf(4)))
  })
})

describe('an edit during a run', () => {
  test('stands: only twins and Version are written, and the next run obeys it', async ({ lab }) => {
    await loaded(lab)
    await landInsert(lab, 4)
    const ports = interceptPorts(lab.ports, async (call, proceed) => {
      if (isCommit(call)) await editRow(lab, await cursorTo(lab, nameOf(1)))
      return proceed()
    })
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ files: 1, error: null })
    expect(await readRow(lab)).toMatchObject({
      Version: 2,
      ...(await cursorTo(lab, nameOf(1))),
      MirroredIncrementalFile: (await cursorTo(lab, nameOf(4))).LastIncrementalFile,
    })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 3, error: null })
    await expectAtRest(lab, 4)
  })

  test('another one while the first is obeyed: both are obeyed, each once', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    const ports = interceptPorts(lab.ports, async (call, proceed) => {
      if (isCommit(call)) await editRow(lab, await cursorTo(lab, nameOf(1)))
      return proceed()
    })
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ files: 1 })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2 })
    expect((await operations(lab)).filter((one) => one === 'REPLAY')).toHaveLength(2)
    await expectAtRest(lab, 5)
  })
})

describe('an edit obeyed and then a crash', () => {
  test.for([1, 2])('after commit %i of the run: it is not obeyed twice', async (nth, { lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    await dieAfterCommit(lab, nth)
    expect(await readRow(lab)).toMatchObject({ Version: 1, ...(await cursorTo(lab, nameOf(1))) })
    expect(await nextRun(lab)).toMatchObject({ files: nth === 1 ? 2 : 0, error: null })
    expect((await operations(lab)).filter((one) => one === 'REPLAY')).toHaveLength(1)
    expect(await readRow(lab)).toMatchObject(await cursorTo(lab, nameOf(3)))
  })

  test('and another edit: that one is obeyed', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    await dieAfterCommit(lab, 2)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    expect(await nextRun(lab)).toMatchObject({ files: 1, error: null })
  })

  test('and the other cursor edited too: only that one is obeyed', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(1)))
    await dieAfterCommit(lab, 2)
    await editRow(lab, { LastFullLoadDate: '2099-01-01 00:00:00' })
    expect(await nextRun(lab)).toMatchObject({ files: 0, error: null })
    expect(await readRow(lab)).toMatchObject({
      LastFullLoadDate: '2099-01-01 00:00:00',
      ...(await cursorTo(lab, nameOf(3))),
    })
  })
})
