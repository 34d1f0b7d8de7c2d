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
  const mended: Readonly<
    Record<string, { readonly in: string; readonly faults: readonly string[]; readonly oneOf?: number }>
  > = {
    'a file that is staged late, after its run gave up, is swept by the next run': {
      in: 'incremental',
      faults: ['late-next', 'late-end'],
    },
    'what a dead run staged is swept also where the answer to the lease that took over came late': {
      in: 'sweep',
      faults: ['late-next'],
    },
    'a replay that slept while other runs took files gives up, and leaves no edit that nobody made': {
      in: 'replay',
      faults: ['more-work'],
    },
    'what a run commits that lost its lease is seen by the next run': {
      in: 'replay-load',
      faults: ['much-later'],
      oneOf: 2,
    },
    'a landing that was empty when it was listed, and is not any more, empties no table': {
      in: 'vanished',
      faults: ['more-work'],
    },
    'who only looks while another run moves the table on is not told that files are missing': {
      in: 'looks',
      faults: ['same-work'],
      oneOf: 4,
    },
    'half an entry of the log is never published': { in: 'delta', faults: ['cut-short'] },
  }
  for (const [claim, { in: scenario, ...of }] of Object.entries(mended))
    test(claim, async () => {
      const { failures } = await certifyScenario(shop, scenarioNamed(scenario), { ...everything, ...of, storms: 0 })
      expect(failures).toEqual([])
    })
})
