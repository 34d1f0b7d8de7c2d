import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { Ports } from '../src/ports.ts'
import type { SetOptions } from '../src/state/row.ts'
import type { Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'
import { landChanges, landDay, landLoad } from './support/plain-table.ts'
import { readRow } from './support/row-file.ts'

const hourMs = 3_600_000

/** A table of one file that was written anew `rewrites` times. */
async function rewritten(lab: Lab, options: SetOptions, rewrites = 2): Promise<void> {
  await landLoad(lab, 'LOAD00000001', [
    [1, 'load'],
    [2, 'load'],
  ])
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  await run(lab)
  for (let day = 1; day <= rewrites; day++) await change(lab, day)
}

async function change(lab: Lab, day: number, ports = lab.ports): Promise<void> {
  await landDay(lab, day, [['U', 1, String(day)]])
  await run(lab, ports)
}

async function run(lab: Lab, ports = lab.ports): Promise<void> {
  expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null })
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
}

const retained = (lab: Lab) => filesBelow(join(lab.lake, '_dmscdc/s/t/retained'))
const inFolder = async (lab: Lab) => (await filesBelow(join(lab.lake, 's/t'))).filter((key) => !key.startsWith('_'))
const laterBy = (ports: Ports, ms: number): Ports => ({
  ...ports,
  clock: { ...ports.clock, nowMs: () => ports.clock.nowMs() + ms },
})

describe('Retain', () => {
  test('of a table without a view: superseded files lie outside its folder until a commit after their time', async ({
    lab,
  }) => {
    await rewritten(lab, { retain: '2h' })
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 1 }, { length: 2 }])
    expect(await readRow(lab)).toMatchObject({ Retained: 2 * hourMs })
    expect(await lab.runOne('s.t', { ports: laterBy(lab.ports, 3 * hourMs) })).toMatchObject({ status: 'idle' })
    expect(await retained(lab)).toHaveLength(2)
    await change(lab, 3, laterBy(lab.ports, 3 * hourMs))
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 1 }, { length: 1 }])
  })

  test('taken back: what was retained goes with the next run', async ({ lab }) => {
    await rewritten(lab, { retain: '7d' })
    await lab.set('s.t', { retain: '' })
    await run(lab)
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 1 }, { length: 0 }])
    expect(await readRow(lab)).not.toHaveProperty('Retained')
  })

  test('is 7 days in the folder of a table with a view; without the view they go at once', async ({ lab }) => {
    await rewritten(lab, { publish: 'delta' })
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 3 }, { length: 0 }])
    await change(lab, 3, laterBy(lab.ports, 6 * 24 * hourMs))
    expect(await inFolder(lab)).toHaveLength(4)
    await change(lab, 4, laterBy(lab.ports, 8 * 24 * hourMs))
    expect(await inFolder(lab)).toHaveLength(3)
    await lab.set('s.t', { publish: '' })
    await run(lab)
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 1 }, { length: 0 }])
    expect(await filesBelow(join(lab.lake, 's/t/_delta_log'))).toEqual([])
  })

  test('said by the operator keeps the files of a view that is taken off, outside the folder', async ({ lab }) => {
    await rewritten(lab, { publish: 'manifest', retain: '3d' })
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 3 }, { length: 0 }])
    await lab.set('s.t', { publish: '' })
    await run(lab)
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 1 }, { length: 2 }])
  })

  test('of a view that was put on and off: what was retained before it goes too', async ({ lab }) => {
    await rewritten(lab, { retain: '3d' })
    await lab.set('s.t', { publish: 'delta' })
    await change(lab, 3)
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 2 }, { length: 2 }])
    await lab.set('s.t', { publish: '', retain: '' })
    await run(lab)
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 1 }, { length: 0 }])
  })

  test('holds across a checkpoint', async ({ lab }) => {
    await rewritten(lab, { retain: '2h' }, 9)
    expect(await retained(lab)).toHaveLength(9)
    await landChanges(lab, '20240110-000000000', [['U', 1, 'last']])
    await run(lab, laterBy(lab.ports, 3 * hourMs))
    expect([await inFolder(lab), await retained(lab)]).toMatchObject([{ length: 1 }, { length: 1 }])
  })
})
