import { cp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { runCycle } from '../../src/controller/run-cycle.ts'
import { verifyTables } from '../../src/controller/verify-tables.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { faultyPorts, startTestProcess } from '../support/faulty-ports.ts'
import { eagerSplices, type Lab } from '../support/lab.ts'
import { catalogName, catalogOf } from './outcome.ts'

/** The table of every scenario: `s.t`. */
export const id = { schema: 's', table: 't' }

/** Nobody waits in these tests, every file is a batch, and what can be spliced is (where a row is deleted, files are written whole). */
export function portsOf(lab: Lab): Ports {
  return {
    ...lab.ports,
    clock: { ...lab.ports.clock, sleep: async () => {} },
    batchBytesMax: 1,
    writeCosts: eagerSplices,
  }
}

/** One cycle over the table alone. */
export async function runTable(ports: Ports): Promise<TableReport> {
  const { tables } = await runCycle(ports, { tables: [id], concurrency: 1 })
  return tables[0] as TableReport
}

/** Does work as a process of its own, which has ended when the work has. */
export async function asProcess(ports: Ports, work: (ports: Ports) => Promise<unknown>): Promise<void> {
  const { holder, end } = startTestProcess()
  await work({ ...ports, holder }).finally(end)
}

/** Everything that holds of a lake at rest. */
export async function expectSound(lab: Lab): Promise<void> {
  expect(await verifyTables(lab.ports, [id])).toMatchObject([{ ok: true, problems: [] }])
  const row = JSON.parse(await readFile(join(lab.state, 's', 't.json'), 'utf8')) as Record<string, unknown>
  expect(row).not.toHaveProperty('Lease')
  expect(row).toMatchObject({
    MirroredIncrementalFile: row.LastIncrementalFile,
    MirroredFullLoadDate: row.LastFullLoadDate,
  })
  const again = faultyPorts(lab.ports, null)
  expect(await runCycle(again.ports, { tables: [id], concurrency: 1 })).toMatchObject({
    tables: [{ status: row.ActiveFlag === 'false' ? 'inactive' : 'idle' }],
  })
  expect(again.calls.filter(({ writes }) => writes)).toEqual([])
}

/** Keeps lake and state as they are now; what it returns brings them back. */
export async function keepBeginning(lab: Lab): Promise<() => Promise<void>> {
  const { folder, lake: lakeFolder, state } = lab
  const bringCatalogBack = await catalogOf(lab)?.keep(catalogName)
  const kept = join(folder, 'beginning')
  for (const [place, name] of [
    [lakeFolder, 'lake'],
    [state, 'state'],
  ] as const)
    await cp(place, join(kept, name), { recursive: true }).catch(ignoreMissing)
  return async () => {
    await bringCatalogBack?.()
    for (const [place, name] of [
      [lakeFolder, 'lake'],
      [state, 'state'],
    ] as const) {
      await rm(place, { recursive: true, force: true })
      await cp(join(kept, name), place, { recursive: true }).catch(ignoreMissing)
    }
  }
}

function ignoreMissing(thrown: unknown): void {
  if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown
}
