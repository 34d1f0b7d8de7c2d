import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { restoreTable } from '../../src/controller/restore-table.ts'
import { asDmscdcError } from '../../src/errors.ts'
import type { Ports } from '../../src/ports.ts'
import { faultyPorts, gate, startTestProcess } from '../support/faulty-ports.ts'
import { type Lab, openLab } from '../support/lab.ts'
import { asProcess, expectSound, id, keepBeginning, portsOf, runTable } from './lab-at-rest.ts'
import { later, scenarioNamed } from './scenarios.ts'
import { type Moment, momentsOf, standingStill } from './zombie-case.ts'

const restore = (ports: Ports) => restoreTable(ports, id, { version: 0, keepProgress: false })

test(
  'a run that wakes after a restore takes nothing again: the table is inactive with the rows of the version',
  { timeout: 600_000 },
  () =>
    throughAllMoments(runTable, restore, async (lab, rowsAtFirst) => {
      expect(await activeFlag(lab)).toBe('false')
      expect(await lab.rows('s.t')).toEqual(rowsAtFirst)
    }),
)

test('a restore that wakes after a run has taken the table over is whole or not at all', { timeout: 600_000 }, () =>
  throughAllMoments(restore, runTable, async (lab, rowsAtFirst) => {
    const isRestored = (await activeFlag(lab)) === 'false'
    const rows = await lab.rows('s.t')
    if (isRestored) expect(rows).toEqual(rowsAtFirst)
    else expect(rows).toContainEqual({ id: '8', p: 'a', v: 80 })
  }),
)

/** Lets `asleep` stand still at each of its calls, so that it passes for dead, while `awake` takes the table over and ends. */
async function throughAllMoments(
  asleep: (ports: Ports) => Promise<unknown>,
  awake: (ports: Ports) => Promise<unknown>,
  expectEnd: (lab: Lab, rowsAtFirst: unknown) => Promise<void>,
): Promise<void> {
  const lab = await openLab()
  await scenarioNamed('superseded files that are retained').arrange(lab)
  const rowsAtFirst = await lab.rows('s.t')
  await lab.run()
  await later.land(lab)
  const begin = await keepBeginning(lab)
  const ports = portsOf(lab)
  const { calls, ports: counted } = faultyPorts(ports, null)
  await asProcess(counted, asleep)

  const wake = async (at: number, moment: Moment) => {
    await begin()
    const [stands, goesOn] = [gate(1), startTestProcess()]
    const sleeper = asleep({ ...standingStill(ports, at, moment, stands.pass), holder: goesOn.holder })
    await stands.reached
    goesOn.end()
    await asProcess(ports, awake)
    stands.open()
    await sleeper.catch((thrown: unknown) => expect(['conflict', 'unavailable']).toContain(asDmscdcError(thrown).kind))
    await asProcess(ports, runTable)
    await expectEnd(lab, rowsAtFirst)
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

async function activeFlag(lab: Lab): Promise<unknown> {
  return (JSON.parse(await readFile(join(lab.state, 's', 't.json'), 'utf8')) as Record<string, unknown>).ActiveFlag
}
