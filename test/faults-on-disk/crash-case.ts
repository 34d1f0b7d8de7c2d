import { expect } from 'vitest'
import { asDmscdcError } from '../../src/errors.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import type { SetOptions } from '../../src/state/row.ts'
import { catalogAtHand } from '../support/catalog-at-hand.ts'
import { type Fault, type FaultKind, faultKinds, faultyPorts, type PortCall } from '../support/faulty-ports.ts'
import { openLab } from '../support/lab.ts'
import { asProcess, expectSound, id, keepBeginning, portsOf, runTable } from './lab-at-rest.ts'
import { type Outcome, readOutcome } from './outcome.ts'
import { isDoneAlready, type Scenario } from './scenarios.ts'

/** Goes through a scenario once for each call and each fault that `strikes` chooses; throws naming all that went wrong. */
export async function expectFaultsToBeMended(
  scenario: Scenario,
  strikes: (call: PortCall, kind: FaultKind) => boolean,
  meanwhile?: Meanwhile,
): Promise<void> {
  const crashCase = await openCrashCase(scenario)
  const failures: string[] = []
  let struck = 0
  for (const [at, call] of crashCase.calls.entries()) {
    for (const kind of faultKinds(call).filter((one) => strikes(call, one))) {
      struck++
      await crashCase.strike({ at, kind }, meanwhile).catch((thrown: unknown) => {
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
  /**
   * Strikes, runs once more without a fault, and throws unless all is as without the fault. `meanwhile`: what the
   * operator does between the two, and in what the outcome then differs.
   */
  strike(fault: Fault, meanwhile?: Meanwhile): Promise<void>
  close(): Promise<void>
}

type Meanwhile = { readonly set: SetOptions; readonly outcome: Partial<Outcome> }

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
    async strike(fault, meanwhile) {
      await begin()
      const faulty = faultyPorts(ports, fault)
      await asProcess(faulty.ports, (own) => goThrough(own, scenario).then(expectOnlyTrouble, expectTrouble))
      expect(faulty.struck()).toBe(true)
      if (meanwhile !== undefined) await lab.set('s.t', meanwhile.set)
      await asProcess(ports, (own) => goThrough(own, scenario).then(expectNoError))
      expect(await readOutcome(lab, id)).toEqual({ ...expected, ...meanwhile?.outcome })
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
