import { describe, expect } from 'vitest'
import type { Lab } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'

type Rows = readonly (readonly Cell[])[]

async function loaded(lab: Lab, types: Record<string, string>, load: Rows): Promise<void> {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(types, load))
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial' })
}

async function change(lab: Lab, types: Record<string, string>, changes: Rows, name = '20240101-000000000') {
  await lab.land(`s/t/${name}.parquet`, rowsOf({ Op: 'varchar', ...types }, changes))
  return lab.runOne('s.t')
}

const nothingWritten = { status: 'incremental', filesAdded: 0, filesRemoved: 0, filesRewritten: 0 }

describe('a batch that changes nothing', () => {
  const types = { id: 'integer', v: 'varchar', w: 'double' }
  const load: Rows = [
    [1, 'a', 1.5],
    [2, null, null],
  ]

  test('writes no data file, and moves the progress', async ({ lab }) => {
    await loaded(lab, types, load)
    const files = await filesBelow(lab.lake)
    const report = await change(lab, types, [
      ['U', 1, 'a', 1.5],
      ['I', 2, null, null],
      ['D', 9, null, null],
    ])
    expect(report).toMatchObject({ ...nothingWritten, version: 1, files: 1, changes: { unchanged: 3, updated: 0 } })
    const after = await filesBelow(lab.lake)
    expect(after.filter((key) => !files.includes(key))).toEqual(['_dmscdc/s/t/_delta_log/00000000000000000001.json'])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', version: 1, files: 0 })
  })

  test('that ends where it began is one, whatever happened in between', async ({ lab }) => {
    await loaded(lab, types, load)
    const report = await change(lab, types, [
      ['U', 1, 'b', 1.5],
      ['D', 1, null, null],
      ['I', 1, 'a', 1.5],
      ['I', 7, 'x', 1],
      ['D', 7, null, null],
    ])
    expect(report).toMatchObject({ ...nothingWritten, changes: { inserted: 0, deleted: 0, updated: 0, unchanged: 2 } })
  })

  test('with no row at all is taken too', async ({ lab }) => {
    await loaded(lab, types, load)
    expect(await change(lab, types, [])).toMatchObject({ ...nothingWritten, files: 1, changes: { unchanged: 0 } })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('and a column that is new but NULL throughout writes no data file either', async ({ lab }) => {
    await loaded(lab, types, load)
    const report = await change(lab, { ...types, extra: 'varchar' }, [['U', 1, 'a', 1.5, null]])
    expect(report).toMatchObject({ ...nothingWritten, changes: { unchanged: 1 } })
  })
})

describe('only the files of changed rows are rewritten', () => {
  test('of two partitions one stays', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf({ id: 'integer', p: 'varchar' }, [
        [1, 'x'],
        [2, 'y'],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'p' })
    await lab.run()
    const before = await filesBelow(`${lab.lake}/s/t`)
    await lab.land(
      's/t/20240101-000000000.parquet',
      rowsOf({ Op: 'varchar', id: 'integer', p: 'varchar' }, [
        ['U', 2, 'y'],
        ['I', 3, 'x'],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, unchanged: 1 }, filesRemoved: 0 })
    expect(await filesBelow(`${lab.lake}/s/t`)).toEqual(expect.arrayContaining(before))
  })
})

describe('what differs', () => {
  const differing: [string, string, Cell, Cell][] = [
    ['-0.0 from 0.0', 'double', '0.0', '-0.0'],
    ['a float -0.0 from 0.0', 'float', '-0.0', '0.0'],
    ['NaN from NULL', 'double', 'NaN', null],
    ['NaN from a number', 'float', 1, 'NaN'],
    ['infinity from minus infinity', 'double', 'inf', '-inf'],
    ['an empty text from NULL', 'varchar', '', null],
    ['NULL from an empty text', 'varchar', null, ''],
    ['a text from one with a space more', 'varchar', 'a', 'a '],
    ['a text from one in other case', 'varchar', 'a', 'A'],
    ['é as one code point from e with an accent', 'varchar', '\u00e9', 'e\u0301'],
    ['empty bytes from NULL', 'blob', '', null],
    ['one byte in bytes', 'blob', '\\x00\\x01', '\\x00\\x02'],
    ['a microsecond', 'timestamp', '2024-01-01 00:00:00.000001', '2024-01-01 00:00:00.000002'],
    ['the last digit of a decimal', 'decimal(38,18)', '1.000000000000000001', '1.000000000000000002'],
    ['an integer beyond 2^53', 'bigint', '9007199254740993', '9007199254740992'],
    ['false from NULL', 'boolean', false, null],
  ]
  test.for(differing)('%s', async ([, type, before, after], { lab }) => {
    const types = { id: 'integer', v: type }
    await loaded(lab, types, [[1, before]])
    expect(await change(lab, types, [['U', 1, after]])).toMatchObject({ changes: { updated: 1, unchanged: 0 } })
    const expected = await lab.sql(rowsOf(types, [[1, after]]))
    expect(await lab.sql(`select id, v::varchar as v from (${await lakeSelect(lab)})`)).toEqual(
      await lab.sql(
        `select id, ${type === 'timestamp' ? 'v::timestamptz' : 'v'}::varchar as v from (${rowsOf(types, [[1, after]])})`,
      ),
    )
    expect(expected).toHaveLength(1)
  })

  // DuckDB's Parquet writer takes both for one value in a column's dictionary, and has no setting for a column's encoding.
  test.fails('a zero from one of the other sign beside it', async ({ lab }) => {
    const types = { id: 'integer', v: 'double' }
    const zeros = Array.from({ length: 200 }, (_, at) => [at, '0.0'])
    await loaded(lab, types, zeros)
    await change(lab, types, [['U', 2, '-0.0']])
    const negative = await lab.sql(`select id from (${await lakeSelect(lab)}) where signbit(v) order by id`)
    expect(negative).toEqual([{ id: 2 }])
  })

  const equal: [string, string, Cell][] = [
    ['NaN equals NaN', 'double', 'NaN'],
    ['-0.0 equals -0.0', 'double', '-0.0'],
    ['infinity equals infinity', 'float', 'inf'],
    ['NULL equals NULL', 'decimal(9,2)', null],
    ['bytes equal the same bytes', 'blob', '\\xFF\\x00'],
  ]
  test.for(equal)('%s', async ([, type, value], { lab }) => {
    const types = { id: 'integer', v: type }
    await loaded(lab, types, [[1, value]])
    expect(await change(lab, types, [['U', 1, value]])).toMatchObject({
      ...nothingWritten,
      changes: { updated: 0, unchanged: 1 },
    })
  })
})

async function lakeSelect(lab: Lab): Promise<string> {
  return `select * from read_parquet('${lab.lake}/s/t/**/*.parquet')`
}
