import { describe, test } from 'vitest'
import { expectFaultsToBeMended } from './crash-case.ts'
import { scenarioNamed, scenarios } from './scenarios.ts'

describe('a fault at any call of a run is mended by the next run', () => {
  test.for(scenarios)('$name', { timeout: 600_000 }, (scenario) => expectFaultsToBeMended(scenario, () => true))
})

describe('a fault at any call is mended also where the operator changes his mind meanwhile', () => {
  test('about beginning a Delta view', () => {
    const meanwhile = { set: { publish: '' }, outcome: { view: null } }
    return expectFaultsToBeMended(scenarioNamed('a Delta view that is begun'), () => true, meanwhile)
  })

  test('about taking a Delta view off', () => {
    const meanwhile = { set: { publish: 'delta' }, outcome: { view: 'follows the head' } } as const
    return expectFaultsToBeMended(scenarioNamed('a Delta view that is taken off'), () => true, meanwhile)
  })

  test('about beginning manifests', () => {
    const meanwhile = { set: { publish: '' }, outcome: { manifests: null } }
    return expectFaultsToBeMended(scenarioNamed('manifests that are begun'), () => true, meanwhile)
  })

  test('about taking manifests off', () => {
    const meanwhile = { set: { publish: 'manifest' }, outcome: { manifests: 'the files of the head' } } as const
    return expectFaultsToBeMended(scenarioNamed('manifests that are taken off'), () => true, meanwhile)
  })

  test('about beginning a table of the catalog', () => {
    const meanwhile = { set: { publish: '' }, outcome: { catalog: null } }
    return expectFaultsToBeMended(scenarioNamed('a table of the catalog that is begun'), () => true, meanwhile)
  })

  test('about the partition key', () => {
    const meanwhile = { set: { partitionKey: '' }, outcome: {} }
    return expectFaultsToBeMended(scenarioNamed('another partition key'), () => true, meanwhile)
  })
})
