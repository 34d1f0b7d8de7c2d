import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { skipFile } from '../src/controller/landing-commands.ts'
import { rowsOf, test } from './support/lab-test.ts'
import { id, type Rows, row } from './support/plain-table.ts'
import { type Damage, landChanges, loaded, undecodable, values } from './support/two-tables.ts'

const truncated: Damage = async (_, path) => {
  const body = await readFile(path)
  await writeFile(path, body.subarray(0, body.length / 2))
}

/** The same with a wider key, in which only the last column's pages are damaged. */
const undecodableWider: Damage = async (lab, path) => {
  await lab.sql(
    `copy (select 'U' as "Op", range::bigint as id, md5(range::varchar) as v from range(5000))
     to '${path}' (format parquet, compression zstd)`,
  )
  const body = await readFile(path)
  await writeFile(path, body.fill(0xff, body.length - 20_000, body.length - 2_000))
}

const withRows =
  (types: Record<string, string>, rows: Rows): Damage =>
  async (lab, path) => {
    await lab.sql(`copy (${rowsOf(types, rows)}) to '${path}' (format parquet)`)
  }

const damages: [string, Damage, string][] = [
  ['truncated in the middle', truncated, 'it is no whole Parquet file'],
  ['not Parquet at all', (_, path) => writeFile(path, 'hello'), 'it is no whole Parquet file'],
  ['Parquet whose pages cannot be decoded', undecodable, 'its pages cannot be decoded'],
  [
    'of an operation X',
    withRows({ Op: 'varchar', ...row }, [
      ['U', 1, 'a'],
      ['X', 2, 'b'],
    ]),
    'column "Op" of row 2 is neither I, U nor D',
  ],
  [
    'of an operation NULL',
    withRows({ Op: 'varchar', ...row }, [[null, 1, 'a']]),
    'column "Op" of row 1 is neither I, U nor D',
  ],
  [
    'of an operation in lower case',
    withRows({ Op: 'varchar', ...row }, [['u', 1, 'a']]),
    'column "Op" of row 1 is neither',
  ],
  [
    'of values that the table’s column cannot hold',
    withRows({ Op: 'varchar', id: 'integer', at: 'date' }, [['U', 1, '300000-12-24']]),
    'column "at" holds values that are no timestamp, which the table has',
  ],
  [
    'without the key column',
    withRows({ Op: 'varchar', v: 'varchar' }, [['U', 'a']]),
    'it has no column "id", which PrimaryKey names',
  ],
]

test('a change file that would widen a column, and has damaged pages elsewhere, widens nothing', async ({ lab }) => {
  await loaded(lab)
  await landChanges(lab, '20240101-000000000', [['U', 1, 'before']])
  await undecodableWider(lab, await landChanges(lab, '20240101-000000001', [['U', 1, 'damaged']]))
  const report = await lab.runOne('s.t')
  expect(report).toMatchObject({ status: 'held', files: 1, version: 1, error: { kind: 'bad-landing' } })
  expect(report.error?.message).toContain('20240101-000000001.parquet: its pages cannot be decoded')
  expect(await lab.sql(`select typeof(id) as type from read_parquet('${lab.lake}/s/t/*.parquet') limit 1`)).toEqual([
    { type: 'INTEGER' },
  ])
})

