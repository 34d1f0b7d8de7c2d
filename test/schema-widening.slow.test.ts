import { describe, expect } from 'vitest'
import { skipFile } from '../src/controller/landing-commands.ts'
import type { Lab } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'

type Rows = readonly (readonly Cell[])[]

async function loaded(lab: Lab, type: string, load: readonly Cell[], primaryKey = 'id'): Promise<void> {
  const rows = load.map((value, at) => [at + 1, value])
  await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', v: type }, rows))
  await lab.set('s.t', { active: true, primaryKey })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
}

const landChanges = (lab: Lab, name: string, type: string, rows: Rows) =>
  lab.land(`s/t/${name}.parquet`, rowsOf({ Op: 'varchar', id: 'integer', v: type }, rows))

/** The type of `v` and its values as text. */
async function column(lab: Lab): Promise<{ type: unknown; values: unknown[] }> {
  expect((await lab.verify()).flatMap(({ problems }) => problems)).toEqual([])
  const files = `read_parquet('${lab.lake}/s/t/**/*.parquet', union_by_name = true)`
  const types = await lab.sql(
    `select distinct duckdb_type as t from parquet_schema('${lab.lake}/s/t/**/*.parquet') where name = 'v'`,
  )
  expect(types).toHaveLength(1)
  const rows = await lab.sql(`select v::varchar as v from ${files} order by id`)
  return { type: types[0]?.t, values: rows.map(({ v }) => v) }
}

describe('a type that widens without loss widens the whole column', () => {
  const ways: [string, string, Cell, Cell, string, string][] = [
    ['tinyint', 'smallint', -128, 32767, 'SMALLINT', '-128'],
    ['tinyint', 'bigint', 1, '9223372036854775807', 'BIGINT', '1'],
    ['smallint', 'integer', 1, 2147483647, 'INTEGER', '1'],
    ['integer', 'bigint', -2147483648, '9007199254740993', 'BIGINT', '-2147483648'],
    ['utinyint', 'usmallint', 255, 65535, 'INTEGER', '255'],
    ['uinteger', 'bigint', '4294967295', '-1', 'BIGINT', '4294967295'],
    ['bigint', 'ubigint', '-9223372036854775808', '18446744073709551615', 'DECIMAL(20,0)', '-9223372036854775808'],
    ['ubigint', 'bigint', '18446744073709551615', '-1', 'DECIMAL(20,0)', '18446744073709551615'],
    ['integer', 'double', 2147483647, 0.5, 'DOUBLE', '2147483647.0'],
    ['smallint', 'float', 32767, 0.5, 'DOUBLE', '32767.0'],
    ['float', 'double', 0.5, '0.1', 'DOUBLE', '0.5'],
    ['double', 'integer', '0.1', 7, 'DOUBLE', '0.1'],
    ['integer', 'decimal(12,2)', 7, '1234567890.12', 'DECIMAL(12,2)', '7.00'],
    ['integer', 'decimal(5,2)', 2147483647, '999.99', 'DECIMAL(12,2)', '2147483647.00'],
    [
      'bigint',
      'decimal(38,10)',
      '9223372036854775807',
      '0.0000000001',
      'DECIMAL(38,10)',
      '9223372036854775807.0000000000',
    ],
    ['decimal(9,2)', 'decimal(9,4)', '1234567.89', '12345.6789', 'DECIMAL(11,4)', '1234567.8900'],
    ['decimal(9,2)', 'decimal(38,2)', '0.01', '999999999999999999999999999999999999.99', 'DECIMAL(38,2)', '0.01'],
    ['decimal(5,0)', 'tinyint', '99999', 7, 'DECIMAL(5,0)', '99999'],
    [
      'date',
      'timestamp',
      '2024-02-29',
      '2024-03-01 12:00:00.000001',
      'TIMESTAMP WITH TIME ZONE',
      '2024-02-29 00:00:00+00',
    ],
    ['timestamp', 'date', '2024-02-29 12:00:00', '0001-01-01', 'TIMESTAMP WITH TIME ZONE', '2024-02-29 12:00:00+00'],
  ]
  test.for(ways)('%s and then %s', async ([before, after, old, fresh, type, oldText], { lab }) => {
    await loaded(lab, before, [old, null])
    await landChanges(lab, '20240101-000000000', after, [['I', 3, fresh]])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', changes: { inserted: 1 }, error: null })
    const found = await column(lab)
    const [freshText] = await lab.sql(`select v::${type}::varchar as v from (${rowsOf({ v: after }, [[fresh]])})`)
    expect(found).toEqual({ type, values: [oldText, null, freshText?.v] })
  })

  test('in one batch over two steps', async ({ lab }) => {
    await loaded(lab, 'smallint', [1])
    await landChanges(lab, '20240101-000000000', 'integer', [['I', 2, 70000]])
    await landChanges(lab, '20240101-000000001', 'decimal(20,2)', [['I', 3, '0.25']])
    await landChanges(lab, '20240101-000000002', 'smallint', [['I', 4, 4]])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 3, error: null })
    expect(await column(lab)).toEqual({ type: 'DECIMAL(20,2)', values: ['1.00', '70000.00', '0.25', '4.00'] })
  })

  test('between the LOAD files of one generation', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', v: 'date' }, [[1, '2024-01-01']]))
    await lab.land('s/t/LOAD00000002.parquet', rowsOf({ id: 'integer', v: 'timestamp' }, [[2, '2024-01-01 12:00:00']]))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect((await column(lab)).values).toEqual(['2024-01-01 00:00:00+00', '2024-01-01 12:00:00+00'])
  })

  test('of a key, whose old rows are still found', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf({ id: 'smallint', v: 'varchar' }, [
        [1, 'a'],
        [2, 'b'],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    await lab.land(
      's/t/20240101-000000000.parquet',
      rowsOf({ Op: 'varchar', id: 'decimal(20,2)', v: 'varchar' }, [
        ['U', '1.00', 'changed'],
        ['D', '2', null],
        ['I', '1.01', 'new'],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 1 }, error: null })
    expect(await column(lab)).toMatchObject({ values: ['changed', 'new'] })
  })

  test('of a partition column, together with moves', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf({ id: 'integer', p: 'integer', v: 'integer' }, [
        [1, 1, 10],
        [2, 2, 20],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'p' })
    await lab.run()
    await lab.land(
      's/t/20240101-000000000.parquet',
      rowsOf({ Op: 'varchar', id: 'integer', p: 'decimal(12,1)', v: 'bigint' }, [
        ['U', 1, '2.0', '9007199254740993'],
        ['I', 3, '1.5', 30],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1 }, error: null })
    const files = await filesBelow(`${lab.lake}/s/t`)
    expect([...new Set(files.map((key) => key.split('/')[0]))]).toEqual(['p=1.5', 'p=2.0'])
    expect((await column(lab)).values).toEqual(['9007199254740993', '20', '30'])
  })

  test('and a narrower file afterwards is read into the wider column', async ({ lab }) => {
    await loaded(lab, 'bigint', ['9007199254740993'])
    await landChanges(lab, '20240101-000000000', 'tinyint', [['I', 2, 7]])
    expect(await lab.runOne('s.t')).toMatchObject({ filesRewritten: 0, error: null })
    expect(await column(lab)).toEqual({ type: 'BIGINT', values: ['9007199254740993', '7'] })
  })

  test('a full load that replaces the table may bring other types altogether', async ({ lab }) => {
    await loaded(lab, 'varchar', ['text'])
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', v: 'double' }, [[1, 0.5]]))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await column(lab)).toEqual({ type: 'DOUBLE', values: ['0.5'] })
  })
})

