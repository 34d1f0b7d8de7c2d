import { memoryObjects } from '../../src/objects/memory-objects.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import { firstCursor, newRow } from '../../src/state/row.ts'
import type { StateRow } from '../../src/state/state-store.ts'
import { placeOfLanding, type Setting } from './instance.ts'

export const id = { schema: 's', table: 't' }

/** How often each thing may happen on one way through the states. */
export type Budget = {
  /** A call is refused: it fails and certainly has no effect. */
  readonly refusals: number
  /** The answer to a write is lost: the caller goes on; the write has its effect at once, later or never. */
  readonly losses: number
  /** All leases expire, whoever sleeps or works. (That a run waits for the end of a lease costs nothing.) */
  readonly lapses: number
  /** A run renews its lease, at any moment. */
  readonly renewals: number
  /** The operator sets the cursor back. */
  readonly edits: number
  /** A process ends where others can see it; a run that is never heard of again needs no budget. */
  readonly deaths: number
}

export type Scenario = {
  readonly name: string
  readonly runs: number
  /** Change files in the landing, each a commit of its own; of them taken and finished before the runs begin. */
  readonly files: number
  readonly taken: number
  /** On one host a run sees whether the holder of the lease lives; from elsewhere it waits. */
  readonly hosts: 'one' | 'many'
  /** Runs whose clocks stand still: they never see that their lease has ended. */
  readonly stoppedClocks: readonly string[]
  readonly publish: string
  readonly budget: Budget
}

export const startMs = 1_763_712_000_000
/** Two leases long. */
export const tickMs = 120_000

export const runNames = ['A', 'B', 'C'] as const

export async function settingOf(scenario: Scenario, name: string, files = scenario.files): Promise<Setting> {
  return { landing: await landingOf(files), id, name, pid: name.charCodeAt(0) }
}

export function firstRow({ publish }: Scenario): StateRow {
  const row = newRow(id, { landingPlace: placeOfLanding, lakePlace: 'lake/' })
  return { ...row, ActiveFlag: 'true', PrimaryKey: 'id', ...(publish === '' ? {} : { Publish: publish }) }
}

export const changeName = (number: number) => `20240101-${String(number).padStart(9, '0')}.parquet`

/** The row as the operator leaves it: all files are to be taken again. */
export function editedRow(row: StateRow): StateRow {
  return { ...row, LastIncrementalFile: firstCursor(String(row.path)) }
}

async function landingOf(files: number): Promise<ObjectStore> {
  const landing = memoryObjects({ now: () => startMs, scratchDir: 'none', place: placeOfLanding })
  for (let number = 1; number <= files; number++)
    await landing.put(`s/t/${changeName(number)}`, new TextEncoder().encode(String(number)), { kind: 'any' })
  return landing
}
