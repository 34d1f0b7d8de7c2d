import { expect } from 'vitest'
import { restoreTable } from '../../src/controller/restore-table.ts'
import { tableHistory } from '../../src/controller/table-history.ts'
import type { Ports } from '../../src/ports.ts'
import type { SetOptions } from '../../src/state/row.ts'
import type { Lab } from './lab.ts'
import { type Cell, rowsOf } from './lab-test.ts'
import { id, nameOf } from './plain-table.ts'
import { readRow } from './row-file.ts'

/** The table of the tests of `restore`: `s.t`, with a column to lay it out by. */
export const row = { id: 'integer', p: 'varchar', v: 'varchar' }
export const loadRows: readonly (readonly Cell[])[] = [
  [1, 'a', 'load'],
  [2, 'b', 'load'],
]
const changesOf: readonly (readonly (readonly Cell[])[])[] = [
  [
    ['U', 1, 'b', 'one'],
    ['I', 3, 'a', 'one'],
  ],
  [
    ['D', 2, null, null],
    ['U', 3, 'a', 'two'],
  ],
  [['I', 4, 'c', 'three']],
]
export const kept = { primaryKey: 'id', retain: '7d' }

export const landLoad = (lab: Lab, rows = loadRows) => lab.land('s/t/LOAD00000001.parquet', rowsOf(row, rows))
export const landChanges = (lab: Lab, day: number, rows: readonly (readonly Cell[])[]) =>
  lab.land(`s/t/${nameOf(day)}`, rowsOf({ Op: 'varchar', ...row }, rows))

/** A load and three change files, a commit each. `after` is called after each. */
export async function loaded(lab: Lab, options: SetOptions = kept, after: () => Promise<unknown> = async () => {}) {
  await landLoad(lab)
  await lab.set('s.t', { active: true, ...options })
  await run(lab)
  await after()
  for (const [at, rows] of changesOf.entries()) {
    await landChanges(lab, at + 1, rows)
    await run(lab)
    await after()
  }
}

export async function run(lab: Lab): Promise<void> {
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

export const restore = (
  lab: Lab,
  version: number,
  options: { readonly keepProgress?: true; readonly ports?: Ports } = {},
) => restoreTable(options.ports ?? lab.ports, id, { version, keepProgress: options.keepProgress === true })

export async function expectProven(lab: Lab): Promise<void> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  expect(await readRow(lab)).not.toHaveProperty('Lease')
}

export async function goOn(lab: Lab): Promise<void> {
  await lab.set('s.t', { active: true })
  await run(lab)
  await expectProven(lab)
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
}

export const operations = async (lab: Lab) =>
  (await tableHistory(lab.ports, id)).map(({ operation }) => operation).reverse()
