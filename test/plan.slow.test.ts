import { describe } from 'vitest'
import { memoryObjects } from '../src/objects/memory-objects.ts'
import { eagerSplices } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { expectCaseToHold, planBed } from './support/plan-bed.ts'
import { planCases } from './support/plan-cases.ts'

describe.each(Object.entries(planCases))('%s is planned as it is run', (_name, steps) => {
  test('on files', ({ lab }) => {
    const { landing, lake } = lab.ports
    return expectCaseToHold(planBed(lab, { landing, lake }), steps)
  })

  test('in memory, spliced wherever it can be', ({ lab }) => {
    const options = { now: lab.ports.clock.nowMs, scratchDir: `${lab.folder}/fetched` }
    const stores = {
      landing: memoryObjects({ ...options, place: 'landing/' }),
      lake: memoryObjects({ ...options, place: 'lake/' }),
    }
    return expectCaseToHold(planBed(lab, { ...stores, writeCosts: eagerSplices }), steps)
  })
})
