import { link, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { planTables } from '../../src/controller/plan-tables.ts'
import { verifyTables } from '../../src/controller/verify-tables.ts'
import { ident, literal } from '../../src/engine/sql.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import type { History } from '../support/histories.ts'
import type { Lab } from '../support/lab.ts'
import { filesBelow, rowsOf } from '../support/lab-test.ts'
import { canonical, type Row } from '../support/oracle.ts'
import { expectPlanned } from '../support/plan-bed.ts'
import { expectedRuns } from './expected-runs.ts'

/**
 * Lands a history and runs between its arrivals, in tables of their own; throws at the first thing that is not as the
 * oracle says. Leaves nothing behind.
 */
export async function expectHistoryToHold(
  lab: Lab,
  history: History,
  /** Each run is planned before, and held to its plan. */
  { planned } = { planned: false },
): Promise<void> {
  const many = openTable(lab, history, `t${lab.ports.newId()}`)
  const one = openTable(lab, history, `t${lab.ports.newId()}`)
  const expected = expectedRuns(history)
  try {
    for (const [run, { contents, counts, files }] of expected.entries()) {
      await many.land(run)
      const plan = planned ? await many.plan() : undefined
      const report = await many.run()
      if (planned) expectPlanned(plan, report, `run ${String(run)}`)
      expect(report).toMatchObject({ error: null, changes: counts, files })
      expect(await many.rows()).toEqual(canonical(contents.values(), Object.keys(history.columns)))
    }
    await many.expectSound()
    await one.linkFrom(many.name)
    expect(await one.run({ atOnce: true })).toMatchObject({ error: null })
    expect(await one.rows()).toEqual(await many.rows())
    await one.expectSound()
  } finally {
    await many.remove()
    await one.remove()
  }
}

function openTable(lab: Lab, history: History, name: string) {
  const { table, partitionKey, oneFilePerBatch } = history
  const id = { schema: 's', table: name }
  const folder = (root: string) => join(root, 's', name)
  const own = join(lab.lake, '_dmscdc', 's', name)
  const activate = () =>
    lab.set(`s.${name}`, {
      active: true,
      primaryKey: table.keyColumns.join(','),
      partitionKey: partitionKey.join(','),
      ...(table.sequence === undefined ? {} : { sequenceColumn: table.sequence.column }),
    })

  const portsOf = ({ atOnce = false } = {}) => ({
    ...lab.ports,
    batchBytesMax: oneFilePerBatch && !atOnce ? 1 : 1e9,
  })
  const run = async (options?: { readonly atOnce: boolean }): Promise<TableReport> => {
    const [report] = await lab.run({ ports: portsOf(options), tables: [id] })
    return report as TableReport
  }

  return {
    name,
    run,
    plan: async () => (await planTables(portsOf(), [id]))[0],
    async land(arrives: number) {
      for (const file of history.files.filter((one) => one.arrives === arrives))
        await lab.land(`s/${name}/${file.key}`, rowsOf(file.types, file.cells))
      if (arrives === 0) await activate()
    },
    /** Lands the very files of another table. */
    async linkFrom(other: string) {
      for (const { key } of history.files) {
        const to = join(folder(lab.landing), key)
        await mkdir(dirname(to), { recursive: true })
        await link(join(lab.landing, 's', other, key), to)
      }
      await activate()
    },
    rows: () => folderRows(lab, folder(lab.lake), history.columns),
    /** Nothing is left to do, nothing lies about, and the lake is proven. */
    async expectSound() {
      const logBefore = await filesBelow(own)
      const idle = await run()
      expect(idle).toMatchObject({
        status: 'idle',
        error: null,
        bytesWritten: 0,
        requests: { put: 0, copy: 0, delete: 0 },
      })
      expect(await filesBelow(own)).toEqual(logBefore)
      const isOther = (key: string) => !/^(?:_delta_log|deletes)\//u.test(key)
      expect(logBefore.filter(isOther)).toEqual([])
      expect(await verifyTables(lab.ports, [id])).toMatchObject([{ ok: true, problems: [] }])
    },
    async remove() {
      const row = join(lab.state, 's', `${name}.json`)
      for (const path of [folder(lab.landing), folder(lab.lake), own, row])
        await rm(path, { recursive: true, force: true })
    },
  }
}

/** What a plain reader of the bare folder sees, each value as text of its type. */
async function folderRows(lab: Lab, folder: string, columns: History['columns']): Promise<readonly string[]> {
  const files = (await filesBelow(folder)).map((key) => literal(join(folder, key)))
  if (files.length === 0) return []
  const scan = `read_parquet([${files.join(', ')}], hive_partitioning = true, hive_types_autocast = false, union_by_name = true)`
  const described = await lab.sql(`describe from ${scan}`)
  const present = described.map(({ column_name }) => String(column_name))
  expect(Object.keys(columns)).toEqual(expect.arrayContaining(present))
  const cells = present.map((name) => `${ident(name)}::${columns[name]}::varchar as ${ident(name)}`)
  return canonical((await lab.sql(`select ${cells.join(', ')} from ${scan}`)) as Row[], Object.keys(columns))
}
