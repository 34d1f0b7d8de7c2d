import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test as plainTest } from 'vitest'
import type { Catalog } from '../src/catalog/catalog.ts'
import { memoryCatalog } from '../src/catalog/memory-catalog.ts'
import { setTables } from '../src/controller/set-table.ts'
import { DmscdcError } from '../src/errors.ts'
import type { SetOptions } from '../src/state/row.ts'
import { type Lab, openLab } from './support/lab.ts'
import { type Cell, filesBelow, test as labTest, rowsOf } from './support/lab-test.ts'

/** A lab whose runs publish to a catalog in memory. `writes`: what they asked it to write. `fail`: what its next calls throw. */
type Bench = {
  readonly lab: Lab
  readonly catalog: Catalog
  readonly writes: string[]
  fail: unknown
  /** The catalog's own answer to `--glue-database`. */
  database: string | null
}

const test = plainTest.extend<{ bench: Bench }>({
  bench: async ({ task: _ }, use) => {
    const catalog = memoryCatalog()
    const bench = { catalog, writes: [] as string[], fail: null as unknown, database: null as string | null }
    const lab = await openLab({
      catalog: {
        get database() {
          return bench.database
        },
        open: async () => watched(catalog, bench),
      },
    })
    await use(Object.assign(bench, { lab }))
    await lab.close()
  },
})

function watched(catalog: Catalog, bench: { writes: string[]; fail: unknown }): Catalog {
  const calls = Object.entries(catalog).map(([verb, call]) => {
    const watch = async (...args: never[]) => {
      if (bench.fail !== null) throw bench.fail
      if (/^(?:create|update|delete|change)/u.test(verb)) bench.writes.push(verb)
      return (call as (...of: never[]) => Promise<unknown>)(...args)
    }
    return [verb, watch]
  })
  return Object.fromEntries(calls) as Catalog
}

const row = { id: 'integer', p: 'varchar', v: 'varchar' }
const name = { database: 's', table: 't' }

async function loaded({ lab }: Bench, options: SetOptions = {}): Promise<void> {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf(row, [
      [1, 'a', 'load'],
      [2, 'b', 'load'],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id', publish: 'glue', ...options })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null, warnings: [] })
}

async function change({ lab }: Bench, number: number, rows: readonly (readonly Cell[])[], more = {}): Promise<void> {
  const types = { Op: 'varchar', ...row, ...more }
  await lab.land(`s/t/20240101-00000000${String(number)}.parquet`, rowsOf(types, rows))
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null, warnings: [] })
}

const stateOf = async ({ lab }: Bench) => JSON.parse(await readFile(join(lab.state, 's', 't.json'), 'utf8'))
const values = async ({ catalog }: Bench) => (await catalog.listPartitions(name)).map((one) => one.values.join()).sort()
const unavailable = new DmscdcError('unavailable', 'glue GetTable s.t: no answer', { hint: 'run again' })

