import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Engine, EngineSession, WriteRequest } from '../src/engine/engine.ts'
import type { Ports } from '../src/ports.ts'
import { type Lab, openLab } from './support/lab.ts'

/** What is written is proven before it is committed: an engine that writes something else than it was asked for is found out. */
let lab: Lab
beforeEach(async () => {
  lab = await openLab()
})
afterEach(() => lab.close())

const oneRowLess = (select: string) => `select * from (${select}) limit (select count(*) - 1 from (${select}))`
const keyThreeIs = (id: number) => (select: string) =>
  `select * replace (case when id = 3 then ${String(id)} else id end as id) from (${select})`

describe('nothing is committed', () => {
  test.each([
    ['loses a row', oneRowLess, 'became'],
    ['writes a key twice', keyThreeIs(1), 'a key stands twice'],
    ['keeps a deleted key', keyThreeIs(2), 'a deleted key stands'],
    ['writes another key', keyThreeIs(4), 'other keys than were to be written'],
  ])('of a merge whose engine %s', async (_how, mangle, message) => {
    await loaded()
    await lab.land('s/t/20260101-000000000.parquet', `from (values ('D', 2, null), ('U', 1, 'new')) t(Op, id, name)`)
    await expectRefused(mangle, message)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', changes: { updated: 1, deleted: 1 } })
  })

  test('of a first load whose engine loses a row', async () => {
    await landed()
    expect(await lab.runOne('s.t', { ports: writing(oneRowLess) })).toMatchObject({
      status: 'failed',
      version: null,
      error: { kind: 'bug', message: expect.stringContaining('load gate') },
    })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', changes: { inserted: 3 } })
  })

  test('of a rewrite of the whole table whose engine loses a row', async () => {
    await loaded()
    await lab.set('s.t', { partitionKey: 'name' })
    await expectRefused(oneRowLess, 'rewrite gate')
  })
})

async function landed(): Promise<void> {
  await lab.land('s/t/LOAD00000001.parquet', `from (values (1, 'a'), (2, 'b'), (3, 'c')) t(id, name)`)
  await lab.run()
  await lab.set('s.t', { active: true, primaryKey: 'id' })
}

async function loaded(): Promise<void> {
  await landed()
  await lab.run()
}

async function expectRefused(mangle: (select: string) => string, message: string): Promise<void> {
  const before = await lab.rows('s.t')
  expect(await lab.runOne('s.t', { ports: writing(mangle) })).toMatchObject({
    status: 'failed',
    version: 0,
    error: { kind: 'bug', message: expect.stringContaining(message) },
  })
  expect(await lab.rows('s.t')).toEqual(before)
}

/** The lab's ports over an engine that writes the rows of another query. */
function writing(mangle: (select: string) => string): Ports {
  const engine = async (): Promise<Engine> => {
    const real = await lab.ports.engine()
    return {
      ...real,
      openSession: async () => {
        const session = await real.openSession()
        const mangled = (request: WriteRequest) => ({ ...request, select: mangle(request.select) })
        const write: EngineSession['write'] = (request) => session.write(mangled(request))
        const writeAside: EngineSession['writeAside'] = (request) => session.writeAside(mangled(request))
        return { ...session, write, writeAside }
      },
    }
  }
  return { ...lab.ports, engine }
}
