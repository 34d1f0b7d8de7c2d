import { describe, expect } from 'vitest'
import { systemClock } from '../src/clock.ts'
import { type InProcessOptions, inProcess } from '../src/dispatch/in-process.ts'
import { memoryPool } from '../src/dispatch/memory-pool.ts'
import { DmscdcError } from '../src/errors.ts'
import type { Ports } from '../src/ports.ts'
import { interceptPorts } from './support/faulty-ports.ts'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'

const types = { Op: 'varchar', id: 'bigint', v: 'varchar' }
const rows = rowsOf(types, [
  ['I', 1, 'a'],
  ['I', 2, 'b'],
])

describe('the memory pool', () => {
  test('lets small ones in together, a big one beside small ones, and no two big ones that do not fit', async () => {
    const pool = memoryPool(1000, systemClock)
    const got: string[] = []
    const ask = (name: string, bytes: number, alone = false) =>
      pool.admit(bytes, { alone }).then((share) => {
        got.push(name)
        return share
      })
    const big = await ask('big', 5000)
    expect(big.bytes).toBe(750)
    const small = await Promise.all([ask('a', 100), ask('b', 100)])
    const second = ask('second', 700)
    const third = ask('c', 100)
    await settle()
    expect(got).toEqual(['big', 'a', 'b'])
    small[0]?.release()
    await third
    big.release()
    await second
    expect(got).toEqual(['big', 'a', 'b', 'c', 'second'])
  })

  test('gives one that must be alone all of it, and lets nobody in beside it', async () => {
    const pool = memoryPool(1000, systemClock)
    const alone = await pool.admit(100, { alone: true })
    expect(alone.bytes).toBe(1000)
    let entered = false
    const next = pool.admit(1).then((share) => {
      entered = true
      return share
    })
    await settle()
    expect(entered).toBe(false)
    alone.release()
    alone.release()
    expect((await next).bytes).toBe(1)
  })

  test('keeps nobody waiting for ever behind one that hangs', async () => {
    let late = () => {}
    const after = (_: number, task: () => void) => {
      late = task
      return () => {}
    }
    const pool = memoryPool(1000, { ...systemClock, after })
    await pool.admit(750)
    const second = pool.admit(750)
    late()
    expect((await second).bytes).toBe(250)
  })
})

describe('a cycle in one process', () => {
  test('goes on beside a table whose call hangs, ends it at its deadline, and releases its lease', async ({ lab }) => {
    await onboard(lab, ['s.a', 's.hangs', 's.z'])
    const ports = hangingAt(
      lab.ports,
      (port, verb, target) => port === 'landing' && verb === 'fetch' && target.includes('/hangs/'),
    )
    const reports = await cycle(lab, ports, { concurrency: 2, deadlineMs: 3_000 })
    expect(reports.map(({ table, status }) => [table, status])).toEqual([
      ['s.a', 'initial'],
      ['s.hangs', 'failed'],
      ['s.z', 'initial'],
    ])
    expect(reports[1]?.error).toMatchObject({
      kind: 'unavailable',
      message: 'run took longer than its deadline of 3 seconds',
      hint: expect.stringContaining('--deadline'),
    })
    expect(await lab.runOne('s.hangs')).toMatchObject({ status: 'initial', version: 0 })
    expect((await lab.verify()).every(({ ok }) => ok)).toBe(true)
  })

  test('ends although the state never answers again, with the lease left behind', async ({ lab }) => {
    await onboard(lab, ['s.hangs', 's.z'])
    let held = false
    const ports = hangingAt(lab.ports, (port, verb, target) => {
      const hit = held && port === 'state' && target.includes('hangs')
      held ||= port === 'state' && verb === 'update' && target.includes('hangs')
      return hit
    })
    const reports = await cycle(lab, ports, { deadlineMs: 3_000 })
    expect(reports.map(({ status }) => status)).toEqual(['failed', 'initial'])
  })

  test('interrupts a statement that is under way at the deadline', async ({ lab }) => {
    await lab.land('s/slow/LOAD00000001.parquet', 'select range as id, md5(range::varchar) as v from range(1000000)')
    await lab.run()
    await lab.set('s.slow', { active: true, primaryKey: 'id' })
    const [late] = await cycle(lab, lab.ports, { deadlineMs: 100 })
    expect(late).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('deadline of 0.1 seconds') },
    })
    expect(await lab.runOne('s.slow')).toMatchObject({ status: 'initial', changes: { inserted: 1_000_000 } })
  })

  test('tries a table again alone whose memory did not suffice beside others', async ({ lab }) => {
    await onboard(lab, ['s.a', 's.b'])
    let tries = 0
    const ports = interceptPorts(lab.ports, async (call, proceed) => {
      if (call.port === 'landing' && call.verb === 'fetch' && call.target.includes('/b/') && ++tries === 1)
        throw new DmscdcError('unavailable', 'engine ran out of memory', { hint: 'more', tryAlone: true })
      return proceed()
    })
    const reports = await cycle(lab, ports, { concurrency: 2 })
    expect(reports.map(({ status, error }) => [status, error])).toEqual([
      ['initial', null],
      ['initial', null],
    ])
    expect(tries).toBeGreaterThan(1)
  })

  test('cuts batches to what a table gets of the memory', async ({ lab }) => {
    await onboard(lab, ['s.a'])
    for (let at = 1; at <= 4; at++) await lab.land(`s/a/2024010${String(at)}-000000000.parquet`, rows)
    const [report] = await cycle(lab, lab.ports, { memoryBytes: 1000 })
    expect(report).toMatchObject({ status: 'initial', version: 4, files: 5 })
  })
})

async function onboard(lab: Lab, tables: readonly string[]): Promise<void> {
  for (const table of tables) await lab.land(`${table.replace('.', '/')}/LOAD00000001.parquet`, rows)
  await lab.run()
  for (const table of tables) await lab.set(table, { active: true, primaryKey: 'id' })
}

async function cycle(lab: Lab, ports: Ports, options: Partial<InProcessOptions>) {
  const dispatcher = inProcess(ports, { concurrency: 4, memoryBytes: 1e9, deadlineMs: 60_000, ...options })
  return lab.run({ ports, dispatcher })
}

/** Calls that `hits` picks never come back. */
function hangingAt(ports: Ports, hits: (port: string, verb: string, target: string) => boolean): Ports {
  return interceptPorts(ports, (call, proceed) =>
    hits(call.port, call.verb, call.target) ? new Promise(() => {}) : proceed(),
  )
}

const settle = () => systemClock.sleep(20)
