import { describe, expect } from 'vitest'
import type { Lab } from './support/lab.ts'
import { type Cell, rowsOf, test } from './support/lab-test.ts'

/** Lands a full load and a file of changes, each with a run after it; returns the last report. */
async function merged(lab: Lab, table: { types: Record<string, string>; key: string; load: Rows; changes: Rows }) {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(table.types, table.load))
  await lab.set('s.t', { active: true, primaryKey: table.key })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
  await lab.land('s/t/20240101-000000000.parquet', rowsOf({ Op: 'varchar', ...table.types }, table.changes))
  const report = await lab.runOne('s.t')
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  return report
}

type Rows = readonly (readonly Cell[])[]

describe('a key of one column', () => {
  const types: [string, string, Cell, Cell, Cell][] = [
    ['tinyint', 'tinyint', -128, 0, 127],
    ['smallint', 'smallint', -32768, 0, 32767],
    ['bigint beyond 2^53', 'bigint', '9007199254740993', '9007199254740992', '-9223372036854775808'],
    ['unsigned bigint', 'ubigint', '18446744073709551615', '0', '18446744073709551614'],
    ['text', 'varchar', '', ' ', 'ünï🦆'],
    ['text that only differs behind 300 characters', 'varchar', 'a'.repeat(300), `${'a'.repeat(300)}b`, 'a'],
    ['binary', 'blob', '\\x00\\xFF', '\\x00', '\\xC3\\x28'],
    ['decimal', 'decimal(38,10)', '0.0000000001', '-0.0000000001', '9999999999999999999999999999.9999999999'],
    ['date', 'date', '0001-01-01', '1970-01-01', '9999-12-31'],
    ['timestamp', 'timestamp', '2024-01-01 00:00:00.000001', '2024-01-01 00:00:00', '1582-10-14 12:00:00.5'],
    ['boolean and NULL', 'boolean', true, false, null],
    ['double', 'double', '0.1', '0.30000000000000004', '1e308'],
    ['time', 'time', '00:00:00', '23:59:59.999999', '12:00:00'],
    ['uuid as text', 'varchar', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'x'],
  ]
  test.for(types)('may be %s', async ([, type, first, second, third], { lab }) => {
    const report = await merged(lab, {
      types: { id: type, v: 'varchar' },
      key: 'id',
      load: [
        [first, 'first'],
        [second, 'second'],
        [third, 'third'],
      ],
      changes: [
        ['U', first, 'updated'],
        ['D', second, null],
        ['I', third, 'third'],
      ],
    })
    expect(report).toMatchObject({ changes: { inserted: 0, updated: 1, deleted: 1, unchanged: 1 } })
    expect((await lab.rows('s.t', 'v')).map(({ v }) => v)).toEqual(['third', 'updated'])
  })

  test('NULL is one key, equal to itself', async ({ lab }) => {
    const report = await merged(lab, {
      types: { id: 'integer', v: 'varchar' },
      key: 'id',
      load: [
        [null, 'null key'],
        [0, 'zero'],
      ],
      changes: [
        ['U', null, 'one'],
        ['U', null, 'two'],
      ],
    })
    expect(report).toMatchObject({ changes: { updated: 1 } })
    expect(await lab.rows('s.t', 'id nulls first')).toEqual([
      { id: null, v: 'two' },
      { id: 0, v: 'zero' },
    ])
  })

  test('NULL is deleted by NULL alone', async ({ lab }) => {
    await merged(lab, {
      types: { id: 'varchar', v: 'varchar' },
      key: 'id',
      load: [
        [null, 'null key'],
        ['', 'empty'],
      ],
      changes: [
        ['D', null, null],
        ['D', 'null', null],
      ],
    })
    expect(await lab.rows('s.t')).toEqual([{ id: '', v: 'empty' }])
  })

  test('a new NULL key is inserted where there was none', async ({ lab }) => {
    const report = await merged(lab, {
      types: { id: 'integer', v: 'varchar' },
      key: 'id',
      load: [[1, 'one']],
      changes: [['U', null, 'null key']],
    })
    expect(report).toMatchObject({ changes: { inserted: 1 } })
  })

  test('keys of text differ by case and by trailing space', async ({ lab }) => {
    const report = await merged(lab, {
      types: { id: 'varchar', v: 'integer' },
      key: 'id',
      load: [
        ['a', 1],
        ['A', 2],
        ['a ', 3],
      ],
      changes: [
        ['D', 'A', null],
        ['U', 'a ', 4],
      ],
    })
    expect(report).toMatchObject({ changes: { updated: 1, deleted: 1 } })
    expect(await lab.rows('s.t', 'v')).toEqual([
      { id: 'a', v: 1 },
      { id: 'a ', v: 4 },
    ])
  })
})

