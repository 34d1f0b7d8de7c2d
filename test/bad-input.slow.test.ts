import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { skipFile } from '../src/controller/landing-commands.ts'
import type { Lab } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'

type Rows = readonly (readonly Cell[])[]
const row = { id: 'integer', v: 'varchar' }
const id = { schema: 's', table: 't' }

async function loaded(lab: Lab): Promise<void> {
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

const landChanges = (lab: Lab, name: string, rows: Rows, table = 't') =>
  lab.land(`s/${table}/${name}.parquet`, rowsOf({ Op: 'varchar', ...row }, rows))

async function values(lab: Lab): Promise<Record<string, unknown>> {
  expect((await lab.verify()).flatMap(({ problems }) => problems)).toEqual([])
  return Object.fromEntries((await lab.rows('s.t')).map(({ id, v }) => [String(id), v]))
}

/** Makes the landing file at `path` unreadable in some way. */
type Damage = (lab: Lab, path: string) => Promise<void>

const truncated: Damage = async (_, path) => {
  const body = await readFile(path)
  await writeFile(path, body.subarray(0, body.length / 2))
}

/** The footer stays whole, so only the reading of the rows fails. */
const undecodable: Damage = async (lab, path) => {
  await lab.sql(
    `copy (select 'U' as "Op", range::integer as id, md5(range::varchar) as v from range(5000))
     to '${path}' (format parquet, compression zstd)`,
  )
  const body = await readFile(path)
  await writeFile(path, body.fill(0xff, 40, body.length - 2000))
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

describe('a state row', () => {
  const wrong: [string, unknown][] = [
    ['ActiveFlag', 'maybe'],
    ['PrimaryKey', 'id,id'],
    ['PrimaryKey', 5],
    ['PartitionKey', 'a,,b'],
    ['out_path', 7],
    ['out_path', '/somewhere/../else/'],
    ['folder', '../t/'],
    ['Publish', 'glue'],
    ['Publish', 'iceberg'],
    ['Retain', 'soon'],
    ['LookBack', '-1d'],
    ['LoadSettle', '30'],
    ['LandingTimezone', 'Mars/Olympus'],
    ['KeepOp', 'perhaps'],
    ['BeforeImagePrefix', 5],
    ['CsvColumns', 'id'],
    ['CsvHeader', 'perhaps'],
    ['CsvNullValue', 5],
    ['CsvDelimiter', ';;'],
    ['Rfc4180', 'perhaps'],
    ['SequenceColumn', 'a,b'],
    ['RememberDeletes', 'a week'],
    ['OnVanish', 'perhaps'],
    ['Landed', 'delete:soon'],
    ['LastIncrementalFile', 5],
    ['LastFullLoadDate', 'yesterday'],
    ['MirroredIncrementalFile', 5],
    ['MirroredFullLoadDate', 'yesterday'],
    ['Version', -1],
    ['Digest', 5],
    ['Published', 'iceberg'],
    ['CatalogTable', 'sales.orders'],
  ]
  test.for(wrong)(
    'with %s = %j holds its table alone, names it, and is freed by the old value',
    async ([attribute, value], { lab }) => {
      await loaded(lab)
      const path = join(lab.state, 's/t.json')
      const before = await readFile(path, 'utf8')
      await writeFile(path, JSON.stringify({ ...JSON.parse(before), [attribute]: value }))
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']], 'other')
      const reports = await lab.run()
      expect(reports).toMatchObject([
        { table: 's.other', status: 'incremental', error: null },
        { table: 's.t', status: 'held', error: { kind: 'invalid-config' } },
      ])
      expect(reports[1]?.error?.message).toMatch(
        new RegExp(`^state row of s\\.t: attribute ${attribute} is .*, expected `, 'u'),
      )
      await writeFile(path, before)
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    },
  )

  test.for(['{"ActiveFlag": "tru', '', '[]', 'null', '"text"'])(
    'that reads %j holds its table alone',
    async (body, { lab }) => {
      await loaded(lab)
      const path = join(lab.state, 's/t.json')
      const before = await readFile(path, 'utf8')
      await writeFile(path, body)
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']], 'other')
      const reports = await lab.run()
      expect(reports).toMatchObject([
        { table: 's.other', status: 'incremental', error: null },
        { table: 's.t', error: { kind: 'invalid-config' } },
      ])
      expect(await readFile(path, 'utf8')).toBe(body)
      await writeFile(path, before)
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    },
  )

  test.for([
    ['the same lake folder', 's/', 't/'],
    ['a lake folder inside', 's/t/', 'inner/'],
    ['a lake folder around', '', 's/'],
  ] as const)('with %s as another holds both', async ([, outPath, folder], { lab }) => {
    await loaded(lab)
    const path = join(lab.state, 's/other.json')
    const before = await readFile(path, 'utf8')
    await writeFile(
      path,
      JSON.stringify({ ...JSON.parse(before), out_path: `${lab.ports.lake.place}${outPath}`, folder }),
    )
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']], 'other')
    const files = await filesBelow(lab.lake)
    const reports = await lab.run()
    expect(reports).toMatchObject([
      { table: 's.other', status: 'held', error: { kind: 'invalid-config' } },
      { table: 's.t', status: 'held', error: { kind: 'invalid-config' } },
    ])
    expect(reports[1]?.error?.message).toContain('s.other')
    expect(await filesBelow(lab.lake)).toEqual(files)
  })

  test.for(['/elsewhere/', '../', '_dmscdc/'])(
    'with out_path at %j, outside of the lake, holds its table',
    async (outPath, { lab }) => {
      await loaded(lab)
      const path = join(lab.state, 's/t.json')
      const place = outPath.startsWith('/') ? outPath : `${lab.ports.lake.place}${outPath}`
      await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), out_path: place }))
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
    },
  )
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

