import { expect } from 'vitest'
import type { Lab } from './lab.ts'
import { filesBelow, rowsOf } from './lab-test.ts'
import type { Rows } from './plain-table.ts'

export type Types = Record<string, string>

/** The table `s.t`, loaded, with the given keys. */
export async function loaded(lab: Lab, types: Types, load: Rows, keys: { primaryKey: string; partitionKey: string }) {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(types, load))
  await lab.set('s.t', { active: true, ...keys })
  const report = await lab.runOne('s.t')
  expect(report).toMatchObject({ status: 'initial', error: null })
}

/** Lands changes and runs; the table is proven then. */
export async function change(lab: Lab, types: Types, changes: Rows, name = '20240101-000000000') {
  await lab.land(`s/t/${name}.parquet`, rowsOf({ Op: 'varchar', ...types }, changes))
  const report = await lab.runOne('s.t')
  expect(report).toMatchObject({ status: 'incremental', error: null })
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  return report
}

/** The distinct folders of the table's data files. */
export async function folders(lab: Lab): Promise<string[]> {
  const files = await filesBelow(`${lab.lake}/s/t`)
  return [...new Set(files.map((key) => key.slice(0, key.lastIndexOf('/') + 1)))]
}

/** The values of a column by the log, as texts. */
export async function partitionValues(lab: Lab, column: string): Promise<unknown[]> {
  const rows = await lab.sql(
    `select distinct json_extract_string(add, '$.partitionValues.${column}') as v
     from read_json('${lab.lake}/_dmscdc/s/t/_delta_log/*.json', format = 'newline_delimited', columns = {add: 'JSON'})
     where add is not null order by v`,
  )
  return rows.map(({ v }) => v)
}

export const keyed = { primaryKey: 'id', partitionKey: 'p' }