describe('a composite key', () => {
  const types = { a: 'integer', b: 'varchar', c: 'decimal(9,2)', d: 'timestamp', e: 'blob', v: 'varchar' }

  test('of any types is compared part by part, NULL equal to NULL', async ({ lab }) => {
    const report = await merged(lab, {
      types,
      key: 'a,b,c,d,e',
      load: [
        [1, 'x', '1.10', '2024-01-01', '\\x00', 'full'],
        [1, null, '1.10', '2024-01-01', '\\x00', 'null in b'],
        [null, 'x', '1.10', '2024-01-01', '\\x00', 'null in a'],
        [null, null, null, null, null, 'all null'],
        [1, 'x', '1.10', '2024-01-01', null, 'null in e'],
      ],
      changes: [
        ['U', 1, null, '1.1', '2024-01-01', '\\x00', 'updated'],
        ['D', null, null, null, null, null, null],
        ['D', 1, 'x', '1.10', '2024-01-01', '\\x01', null],
        ['D', 1, 'x', '1.10', '2024-01-01', null, null],
        ['I', null, 'x', null, '2024-01-01', '\\x00', 'inserted'],
      ],
    })
    expect(report).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 2, unchanged: 1 } })
    const rows = await lab.rows('s.t', 'v')
    expect(rows.map(({ v }) => v)).toEqual(['full', 'inserted', 'null in a', 'updated'])
  })

  test('does not confuse parts that are alike when put together', async ({ lab }) => {
    const report = await merged(lab, {
      types: { a: 'varchar', b: 'varchar', v: 'integer' },
      key: 'a,b',
      load: [
        ['ab', 'c', 1],
        ['a', 'bc', 2],
        ['', 'abc', 3],
        [null, 'abc', 4],
      ],
      changes: [
        ['D', 'ab', 'c', null],
        ['D', '', 'abc', null],
      ],
    })
    expect(report).toMatchObject({ changes: { deleted: 2 } })
    expect((await lab.rows('s.t', 'v')).map(({ v }) => v)).toEqual([2, 4])
  })
})

