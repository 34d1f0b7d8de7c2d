import { restoreTable } from '../../src/controller/restore-table.ts'
import type { WriteCosts } from '../../src/costs.ts'
import { UsageError } from '../../src/errors.ts'
import type { Ports } from '../../src/ports.ts'
import type { SetOptions } from '../../src/state/row.ts'
import type { Cell } from '../support/rows-of.ts'
import type { Bench, Cells } from './bench.ts'
import { id } from './world.ts'

/** A table brought to where a run has one kind of work to do. The table is `s.t`. */
export type Scenario = {
  /** Short, for command lines. */
  readonly name: string
  readonly claim: string
  readonly arrange: (bench: Bench) => Promise<void>
  readonly writeCosts?: WriteCosts
  /** What is done besides the run, before it; given again after a fault. */
  readonly command?: (ports: Ports) => Promise<void>
  /** By which the operator takes back what the run is about. */
  readonly takenBack?: SetOptions
  /** The command ends with a table that is not active, as a restore does. */
  readonly leavesInactive?: true
  /** Its first version can be brought back. */
  readonly restorable?: true
  /** What lands before the run has come to its end is none of its business: its work depends on what is there. */
  readonly landsAfter?: true
  /** What the certificate leaves out, since its outcome is not one. */
  readonly without?: readonly string[]
  /** What lands while a run is under way, where it is not `later`. */
  readonly later?: typeof later
}

export const columns = { id: 'bigint', p: 'varchar', v: 'integer' }
export const changeColumns = { Op: 'varchar', ...columns }

export const loaded: Cells = [
  [1, 'a', 10],
  [2, 'a', 20],
  [3, 'b', 30],
  [4, 'b', 40],
]
export const inserted: readonly Cell[] = ['I', 5, 'b', 50]
export const updated: readonly Cell[] = ['U', 1, 'a', 11]
export const deleted: readonly Cell[] = ['D', 3, null, null]

export const loadName = 'LOAD00000001.parquet'
export const changeName = (number: number) => `20240101-0000${String(number).padStart(2, '0')}000.parquet`

export async function landLoad(bench: Bench, rows = loaded, name = loadName): Promise<void> {
  await bench.land(name, columns, rows)
}

export async function landChanges(bench: Bench, number: number, rows: Cells): Promise<void> {
  await bench.land(changeName(number), changeColumns, rows)
}

export async function activate(bench: Bench, options: SetOptions = {}): Promise<void> {
  if (options.primaryKey === '') bench.history.setKey([])
  if (options.sequenceColumn !== undefined) bench.history.setSequence(options.sequenceColumn)
  await bench.set({ active: true, primaryKey: 'id', ...options })
}

/** A loaded table, and then. */
export async function afterLoad(bench: Bench, then: () => Promise<void>, options: SetOptions = {}): Promise<void> {
  await landLoad(bench)
  await activate(bench, options)
  await bench.run()
  await then()
}

/** A loaded table that has taken two change files, and then. */
export async function afterChanges(bench: Bench, options: SetOptions, then: () => Promise<void>): Promise<void> {
  const change = async () => {
    await landChanges(bench, 1, [updated, inserted])
    await landChanges(bench, 2, [['U', 1, 'b', 12], deleted])
    await bench.run()
    await then()
  }
  await afterLoad(bench, change, options)
}

/** A change file that lands while a run is under way, and another. */
export const later = [
  (bench: Bench) =>
    landChanges(bench, 50, [
      ['U', 2, 'b', 22],
      ['I', 8, 'a', 80],
    ]),
  (bench: Bench) =>
    landChanges(bench, 51, [
      ['U', 8, 'b', 81],
      ['D', 2, null, null],
      ['I', 9, 'c', 90],
    ]),
] as const

/** Brings a version back as an operator does. */
export const restoreTo = (ports: Ports, version: number, { keepProgress = false } = {}) =>
  restoreTable(ports, id, { version, keepProgress }).then(() => {})

/** A command that says that what it is asked for is done already. */
export const isDoneAlready = (thrown: unknown) => thrown instanceof UsageError
