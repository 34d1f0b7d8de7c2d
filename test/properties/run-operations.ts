import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { compactTables } from '../../src/controller/compact-tables.ts'
import { replayFile, skipFile } from '../../src/controller/landing-commands.ts'
import { restoreTable } from '../../src/controller/restore-table.ts'
import { tableHistory } from '../../src/controller/table-history.ts'
import { verifyTables } from '../../src/controller/verify-tables.ts'
import { UsageError } from '../../src/errors.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { type Lab, redate } from '../support/lab.ts'
import { filesBelow, rowsOf } from '../support/lab-test.ts'
import {
  allColumns,
  contentsOf,
  type LandedFile,
  type LandedTable,
  landed,
  newlyLanded,
  type Operation,
  reloaded,
} from '../support/operations.ts'
import { canonical, type Row } from '../support/oracle.ts'
import { editRow, readRow } from '../support/row-file.ts'

/**
 * Carries out operations on a table of its own. However often its files were taken again, brought back, laid out anew or came late, it
 * ends as its landing says; throws where it does not. Leaves nothing behind.
 */
export async function expectOperationsToHold(
  lab: Lab,
  operations: readonly Operation[],
  keyColumns: readonly string[],
): Promise<void> {
  const table = `t${lab.ports.newId()}`
  let state = newlyLanded(keyColumns)
  const skippedAt: ReadonlySet<string>[] = []
  try {
    await put(lab, table, state.load)
    await lab.set(`s.${table}`, { active: true, primaryKey: keyColumns.join(','), retain: '7d' })
    await runUntilIdle(lab, table)
    const noteVersions = async () => {
      const [newest] = await tableHistory(lab.ports, { schema: 's', table })
      while (skippedAt.length <= (newest?.version ?? -1)) skippedAt.push(state.skipped)
    }
    await noteVersions()
    for (const operation of operations) {
      state = await carryOut(lab, table, { state, skippedAt }, operation)
      await noteVersions()
    }
    await runUntilIdle(lab, table)
    const columns = Object.keys(allColumns)
    expect(await rowsIn(lab, table)).toEqual(canonical(contentsOf(state).values(), columns))
    expect(await verifyTables(lab.ports, [{ schema: 's', table }])).toMatchObject([{ ok: true, problems: [] }])
  } finally {
    const own = join(lab.lake, '_dmscdc', 's', table)
    for (const path of [
      join(lab.landing, 's', table),
      join(lab.lake, 's', table),
      own,
      join(lab.state, 's', `${table}.json`),
    ])
      await rm(path, { recursive: true, force: true })
  }
}

type Before = {
  readonly state: LandedTable
  /** What was passed over in each version. */
  readonly skippedAt: readonly ReadonlySet<string>[]
}

async function carryOut(
  lab: Lab,
  table: string,
  { state, skippedAt }: Before,
  operation: Operation,
): Promise<LandedTable> {
  const id = { schema: 's', table }
  switch (operation.kind) {
    case 'land': {
      const { after, file } = landed(state, operation)
      await put(lab, table, file)
      return after
    }
    case 'land-skipped': {
      const { after, file } = landed(state, { ...operation, late: null })
      await put(lab, table, file)
      await skipFile(lab.ports, id, file.name, 'a property')
      return { ...after, skipped: new Set([...state.skipped, file.name]) }
    }
    case 'reload': {
      const after = reloaded(state, operation.rows)
      await put(lab, table, after.load)
      return after
    }
    case 'widen':
      return { ...state, wide: true }
    case 'run':
      await runUntilIdle(lab, table)
      return state
    case 'load-again':
      await runUntilIdle(lab, table)
      await editRow(lab, { LastFullLoadDate: '1900-01-01 00:00:00' }, table)
      await runUntilIdle(lab, table)
      return state
    case 'replay': {
      const name = chosen(['LOAD00000001.parquet', ...state.names], operation.choice)
      const isDone = await unlessRefused(() => replayFile(lab.ports, id, name))
      return isDone ? { ...state, skipped: new Set([...state.skipped].filter((one) => one !== name)) } : state
    }
    case 'compact':
      await unlessRefused(async () => {
        const clusterByKey = operation.choice % 2 === 1
        expect(await compactTables(lab.ports, [id], { clusterByKey })).toMatchObject([{ error: null }])
      })
      return state
    case 'set-back':
      await setBack(lab, table, state, operation.choice)
      return state
    case 'restore': {
      const [newest] = await tableHistory(lab.ports, id)
      const version = operation.choice % ((newest?.version ?? 0) + 1)
      const isDone = await unlessRefused(() => restoreTable(lab.ports, id, { version, keepProgress: false }))
      await lab.set(`s.${table}`, { active: true })
      return isDone ? { ...state, skipped: skippedAt[version] ?? state.skipped } : state
    }
    case 'partition': {
      const { PartitionKey } = await readRow(lab, table)
      await lab.set(`s.${table}`, { partitionKey: PartitionKey === 'p' ? '' : 'p' })
      return state
    }
  }
}

/** To a file that does not lie behind the cursor: further on would pass files over. */
async function setBack(lab: Lab, table: string, { names }: LandedTable, choice: number): Promise<void> {
  const { path, LastIncrementalFile } = await readRow(lab, table)
  const cursor = String(LastIncrementalFile).slice(String(path).length)
  const before = ['0.parquet', ...names.filter((name) => name <= cursor)]
  await editRow(lab, { LastIncrementalFile: `${String(path)}${chosen(before, choice)}` }, table)
}

/** What a command cannot do it refuses, and leaves the table as it was. */
async function unlessRefused(command: () => Promise<unknown>): Promise<boolean> {
  return command().then(
    () => true,
    (thrown: unknown) => {
      if (!(thrown instanceof UsageError)) throw thrown
      return false
    },
  )
}

async function runUntilIdle(lab: Lab, table: string): Promise<void> {
  const [report] = await lab.run({ tables: [{ schema: 's', table }] })
  expect(report as TableReport).toMatchObject({ error: null })
}

async function put(lab: Lab, table: string, file: LandedFile): Promise<void> {
  const folder = join(lab.landing, 's', table)
  await mkdir(folder, { recursive: true })
  // A full load is a new object, as DMS writes it; and one with the bytes of the load before it could not be seen.
  await rm(join(folder, file.name), { force: true })
  const date = new Date(file.dateMs).toISOString()
  await redate(await lab.land(`s/${table}/${file.name}`, rowsOf(file.types, file.cells), date), date)
}

const chosen = <T>(items: readonly T[], choice: number): T => items[choice % items.length] as T

async function rowsIn(lab: Lab, table: string): Promise<readonly string[]> {
  const folder = join(lab.lake, 's', table)
  const files = (await filesBelow(folder)).map((key) => `'${join(folder, key)}'`)
  if (files.length === 0) return []
  const scan = `read_parquet([${files.join(', ')}], hive_partitioning = true, hive_types_autocast = false, union_by_name = true)`
  const rows = await lab.sql(`select columns(*)::varchar from ${scan}`)
  return canonical(rows as Row[], Object.keys(allColumns))
}
