import { readFile, rm } from 'node:fs/promises'
import { expect } from 'vitest'
import { planTables, type TablePlan } from '../../src/controller/plan-tables.ts'
import { runCycle } from '../../src/controller/run-cycle.ts'
import { setTables } from '../../src/controller/set-table.ts'
import { listAll, type ObjectStore } from '../../src/objects/object-store.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { fileState } from '../../src/state/file-state.ts'
import type { SetOptions } from '../../src/state/row.ts'
import { catalogAtHand } from './catalog-at-hand.ts'
import type { Lab } from './lab.ts'
import type { Step } from './plan-cases.ts'

/** A lab whose landing and lake may be anywhere. */
export type PlanBed = {
  readonly lab: Lab
  readonly ports: Ports
  land(name: string, select: string): Promise<void>
  /** Lands a change file with a name after all before: `20240201-000000001.parquet`, … */
  landNext(select: string): Promise<void>
  set(options: SetOptions): Promise<void>
}

export function planBed(lab: Lab, stores: Pick<Ports, 'landing' | 'lake'> & Partial<Ports>): PlanBed {
  const { landing } = stores
  const state = fileState({ dir: lab.state, landingPlace: landing.place })
  const ports: Ports = { ...lab.ports, state, catalog: catalogAtHand(), ...stores }
  let changeFiles = 0
  const land: PlanBed['land'] = async (name, select) => {
    const key = `s/t/${name}`
    const path = await lab.land(key, select)
    if (landing.place === lab.ports.landing.place) return
    await landing.put(key, await readFile(path), { kind: 'any' })
    await rm(path)
  }
  return {
    lab,
    ports,
    land,
    landNext: (select) => land(nameOf(++changeFiles), select),
    set: (options) => setTables(ports, 's.t', options).then(() => {}),
  }
}

/** Names of one month or year, in order. */
export function nameOf(number: number, month = '202402'): string {
  return `${month.padEnd(6, '01')}01-${String(number).padStart(9, '0')}.parquet`
}

/**
 * Before each step is run it is planned. `portsOf` gives the ports of one command, as a process of its own would have them.
 */
export async function expectCaseToHold(
  bed: PlanBed,
  steps: readonly Step[],
  { portsOf = (ports: Ports) => ports } = {},
): Promise<void> {
  for (const { what, begin, ends } of steps) {
    await begin(bed)
    const { status } = await expectPlanToHold(bed, what, portsOf)
    expect({ what, status }).toEqual({ what, status: ends })
  }
}

/** Plans and runs; they must say the same, and the plan must have changed nothing. */
async function expectPlanToHold(
  { ports }: PlanBed,
  what: string,
  portsOf: (ports: Ports) => Ports,
): Promise<TableReport> {
  const before = await standing(ports)
  const [plan] = await planTables(portsOf(ports), [])
  expect(await standing(ports), `${what}: the plan changed something`).toEqual(before)
  const [report] = (await runCycle(portsOf(ports), { tables: [], concurrency: 1 })).tables as [TableReport]
  expectPlanned(plan, report, what)
  return report
}

/** What was said before a run is what the run says: requests by kind and changes exactly, bytes within 1.3 times. */
export function expectPlanned(plan: TablePlan | undefined, report: TableReport, what: string): void {
  const { work, inputs, changes, filesToRewrite, requests, error, bytesToRead, bytesToWrite } = plan ?? {}
  expect({ what, work, files: inputs?.length, changes, filesToRewrite, requests, error }).toEqual({
    what,
    work: report.status,
    files: report.files,
    changes: report.changes,
    filesToRewrite: report.filesRewritten,
    requests: report.requests,
    error: report.error,
  })
  for (const [planned, real] of [
    [bytesToRead, report.bytesRead],
    [bytesToWrite, report.bytesWritten],
  ] as const) {
    expect(planned, what).toBeLessThanOrEqual(real * 1.3)
    expect(planned, what).toBeGreaterThanOrEqual(real / 1.3)
  }
}

/** Everything that a plan must leave as it is. */
async function standing({ landing, lake, state, catalog }: Ports) {
  const objects = async (store: ObjectStore) => {
    const found: unknown[] = []
    for await (const page of listAll(store, { prefix: '' })) found.push(...page.objects)
    return found
  }
  const table = (catalog as ReturnType<typeof catalogAtHand> | null)?.describe({ database: 's', table: 't' })
  return [await objects(landing), await objects(lake), await state.list(), await table]
}
