import { expect } from 'vitest'
import type { Lab } from './lab.ts'
import { type Cell, rowsOf } from './rows-of.ts'

/** The table of tests that need no other: `s.t`, an `id` and a text `v`. */
export const id = { schema: 's', table: 't' }
export const row = { id: 'integer', v: 'varchar' }
export const changeRow = { Op: 'varchar', ...row }
export type Rows = readonly (readonly Cell[])[]

/** The name of a change file, one for each day of January 2024. */
export const nameOf = (day: number) => `202401${String(day).padStart(2, '0')}-000000000.parquet`

/** `name` is the key below the table's folder, without the ending. Returns the path, as the other two do. */
export const landLoad = (lab: Lab, name: string, rows: Rows) => lab.land(`s/t/${name}.parquet`, rowsOf(row, rows))
export const landChanges = (lab: Lab, name: string, rows: Rows) =>
  lab.land(`s/t/${name}.parquet`, rowsOf(changeRow, rows))
export const landDay = (lab: Lab, day: number, rows: Rows) => lab.land(`s/t/${nameOf(day)}`, rowsOf(changeRow, rows))

/** The texts by id, of a lake that `verify` has proven. */
export async function values(lab: Lab): Promise<Record<string, unknown>> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  return Object.fromEntries((await lab.rows('s.t')).map((one) => [String(one.id), one.v]))
}
