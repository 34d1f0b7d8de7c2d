import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scenarioNamed, scenarios } from './all-scenarios.ts'
import { certifyScenario, everything, short } from './certify-scenario.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

// The whole of it is `npm run certify`; a failure here is gone through alone by `npm run certify -- --schedule <its name>`.

let shop: Workshop
beforeAll(async () => {
  shop = await openWorkshop()
})
afterAll(() => shop.close())

describe('what can happen at a commit, and a sample of what can happen at any call, is mended by the next run', () => {
  test.for(scenarios.map(({ name, claim }) => [name, claim] as const))('%s: %s', async ([name]) => {
    const { failures, ran } = await certifyScenario(shop, scenarioNamed(name), short)
    expect(failures).toEqual([])
    expect(Object.keys(ran).length).toBeGreaterThan(8)
  })
})

describe('what the certificate has found stays mended', () => {
  test('a file that is staged late, after its run gave up, is swept by the next run', async () => {
    const late = { ...everything, faults: ['late-next', 'late-end'], storms: 0 }
    expect(await certifyScenario(shop, scenarioNamed('incremental'), late)).toMatchObject({ failures: [] })
  })

  test('what a dead run staged is swept also where the answer to the lease that took over came late', async () => {
    const late = { ...everything, faults: ['late-next'], storms: 0 }
    expect(await certifyScenario(shop, scenarioNamed('sweep'), late)).toMatchObject({ failures: [] })
  })
})

test('docs/certificate.md is about these scenarios, and of no failure', () => {
  const text = readFileSync(new URL('../../docs/certificate.md', import.meta.url), 'utf8')
  const named = [...text.matchAll(/^\| `([a-z-]+)` \| [^|]+ \| \d+ \| \d+ \|/gmu)].map(([, name]) => name)
  expect(named).toEqual(scenarios.map(({ name }) => name))
  expect(text).toContain('**none failed**')
})