describe('no value of a row', () => {
  const secret = 'tHeSeCrEt4711'
  const key = 471147114711
  const farDate = '300000-12-24'

  /** Runs over a landing made by `land`, and everything that the run says to anybody. */
  async function said(lab: Lab, land: () => Promise<void>): Promise<string> {
    const lines: string[] = []
    const record = (fields: object, message: string) => lines.push(JSON.stringify(fields), message)
    const ports = { ...lab.ports, log: { debug: record, info: record, warn: record } }
    await land()
    const reports = await lab.run({ ports })
    expect(reports.some(({ error }) => error !== null)).toBe(true)
    const rows = await Promise.all((await filesBelow(lab.state)).map((path) => readFile(join(lab.state, path), 'utf8')))
    return [...lines, JSON.stringify(reports), ...rows].join('\n')
  }

  const types = { id: 'bigint', v: 'varchar' }
  const change = { Op: 'varchar', ...types }
  const cases: [string, (lab: Lab) => Promise<unknown>][] = [
    [
      'an operation that is none',
      (lab) => lab.land('s/t/20240101-000000001.parquet', rowsOf(change, [[secret, key, secret]])),
    ],
    [
      'another type',
      (lab) => lab.land('s/t/20240101-000000001.parquet', rowsOf({ Op: 'varchar', id: 'varchar' }, [['I', secret]])),
    ],
    [
      'a key twice',
      (lab) =>
        lab.land(
          's/t/LOAD00000001.parquet',
          rowsOf(types, [
            [key, secret],
            [key, secret],
          ]),
        ),
    ],
    ['a CSV value that is no number', (lab) => lab.landBytes('s/t/20240101-000000001.csv', `U,${secret},x\n`)],
    [
      'a CSV line with a field too many',
      (lab) => lab.landBytes('s/t/20240101-000000001.csv', `U,1,x\nU,2,${secret},${secret}\n`),
    ],
    ['a CSV line with an open quote', (lab) => lab.landBytes('s/t/20240101-000000001.csv', `U,1,"${secret}\n`)],
    [
      'a date that no timestamp can hold',
      (lab) =>
        lab.land(
          's/t/20240101-000000001.parquet',
          rowsOf({ Op: 'varchar', id: 'bigint', at: 'date' }, [['U', key, farDate]]),
        ),
    ],
    [
      'a damaged page',
      async (lab) =>
        undecodable(lab, await lab.land('s/t/20240101-000000001.parquet', rowsOf(change, [['U', key, secret]]))),
    ],
  ]
  test('stands in the engine’s own errors: it cannot widen a date of the lake that no timestamp can hold', async ({
    lab,
  }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', at: 'date' }, [[1, farDate]]))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    const change = rowsOf({ Op: 'varchar', id: 'integer', at: 'timestamp' }, [['U', 2, null]])
    const text = await said(lab, async () => {
      await lab.land('s/t/20240101-000000001.parquet', change)
    })
    expect(text).toMatch(/engine: [A-Z][A-Za-z ]* Error in /u)
    expect(text).not.toContain(farDate)
  })

  test.for(cases)('stands in a report, a log line or a state row: %s', async ([, land], { lab }) => {
    const load = rowsOf({ ...types, at: 'timestamp' }, [[key, secret, null]])
    await lab.land('s/t/LOAD00000001.parquet', load)
    await lab.set('s.t', { active: true, primaryKey: 'id', csvColumns: 'id bigint, v string' })
    await lab.run()
    const text = await said(lab, async () => {
      await land(lab)
    })
    expect(text).not.toContain(secret)
    expect(text).not.toContain(String(key))
    expect(text).not.toContain(farDate)
  })
})

test('a landing file that is gone before it is read is tried again at the next run', async ({ lab }) => {
  await loaded(lab)
  const path = await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
  const fetch = lab.ports.landing.fetch
  const landing = {
    ...lab.ports.landing,
    fetch: async (...args: Parameters<typeof fetch>) => {
      await rm(path, { force: true })
      return fetch(...args)
    },
  }
  expect(await lab.runOne('s.t', { ports: { ...lab.ports, landing } })).toMatchObject({
    status: 'failed',
    error: { kind: 'unavailable' },
  })
  expect(await values(lab)).toEqual({ 1: 'load', 2: 'load' })
  expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 0 })
})
