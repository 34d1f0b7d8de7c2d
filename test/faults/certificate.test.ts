import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scenarioNamed } from './all-scenarios.ts'
import { openCase } from './case.ts'
import { certificate } from './certificate.ts'
import { certifyScenario, quick } from './certify-scenario.ts'
import { nameOf, schedulesOf } from './schedule.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

// All scenarios are in certificate.slow.test.ts, the whole of it is `npm run certify`; a failure here is gone through alone by `npm run certify -- --schedule <its name>`.

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterAll(() => shop.close())

describe('what can happen at a commit is mended by the next run', () => {
  test.for(['splice', 'delta-begun'])('%s', async (name) => {
    const { failures, ran } = await certifyScenario(shop, scenarioNamed(name), quick)
    expect(failures).toEqual([])
    expect(Object.keys(ran).length).toBeGreaterThan(15)
  })
})

test('a splice is a call that faults strike, and that a run stands still amid', async () => {
  const { calls } = await openCase(shop, scenarioNamed('splice'))
  const at = calls.findIndex(({ verb }) => verb === 'putSpliced')
  const names = schedulesOf(scenarioNamed('splice'), calls, { seed: 1, storms: 0 }).map(nameOf)
  for (const way of ['lost-answer', 'late-end', 'die-after', 'more-work:amid'])
    expect(names).toContain(`splice/${way}@${String(at)}`)
  expect(calls.filter(({ port, verb }) => port === 'lake' && verb === 'fetch')).not.toEqual([])
})

test('the certificate counts what ran, and says that it failed where one schedule did', () => {
  const calls = { landing: 1, lake: 20, state: 3, catalog: 0 }
  const ok = { name: 'delta', claim: 'a view', calls, ran: { refused: 24, storm: 2 }, failures: [] }
  const failed = {
    ...ok,
    name: 'skip',
    failures: [{ schedule: 'skip/refused@3', call: 'lake put x', problems: ['rows'] }],
  }
  const circumstances = { date: '2026-01-01', minutes: 1, workers: 2, seed: 7, oneOf: 1, versions: { Node: '20' } }
  expect(certificate([ok], circumstances)).toMatch(/All: 26 schedules of 1 scenarios ran, \*\*none failed\*\*/u)
  const text = certificate([ok, failed], circumstances)
  expect(text).toMatch(/\*\*1 failed\*\*/u)
  expect(text).toContain('| `skip` | a view | 1 | 20 | 3 | 0 | 26 | 1 |')
  expect(text).toContain('|  | all | 2 | 40 | 6 | 0 | 52 | 1 |')
})
