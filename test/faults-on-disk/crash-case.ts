import { expect } from 'vitest'
import { asDmscdcError } from '../../src/errors.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { catalogAtHand } from '../support/catalog-at-hand.ts'
import {
  type Fault,
  type FaultKind,
  faultKinds,
  faultyPorts,
  type PortCall,
  timelessFaults,
} from '../support/faulty-ports.ts'
import { openLab } from '../support/lab.ts'
import { asProcess, expectSound, id, keepBeginning, portsOf, runTable } from './lab-at-rest.ts'
import { readOutcome } from './outcome.ts'
import { isDoneAlready, type Scenario } from './scenarios.ts'

/** Goes through a scenario once for each call and each fault that `strikes` chooses; throws naming all that went wrong. */
export async function expectFaultsToBeMended(
  scenario: Scenario,
  strikes: (call: PortCall, kind: FaultKind) => boolean,
): Promise<void> {
  const crashCase = await openCrashCase(scenario)
  const failures: string[] = []
  let struck = 0
  for (const [at, call] of crashCase.calls.entries()) {
    // The clock is the machine's here: no fault can take its time.
    for (const kind of faultKinds(call).filter((one) => timelessFaults.includes(one) && strikes(call, one))) {
      struck++
      await crashCase.strike({ at, kind }).catch((thrown: unknown) => {
        const what = thrown instanceof Error ? thrown.message : String(thrown)
        failures.push(`${kind} at call ${String(at)}, ${call.port} ${call.verb} ${call.target}: ${what}`)
      })
    }
  }
  await crashCase.close()
  expect(failures).toEqual([])
  expect(struck).toBeGreaterThan(0)
}

/** A scenario that can be gone through again and again from the same beginning. */
type CrashCase = {
  /** What an undisturbed run calls, in order. */
  readonly calls: readonly PortCall[]
  /** Strikes, runs once more without a fault, and throws unless all is as without the fault. */
  strike(fault: Fault): Promise<void>
  close(): Promise<void>
}

async function openCrashCase(scenario: Scenario): Promise<CrashCase> {
  const lab = await openLab({ catalog: catalogAtHand() })
  await scenario.arrange(lab)
  const begin = await keepBeginning(lab)
  const ports = portsOf(lab)
  const undisturbed = faultyPorts(ports, null)
  await asProcess(undisturbed.ports, (own) => goThrough(own, scenario))
  const expected = await readOutcome(lab, id)
  await expectSound(lab)
  return {
    calls: undisturbed.calls,
    async strike(fault) {
      await begin()
      const faulty = faultyPorts(ports, fault)
      await asProcess(faulty.ports, (own) => goThrough(own, scenario).then(expectOnlyTrouble, expectTrouble))
      expect(faulty.struck()).toBe(true)
      await asProcess(ports, (own) => goThrough(own, scenario).then(expectNoError))
      expect(await readOutcome(lab, id)).toEqual(expected)
      await expectSound(lab)
    },
    close: () => lab.close(),
  }
}

/** What went wrong may be told only as what it was: the landing and the lake are innocent. */
const expectOnlyTrouble = (report: TableReport) =>
  expect([undefined, 'unavailable', 'conflict']).toContain(report.error?.kind)
const expectTrouble = (thrown: unknown) => expect(['unavailable', 'conflict']).toContain(asDmscdcError(thrown).kind)
const expectNoError = (report: TableReport) => expect(report).toMatchObject({ error: null })

async function goThrough(ports: Ports, { command }: Scenario): Promise<TableReport> {
  await command?.(ports).catch((thrown: unknown) => {
    if (!isDoneAlready(thrown)) throw thrown
  })
  return runTable(ports)
}
