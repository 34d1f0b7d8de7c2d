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
    expect(Object.keys(ran).length).toBeGreaterThan(4)
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

  test('a replay that slept while other runs took files gives up, and leaves no edit that nobody made', async () => {
    const slept = { ...everything, faults: ['more-work'], storms: 0 }
    expect(await certifyScenario(shop, scenarioNamed('replay'), slept)).toMatchObject({ failures: [] })
  })

  test('what a run commits that lost its lease is seen by the next run', async () => {
    const slept = { ...everything, faults: ['much-later'], storms: 0, oneOf: 2 }
    expect(await certifyScenario(shop, scenarioNamed('replay-load'), slept)).toMatchObject({ failures: [] })
  })

  test('a landing that was empty when it was listed, and is not any more, empties no table', async () => {
    const slept = { ...everything, faults: ['more-work'], storms: 0 }
    expect(await certifyScenario(shop, scenarioNamed('vanished'), slept)).toMatchObject({ failures: [] })
  })

  test('who only looks while another run moves the table on is not told that files are missing', async () => {
    const slept = { ...everything, faults: ['same-work'], storms: 0, oneOf: 4 }
    expect(await certifyScenario(shop, scenarioNamed('looks'), slept)).toMatchObject({ failures: [] })
  })

  test('half an entry of the log is never published', async () => {
    const cut = { ...everything, faults: ['cut-short'], storms: 0 }
    expect(await certifyScenario(shop, scenarioNamed('delta'), cut)).toMatchObject({ failures: [] })
  })
})