describe('a table in the catalog', () => {
  test('is the plain Parquet folder', async ({ bench }) => {
    await loaded(bench)
    const { lab } = bench
    expect(await bench.catalog.getTable(name)).toMatchObject({
      format: 'parquet',
      location: `file://${lab.lake}/s/t/`,
      columns: [
        { name: 'id', type: 'int' },
        { name: 'p', type: 'string' },
        { name: 'v', type: 'string' },
      ],
      partitionKeys: [],
      parameters: { classification: 'parquet', 'dmscdc.table': 's.t' },
    })
    expect(await filesBelow(`${lab.lake}/s/t`)).toHaveLength(1)
    expect(await stateOf(bench)).toMatchObject({ Published: ['glue'], CatalogTable: name })
  })

  test('has its superseded files taken away at once, as any plain folder', async ({ bench }) => {
    await loaded(bench)
    await change(bench, 1, [['U', 1, 'a', 'changed']])
    expect(await filesBelow(`${bench.lab.lake}/s/t`)).toHaveLength(1)
  })

  test('is not asked or written again by commits that change neither columns nor partitions, nor by idle runs', async ({
    bench,
  }) => {
    await loaded(bench, { partitionKey: 'p' })
    bench.writes.length = 0
    bench.fail = new Error('no call was expected')
    await change(bench, 1, [
      ['U', 1, 'a', 'changed'],
      ['I', 3, 'b', 'new'],
    ])
    expect(await bench.lab.runOne('s.t')).toMatchObject({ status: 'idle', warnings: [] })
    expect(bench.writes).toEqual([])
  })

  test('follows partitions that come, move and go', async ({ bench }) => {
    await loaded(bench, { partitionKey: 'p' })
    expect(await bench.catalog.getTable(name)).toMatchObject({
      columns: [{ name: 'id' }, { name: 'v' }],
      partitionKeys: [{ name: 'p', type: 'string' }],
    })
    expect(await values(bench)).toEqual(['a', 'b'])
    await change(bench, 1, [
      ['U', 2, 'x/y', 'moved'],
      ['I', 3, null, 'new'],
    ])
    expect(await values(bench)).toEqual(['__HIVE_DEFAULT_PARTITION__', 'a', 'x/y'])
    const folder = `file://${bench.lab.lake}/s/t/`
    expect((await bench.catalog.listPartitions(name)).map(({ location }) => location).sort()).toEqual([
      `${folder}p=__HIVE_DEFAULT_PARTITION__/`,
      `${folder}p=a/`,
      `${folder}p=x%2Fy/`,
    ])
    await change(bench, 2, [['D', 1, null, null]])
    expect(await values(bench)).toEqual(['__HIVE_DEFAULT_PARTITION__', 'x/y'])
  })

  test('gets added columns and wider types, its partitions with it', async ({ bench }) => {
    await loaded(bench, { partitionKey: 'p' })
    const before = await bench.catalog.listPartitions(name)
    await change(bench, 1, [['I', 4_000_000_000, 'a', 'new', '1.50']], { id: 'bigint', Price: 'decimal(10,2)' })
    expect(await bench.catalog.getTable(name)).toMatchObject({
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'v', type: 'string' },
        { name: 'price', type: 'decimal(10,2)' },
      ],
    })
    const after = await bench.catalog.listPartitions(name)
    expect(after.map(({ parameters }) => parameters)).not.toEqual(before.map(({ parameters }) => parameters))
  })

  test('gets other partition keys', async ({ bench }) => {
    await loaded(bench, { partitionKey: 'p' })
    await bench.lab.set('s.t', { partitionKey: 'v,p' })
    expect(await bench.lab.runOne('s.t')).toMatchObject({ error: null, warnings: [] })
    expect(await bench.catalog.getTable(name)).toMatchObject({ partitionKeys: [{ name: 'v' }, { name: 'p' }] })
    expect(await values(bench)).toEqual(['load,a', 'load,b'])
  })

  test('has a moment as Hive writes it for a partition', async ({ bench }) => {
    const { lab } = bench
    const select = rowsOf({ id: 'integer', at: 'timestamp' }, [[1, '2024-01-02 03:04:05.678']])
    await lab.land('s/t/LOAD00000001.parquet', select)
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'at', publish: 'glue' })
    await lab.runOne('s.t')
    expect(await values(bench)).toEqual(['2024-01-02 03:04:05.678000'])
  })

  test('is called in lower case, database too', async ({ bench }) => {
    await bench.lab.land('Sales/Orders/LOAD00000001.parquet', rowsOf({ ID: 'integer' }, [[1]]))
    await bench.lab.set('Sales.Orders', { active: true, primaryKey: 'ID', publish: 'glue' })
    await bench.lab.runOne('Sales.Orders')
    const found = await bench.catalog.getTable({ database: 'sales', table: 'orders' })
    expect(found).toMatchObject({ columns: [{ name: 'id' }], location: expect.stringMatching(/\/Sales\/Orders\/$/u) })
  })
})

describe('the catalog points at what else is published', () => {
  test('manifests: a table of symlinks, and its partitions', async ({ bench }) => {
    await loaded(bench, { publish: 'glue,manifest', partitionKey: 'p' })
    const folder = `file://${bench.lab.lake}/s/t/_symlink_format_manifest/`
    expect(await bench.catalog.getTable(name)).toMatchObject({ format: 'symlink', location: folder })
    const locations = (await bench.catalog.listPartitions(name)).map(({ location }) => location)
    expect(locations.sort()).toEqual([`${folder}p=a/`, `${folder}p=b/`])
  })

  test('a Delta log: a native Delta table, without partitions of the catalog’s own', async ({ bench }) => {
    await loaded(bench, { publish: 'delta,manifest,glue', partitionKey: 'p' })
    expect(await bench.catalog.getTable(name)).toMatchObject({
      format: 'delta',
      location: `file://${bench.lab.lake}/s/t/`,
      partitionKeys: [{ name: 'p' }],
      parameters: { table_type: 'DELTA', 'spark.sql.sources.provider': 'delta' },
    })
    expect(await values(bench)).toEqual([])
  })

  test('and turns with it, before that is taken off', async ({ bench }) => {
    const { lab } = bench
    await loaded(bench, { publish: 'manifest,glue', partitionKey: 'p' })
    await lab.set('s.t', { publish: 'glue' })
    bench.fail = unavailable
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, warnings: [expect.stringContaining('no answer')] })
    expect(await filesBelow(`${lab.lake}/s/t/_symlink_format_manifest`)).toHaveLength(2)
    expect(await lab.verify()).toMatchObject([{ ok: true }])
    bench.fail = null
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, warnings: [] })
    expect(await bench.catalog.getTable(name)).toMatchObject({ format: 'parquet' })
    expect(await values(bench)).toEqual(['a', 'b'])
    expect(await filesBelow(`${lab.lake}/s/t/_symlink_format_manifest`)).toEqual([])
    await lab.set('s.t', { publish: 'glue,delta' })
    await lab.runOne('s.t')
    expect(await bench.catalog.getTable(name)).toMatchObject({ format: 'delta' })
    expect(await values(bench)).toEqual([])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
    expect(await lab.verify()).toMatchObject([{ ok: true }])
  })
})

