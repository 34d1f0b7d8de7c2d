import { expect } from 'vitest'
import type { SetOptions } from '../../src/state/row.ts'
import type { Lab } from './lab.ts'
import { type Cell, rowsOf } from './lab-test.ts'

/** The table in which cases meet: `s.t`, with a column to lay it out by. A change file is named by its minute. */
export const columns = { id: 'integer', p: 'varchar', v: 'varchar' }
export const load = 's/t/LOAD00000001.parquet'
export const nameOf = (minute: number) => `20240101-${String(minute).padStart(4, '0')}00000.parquet`
export const landChanges = (
  lab: Lab,
  minute: number,
  rows: readonly (readonly Cell[])[],
  types: Record<string, string> = columns,
) => lab.land(`s/t/${nameOf(minute)}`, rowsOf({ Op: 'varchar', ...types }, rows))

export async function loaded(lab: Lab, rows: readonly (readonly Cell[])[], options: SetOptions = {}): Promise<void> {
  await lab.land(load, rowsOf(columns, rows))
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  await run(lab)
}

export async function run(lab: Lab): Promise<void> {
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

/** The rows of a lake that `verify` has proven, and in which nothing is left to do. */
export async function found(lab: Lab, orderBy = 'id'): Promise<Record<string, unknown>[]> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  return lab.rows('s.t', orderBy)
}