describe('a key that is not unique in the full load', () => {
  const twice: [string, Record<string, string>, string, Rows][] = [
    [
      'one value',
      { id: 'integer', v: 'varchar' },
      'id',
      [
        [1, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'two equal rows',
      { id: 'integer', v: 'varchar' },
      'id',
      [
        [1, 'a'],
        [1, 'a'],
      ],
    ],
    [
      'two NULL keys',
      { id: 'integer', v: 'varchar' },
      'id',
      [
        [null, 'a'],
        [null, 'b'],
      ],
    ],
    [
      'two composite keys with a NULL',
      { a: 'integer', b: 'integer' },
      'a,b',
      [
        [1, null],
        [1, null],
      ],
    ],
    [
      '0.0 and -0.0',
      { id: 'double', v: 'varchar' },
      'id',
      [
        ['0.0', 'a'],
        ['-0.0', 'b'],
      ],
    ],
  ]
  test.for(twice)('holds the table: %s', async ([, types, key, load], { lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(types, load))
    await lab.set('s.t', { active: true, primaryKey: key })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', version: null, error: { kind: 'bad-landing' } })
    expect(report.error?.message).toContain(`primary key (${key.replace(',', ', ')}) is not unique`)
    expect(await lab.verify()).toEqual([])
  })

  test('also where the two rows stand in two LOAD files; another key frees it', async ({ lab }) => {
    const types = { id: 'integer', part: 'integer', v: 'varchar' }
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(types, [[1, 1, 'a']]))
    await lab.land('s/t/LOAD00000002.parquet', rowsOf(types, [[1, 2, 'b']]))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
    await lab.set('s.t', { primaryKey: 'id,part' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', changes: { inserted: 2 } })
  })
})

describe('a deletion', () => {
  test('may carry NULL in all columns but the key', async ({ lab }) => {
    const report = await merged(lab, {
      types: { a: 'integer', b: 'varchar', v: 'varchar', w: 'double' },
      key: 'a,b',
      load: [
        [1, 'x', 'v', 1.5],
        [2, 'x', 'v', 1.5],
      ],
      changes: [['D', 1, 'x', null, null]],
    })
    expect(report).toMatchObject({ changes: { deleted: 1 } })
    expect(await lab.rows('s.t')).toEqual([{ a: 2, b: 'x', v: 'v', w: 1.5 }])
  })

  test('may come in a file that has the key columns alone', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf({ id: 'integer', v: 'varchar' }, [
        [1, 'a'],
        [2, 'b'],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.land('s/t/20240101-000000000.parquet', rowsOf({ Op: 'varchar', id: 'integer' }, [['D', 1]]))
    await lab.land(
      's/t/20240101-000000001.parquet',
      rowsOf({ Op: 'varchar', id: 'integer', v: 'varchar' }, [['I', 3, 'c']]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 3, deleted: 1 }, error: null })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 2, v: 'b' },
      { id: 3, v: 'c' },
    ])
  })
})

describe('key columns', () => {
  test('may come later in the file than others, and as the last', async ({ lab }) => {
    const report = await merged(lab, {
      types: { v: 'varchar', id: 'integer' },
      key: 'id',
      load: [['a', 1]],
      changes: [['U', 'b', 1]],
    })
    expect(report).toMatchObject({ changes: { updated: 1 } })
  })

  test('may be all the columns there are', async ({ lab }) => {
    const report = await merged(lab, {
      types: { a: 'integer', b: 'integer' },
      key: 'a,b',
      load: [
        [1, 1],
        [1, 2],
      ],
      changes: [
        ['D', 1, 1],
        ['I', 2, 2],
        ['U', 1, 2],
      ],
    })
    expect(report).toMatchObject({ changes: { inserted: 1, updated: 0, deleted: 1, unchanged: 1 } })
    expect(await lab.rows('s.t', 'a, b')).toEqual([
      { a: 1, b: 2 },
      { a: 2, b: 2 },
    ])
  })
})

describe('setting another key', () => {
  test('on a loaded table checks the whole table, and holds it where the key is not unique', async ({ lab }) => {
    const types = { id: 'integer', code: 'varchar', v: 'integer' }
    await merged(lab, {
      types,
      key: 'id',
      load: [
        [1, 'a', 1],
        [2, 'b', 1],
        [3, 'b', 2],
      ],
      changes: [['D', 99, null, null]],
    })
    await lab.set('s.t', { primaryKey: 'code' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
    await lab.set('s.t', { primaryKey: 'code,v' })
    await lab.land('s/t/20240102-000000000.parquet', rowsOf({ Op: 'varchar', ...types }, [['U', 9, 'b', 2]]))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', changes: { updated: 1 } })
    expect((await lab.rows('s.t', 'id')).map(({ id }) => id)).toEqual([1, 2, 9])
  })
})