describe('taken off', () => {
  test('the table goes from the catalog, although nothing new has landed', async ({ bench }) => {
    await loaded(bench)
    await bench.lab.set('s.t', { publish: '' })
    expect(await bench.lab.runOne('s.t')).toMatchObject({ error: null, warnings: [] })
    expect(await bench.catalog.getTable(name)).toBeNull()
    expect(await stateOf(bench)).toMatchObject({ Published: [] })
    expect(await stateOf(bench)).not.toHaveProperty('CatalogTable')
    expect(await bench.lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('it goes by the next run where the catalog did not answer', async ({ bench }) => {
    await loaded(bench)
    await bench.lab.set('s.t', { publish: '' })
    bench.fail = unavailable
    expect(await bench.lab.runOne('s.t')).toMatchObject({ error: null, warnings: [expect.any(String)] })
    bench.fail = null
    expect(await bench.lab.runOne('s.t')).toMatchObject({ error: null, warnings: [] })
    expect(await bench.catalog.getTable(name)).toBeNull()
  })

  test('into another database it leaves the former', async ({ bench }) => {
    await loaded(bench)
    bench.database = 'Lake'
    expect(await bench.lab.runOne('s.t')).toMatchObject({ error: null, warnings: [] })
    expect(await bench.catalog.getTable(name)).toBeNull()
    expect(await bench.catalog.getTable({ database: 'lake', table: 't' })).not.toBeNull()
    expect(await bench.lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })
})

describe('what the catalog refuses', () => {
  test('does not undo the commit, is a warning, and is done by the next run', async ({ bench }) => {
    await loaded(bench, { partitionKey: 'p' })
    bench.fail = unavailable
    await bench.lab.land('s/t/20240101-000000001.parquet', rowsOf({ Op: 'varchar', ...row }, [['I', 3, 'c', 'new']]))
    const report = await bench.lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'incremental', version: 1, error: null })
    expect(report.warnings).toEqual([expect.stringMatching(/^the catalog is not up to date: glue GetTable .*; Try: /u)])
    expect(await bench.lab.rows('s.t')).toHaveLength(3)
    expect(await bench.lab.runOne('s.t')).toMatchObject({ files: 0, warnings: [expect.any(String)] })
    bench.fail = null
    expect(await bench.lab.runOne('s.t')).toMatchObject({ files: 0, error: null, warnings: [] })
    expect(await values(bench)).toEqual(['a', 'b', 'c'])
    expect(await bench.lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('a table that something else owns is left alone, and the run says so until it is gone', async ({ bench }) => {
    const theirs = {
      format: 'parquet',
      location: 's3://theirs/',
      columns: [],
      partitionKeys: [],
      parameters: {},
    } as const
    await bench.catalog.createDatabase('s')
    await bench.catalog.createTable(name, theirs)
    const { lab } = bench
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'a', 'load']]))
    await lab.set('s.t', { active: true, primaryKey: 'id', publish: 'glue' })
    for (const status of ['initial', 'idle']) {
      const warnings = [expect.stringMatching(/table s\.t that belongs to something else, and was left alone/u)]
      expect(await lab.runOne('s.t')).toMatchObject({ status, error: null, warnings })
    }
    expect(await bench.catalog.getTable(name)).toMatchObject(theirs)
    await lab.set('s.t', { publish: '' })
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, warnings: [] })
    expect(await bench.catalog.getTable(name)).toMatchObject(theirs)
  })

  test('of two tables whose names differ by case alone the second is told', async ({ bench }) => {
    const { lab } = bench
    for (const table of ['Orders', 'orders']) {
      await lab.land(`s/${table}/LOAD00000001.parquet`, rowsOf({ id: 'integer' }, [[1]]))
      await lab.set(`s.${table}`, { active: true, primaryKey: 'id', publish: 'glue' })
    }
    const reports = await lab.run()
    expect(reports).toMatchObject([
      { table: 's.Orders', error: null, warnings: [] },
      { table: 's.orders', error: null, warnings: [expect.stringContaining('belongs to s.Orders')] },
    ])
  })
})

labTest('a lake on files has nothing that Glue could point at: such a table is held', async ({ lab }) => {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, [[1, 'a', 'load']]))
  await setTables(lab.ports, 's.t', { active: true, primaryKey: 'id', publish: 'glue' })
  const expected = { kind: 'invalid-config', message: expect.stringContaining('expected a lake in S3') }
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: expected })
})
