import { expect } from 'vitest'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { catalogAtHand } from '../support/catalog-at-hand.ts'
import { faultyPorts, gate, type PortCall, startTestProcess } from '../support/faulty-ports.ts'
import { openLab } from '../support/lab.ts'
import { type Moment, momentsOf, standingStill } from '../support/standing-still.ts'
import { asProcess, expectSound, id, keepBeginning, portsOf, runTable } from './lab-at-rest.ts'
import { readOutcome } from './outcome.ts'
import { later, type Scenario } from './scenarios.ts'

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
    // Who lost the table makes the next run look; then all is at rest.
    await asProcess(ports, async (own) => expectWell(await runTable(own)))
    expect(await readOutcome(lab, id)).toEqual(expected)
    await expectSound(lab)
  }

  await atEachMoment(calls, wake).finally(() => lab.close())
}

/** Throws naming each moment of the calls at which `wake` throws. */
export async function atEachMoment(
  calls: readonly PortCall[],
  wake: (at: number, moment: Moment) => Promise<void>,
): Promise<void> {
  const failures: string[] = []
  for (const [at, call] of calls.entries())
    for (const moment of momentsOf(call))
      await wake(at, moment).catch((thrown: unknown) => {
        const what = thrown instanceof Error ? thrown.message : String(thrown)
        failures.push(`${moment} call ${String(at)}, ${call.port} ${call.verb} ${call.target}: ${what}`)
      })
  expect(failures).toEqual([])
  expect(calls.length).toBeGreaterThan(0)
}

const expectWell = (report: TableReport) => expect(report).toMatchObject({ error: null })
