import { expect } from 'vitest'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { catalogAtHand } from '../support/catalog-at-hand.ts'
import {
  faultyPorts,
  gate,
  type Intercept,
  interceptPorts,
  type PortCall,
  startTestProcess,
} from '../support/faulty-ports.ts'
import { openLab } from '../support/lab.ts'
import { asProcess, expectSound, id, keepBeginning, portsOf, runTable } from './lab-at-rest.ts'
import { readOutcome } from './outcome.ts'
import { later, type Scenario } from './scenarios.ts'

/** Where a run stands still: before a call, after it, or (a copy) when it has read and not yet written. */
export type Moment = 'before' | 'after' | 'amid'

/**
 * Lets a run stand still at each of its calls, so that it passes for dead; lands another file, lets a second run take the
 * table over and end, and wakes the first. Throws naming each moment after which the lake is not right.
 */
export async function expectZombiesToDoNoHarm(scenario: Scenario): Promise<void> {
  const lab = await openLab({ catalog: catalogAtHand() })
  await scenario.arrange(lab)
  const begin = await keepBeginning(lab)
  const ports = portsOf(lab)
  const { calls, ports: counted } = faultyPorts(ports, null)
  await asProcess(counted, runTable)
  await later.land(lab)
  await asProcess(ports, runTable)
  const expected = await readOutcome(lab, id)

  const wake = async (at: number, moment: Moment) => {
    await later.remove(lab)
    await begin()
    const [stands, goesOn] = [gate(1), startTestProcess()]
    const sleeper = runTable({ ...standingStill(ports, at, moment, stands.pass), holder: goesOn.holder })
    await stands.reached
    goesOn.end()
    await later.land(lab)
    await asProcess(ports, async (own) => expectWell(await runTable(own)))
    stands.open()
    expectWell(await sleeper)
    expect(await readOutcome(lab, id)).toEqual(expected)
    await expectSound(lab)
  }

  const failures: string[] = []
  for (const [at, call] of calls.entries())
    for (const moment of momentsOf(call))
      await wake(at, moment).catch((thrown: unknown) => {
        const what = thrown instanceof Error ? thrown.message : String(thrown)
        failures.push(`${moment} call ${String(at)}, ${call.port} ${call.verb} ${call.target}: ${what}`)
      })
  await lab.close()
  expect(failures).toEqual([])
  expect(calls.length).toBeGreaterThan(0)
}

export function momentsOf({ writes, verb }: PortCall): readonly Moment[] {
  return ['before', ...(writes ? (['after'] as const) : []), ...(verb === 'copy' ? (['amid'] as const) : [])]
}

const expectWell = (report: TableReport) => expect(report).toMatchObject({ error: null })

/** Ports whose call number `at` waits for `stand`. */
export function standingStill(ports: Ports, at: number, moment: Moment, stand: () => Promise<void>): Ports {
  let calls = 0
  const intercept: Intercept = async (_, proceed) => {
    if (calls++ !== at || moment === 'amid') return proceed()
    if (moment === 'before') await stand()
    const answer = await proceed()
    if (moment === 'after') await stand()
    return answer
  }
  const copies = () => calls - 1 === at && moment === 'amid'
  return interceptPorts({ ...ports, lake: slowCopies(ports.lake, copies, stand) }, intercept)
}

/** A copy is made inside the store and is not one moment: it may write long after it has read. */
function slowCopies(store: ObjectStore, isSlow: () => boolean, stand: () => Promise<void>): ObjectStore {
  return {
    ...store,
    async copy(from, to) {
      if (!isSlow()) return store.copy(from, to)
      const found = await store.get(from)
      await stand()
      if (found === null) return 'missing'
      await store.put(to, found.body, { kind: 'any' })
      return 'copied'
    },
  }
}
