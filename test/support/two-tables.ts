import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'vitest'
import type { Lab } from './lab.ts'
import { rowsOf } from './lab-test.ts'
import { changeRow, type Rows, row } from './plain-table.ts'

/** Two tables, `s.t` and `s.other`, loaded: what ails one must not ail the other. */
export async function loaded(lab: Lab): Promise<void> {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf({ ...row, at: 'timestamp' }, [
      [1, 'load', null],
      [2, 'load', null],
    ]),
  )
  await lab.land('s/other/LOAD00000001.parquet', rowsOf(row, [[1, 'load']]))
  await lab.run()
  await lab.set('s.*', { active: true, primaryKey: 'id' })
  await lab.run()
}

export const landChanges = (lab: Lab, name: string, rows: Rows, table = 't') =>
  lab.land(`s/${table}/${name}.parquet`, rowsOf(changeRow, rows))

export async function values(lab: Lab): Promise<Record<string, unknown>> {
  expect((await lab.verify()).flatMap(({ problems }) => problems)).toEqual([])
  return Object.fromEntries((await lab.rows('s.t')).map(({ id, v }) => [String(id), v]))
}

/** Makes the landing file at `path` unreadable in some way. */
export type Damage = (lab: Lab, path: string) => Promise<void>

/** The footer stays whole, so only the reading of the rows fails. */
export const undecodable: Damage = async (lab, path) => {
  await lab.sql(
    `copy (select 'U' as "Op", range::integer as id, md5(range::varchar) as v from range(5000))
     to '${path}' (format parquet, compression zstd)`,
  )
  const body = await readFile(path)
  await writeFile(path, body.fill(0xff, 40, body.length - 2000))
}