describe('any other conflict holds the table at that file', () => {
  const conflicts: [string, string, string, string][] = [
    ['integer', 'varchar', 'string', 'integer'],
    ['varchar', 'integer', 'integer', 'string'],
    ['bigint', 'double', 'double', 'long'],
    ['double', 'decimal(9,2)', 'decimal(9,2)', 'double'],
    ['decimal(38,0)', 'decimal(38,38)', 'decimal(38,38)', 'decimal(38,0)'],
    ['timestamp', 'varchar', 'string', 'timestamp'],
    ['boolean', 'tinyint', 'byte', 'boolean'],
    ['blob', 'varchar', 'string', 'binary'],
    ['date', 'integer', 'integer', 'date'],
  ]
  test.for(conflicts)('%s and then %s', async ([before, after, found, had], { lab }) => {
    await loaded(lab, before, [null])
    await landChanges(lab, '20240101-000000000', after, [['I', 2, null]])
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(report.error?.message).toBe(
      `read landing file 20240101-000000000.parquet: column "v" is ${found}, the table has ${had}`,
    )
  })

  test('files before it are applied, nothing from it on, and other tables go on', async ({ lab }) => {
    await loaded(lab, 'integer', [1])
    await landChanges(lab, '20240101-000000000', 'integer', [['U', 1, 2]])
    await landChanges(lab, '20240101-000000001', 'varchar', [['U', 1, 'text']])
    await landChanges(lab, '20240101-000000002', 'integer', [['U', 1, 3]])
    await lab.land('s/other/LOAD00000001.parquet', rowsOf({ id: 'integer' }, [[1]]))
    await lab.run()
    await lab.set('s.other', { active: true, primaryKey: 'id' })
    const reports = await lab.run()
    expect(reports.map(({ table, status }) => [table, status])).toEqual([
      ['s.other', 'initial'],
      ['s.t', 'held'],
    ])
    expect((await column(lab)).values).toEqual(['2'])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', files: 0 })
  })

  test('is freed when the file is replaced', async ({ lab }) => {
    await loaded(lab, 'integer', [1])
    await landChanges(lab, '20240101-000000001', 'varchar', [['U', 1, 'text']])
    await landChanges(lab, '20240101-000000002', 'integer', [['I', 2, 3]])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
    await landChanges(lab, '20240101-000000001', 'integer', [['U', 1, 5]])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 2, error: null })
    expect((await column(lab)).values).toEqual(['5', '3'])
  })

  test('is freed when the file is skipped', async ({ lab }) => {
    await loaded(lab, 'integer', [1])
    await landChanges(lab, '20240101-000000001', 'varchar', [['U', 1, 'text']])
    await landChanges(lab, '20240101-000000002', 'integer', [['I', 2, 3]])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
    await skipFile(lab.ports, { schema: 's', table: 't' }, '20240101-000000001.parquet', 'wrong type')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 1, error: null })
    expect((await column(lab)).values).toEqual(['1', '3'])
  })

  test('between two LOAD files loads nothing', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', v: 'integer' }, [[1, 1]]))
    await lab.land('s/t/LOAD00000002.parquet', rowsOf({ id: 'integer', v: 'varchar' }, [[2, 'x']]))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', version: null })
    expect(report.error?.message).toContain('LOAD00000002.parquet: column "v" is string, the table has integer')
  })
})