describe.for(damages)('a change file %s', ([, damage, message]) => {
  test('holds the table at it: files before it are applied, it is named, other tables go on', async ({ lab }) => {
    await loaded(lab)
    await landChanges(lab, '20240101-000000000', [['U', 1, 'before']])
    await damage(lab, await landChanges(lab, '20240101-000000001', [['U', 1, 'damaged']]))
    await landChanges(lab, '20240101-000000002', [['U', 1, 'after']])
    await landChanges(lab, '20240101-000000002', [['U', 1, 'changed']], 'other')
    const reports = await lab.run()
    expect(reports).toMatchObject([
      { table: 's.other', status: 'incremental', error: null },
      { table: 's.t', status: 'held', files: 1, changes: { updated: 1 }, error: { kind: 'bad-landing' } },
    ])
    expect(reports[1]?.error?.message).toContain(`read landing file 20240101-000000001.parquet: ${message}`)
    expect(reports[1]?.error?.hint).toContain('dmscdc skip s.t 20240101-000000001.parquet')
    expect(await values(lab)).toEqual({ 1: 'before', 2: 'load' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', files: 0, error: reports[1]?.error })
  })

  test('frees the table when it has landed whole', async ({ lab }) => {
    await loaded(lab)
    await damage(lab, await landChanges(lab, '20240101-000000001', [['U', 1, 'damaged']]))
    await landChanges(lab, '20240101-000000002', [['U', 2, 'after']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
    await landChanges(lab, '20240101-000000001', [['U', 1, 'whole']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 2, error: null })
    expect(await values(lab)).toEqual({ 1: 'whole', 2: 'after' })
  })

  test('frees the table when it is skipped', async ({ lab }) => {
    await loaded(lab)
    await damage(lab, await landChanges(lab, '20240101-000000001', [['U', 1, 'damaged']]))
    await landChanges(lab, '20240101-000000002', [['U', 2, 'after']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
    await skipFile(lab.ports, id, '20240101-000000001.parquet', 'damaged')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', files: 1, error: null })
    expect(await values(lab)).toEqual({ 1: 'load', 2: 'after' })
  })
})

describe('what the row names and the data has not', () => {
  test('a key column holds the table before anything is loaded, and names the columns there are', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'a']]))
    await lab.set('s.t', { active: true, primaryKey: 'ident' })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', version: null, error: { kind: 'invalid-config' } })
    expect(report.error?.message).toBe('PrimaryKey names column "ident", which the data has not; it has "id", "v"')
  })

  test('a partition column too', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'a']]))
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'day' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
  })

  test('a key in other case is not the column', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'a']]))
    await lab.set('s.t', { active: true, primaryKey: 'ID' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
  })

  test('no column left for the files', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'a']]))
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'id,v' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
  })
})

describe('what is not DMS’s table data', () => {
  test('is left alone: empty files, unknown names, folders too deep, awsdms_ tables', async ({ lab }) => {
    await loaded(lab)
    await lab.landBytes('s/t/20240101-000000000.parquet', '')
    await lab.landBytes('s/t/LOAD00000002.parquet', '')
    await lab.landBytes('s/t/README.md', 'hello')
    await lab.landBytes('s/t/load00000003.parquet', 'hello')
    await lab.landBytes('s/t/20241301-000000000.parquet', 'hello')
    await lab.landBytes('s/t/backup/20240101-000000000.parquet', 'hello')
    await lab.landBytes('s/awsdms_status/LOAD00000001.parquet', 'hello')
    await lab.landBytes('s/loose.parquet', 'hello')
    await lab.landBytes('loose.parquet', 'hello')
    const reports = await lab.run()
    expect(reports.map(({ table, status, files, error }) => [table, status, files, error])).toEqual([
      ['s.other', 'idle', 0, null],
      ['s.t', 'idle', 0, null],
    ])
    expect(await values(lab)).toEqual({ 1: 'load', 2: 'load' })
  })

  test('a file of 0 bytes that is whole later is taken then, in its place', async ({ lab }) => {
    await loaded(lab)
    await lab.landBytes('s/t/20240101-000000000.parquet', '')
    await landChanges(lab, '20240101-000000001', [['U', 1, 'second']])
    await lab.run()
    await landChanges(lab, '20240101-000000000', [
      ['U', 1, 'first'],
      ['U', 2, 'first'],
    ])
    await lab.run()
    expect(await values(lab)).toEqual({ 1: 'second', 2: 'first' })
  })

  test('files of the transaction mode are warned of', async ({ lab }) => {
    await loaded(lab)
    await lab.landBytes('s/t/CDC_TXN-00000000000000000001.csv', 'hello')
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'idle', error: null })
    expect(report.warnings).toEqual([expect.stringContaining("1 files of DMS's transaction mode (CDC_TXN-…)")])
  })

  test('files of the transaction mode beside the tables are warned of in the log', async ({ lab }) => {
    await loaded(lab)
    await lab.landBytes('cdc/CDC_TXN-00000000000000000001.csv', 'hello')
    await lab.landBytes('CDC_TXN-00000000000000000002.csv', 'hello')
    const warnings: string[] = []
    const log = { ...lab.ports.log, warn: (_: object, message: string) => warnings.push(message) }
    await lab.run({ ports: { ...lab.ports, log } })
    expect(warnings).toEqual([expect.stringContaining("2 files of DMS's transaction mode (CDC_TXN-…)")])
  })

  test('a landing with nothing in it is fine', async ({ lab }) => {
    expect(await lab.run()).toEqual([])
    await mkdir(join(lab.landing, 's/t'), { recursive: true })
    expect((await lab.run()).every(({ error }) => error === null)).toBe(true)
  })
})
