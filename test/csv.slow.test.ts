import { gzipSync } from 'node:zlib'
import { describe, expect } from 'vitest'
import type { SetOptions } from '../src/state/row.ts'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'

const declared = { csvColumns: 'id bigint, v string' }

/** Lands a full load, activates the table with the key `id` and these options, and runs. */
async function loaded(lab: Lab, load: string, options: SetOptions = declared) {
  await lab.landBytes('s/t/LOAD00000001.csv', load)
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  return lab.runOne('s.t')
}

async function rows(lab: Lab): Promise<unknown[][]> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  return (await lab.rows('s.t', 'id')).map((row) => Object.values(row))
}

describe('a CSV landing', () => {
  test('is loaded and merged with its declared names and types', async ({ lab }) => {
    expect(await loaded(lab, '1,a\n2,b\n')).toMatchObject({ status: 'initial', error: null })
    await lab.landBytes('s/t/20240101-000000000.csv', 'U,1,changed\nD,2,\nI,3,new\n')
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 1 }, error: null })
    expect(await rows(lab)).toEqual([
      ['1', 'changed'],
      ['3', 'new'],
    ])
  })

  test('may be gzipped', async ({ lab }) => {
    await lab.landBytes('s/t/LOAD00000001.csv.gz', gzipSync('1,a\n2,b\n'))
    await lab.set('s.t', { active: true, primaryKey: 'id', ...declared })
    await lab.landBytes('s/t/20240101-000000000.csv.gz', gzipSync('U,1,changed\n'))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, error: null })
    expect(await rows(lab)).toEqual([
      ['1', 'changed'],
      ['2', 'b'],
    ])
  })

  test('without declared columns is text in col0, col1, …', async ({ lab }) => {
    await lab.landBytes('s/t/LOAD00000001.csv', '007,1.50\n008,\n')
    await lab.set('s.t', { active: true, primaryKey: 'col0' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    await lab.landBytes('s/t/20240101-000000000.csv', 'U,007,2.50\n')
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 1 } })
    expect(await lab.rows('s.t', 'col0')).toEqual([
      { col0: '007', col1: '2.50' },
      { col0: '008', col1: null },
    ])
  })

  test('is held at a number or date that its declared type would round or cut', async ({ lab }) => {
    const types = 'id bigint, amount decimal(5,2), day date'
    for (const [at, line] of ['1.5,1,', '1,1.555,', '1,1555e-3,', '1,1,2024-01-02 10:00:00'].entries()) {
      const table = `s.lossy${String(at)}`
      await lab.landBytes(`s/lossy${String(at)}/LOAD00000001.csv`, '1.0,1.5000,2024-01-02 00:00:00\n2e0,15e-1,\n')
      await lab.landBytes(`s/lossy${String(at)}/20240101-000000000.csv`, `I,${line}\n`)
      await lab.set(table, { active: true, primaryKey: 'id', csvColumns: types })
      expect(await lab.runOne(table)).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
      expect(await lab.rows(table, 'id')).toEqual([
        { id: '1', amount: '1.50', day: '2024-01-02' },
        { id: '2', amount: '1.50', day: null },
      ])
    }
  })

  test('is held at an unknown operation, also in a file that lacks the last declared columns', async ({ lab }) => {
    await loaded(lab, 'k0,a,b\n', { csvColumns: 'id string, v string, w string' })
    await lab.landBytes('s/t/20240101-000000000.csv', 'I,k1\nX,k2\n')
    const report = await lab.runOne('s.t')
    expect(report.error?.message).toContain('column "Op" of row 2 is neither I, U nor D')
    expect(await rows(lab)).toEqual([['k0', 'a', 'b']])
  })

  test('is held at a file that has two columns of one name: neither is dropped', async ({ lab }) => {
    const report = await loaded(lab, 'id,v,v\n1,a,b\n', { csvHeader: true })
    expect(report).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(report.error?.message).toContain('column "v" stands in it twice')
  })

  test('may hold a text of several megabytes', async ({ lab }) => {
    const text = 'x'.repeat(5_000_000)
    expect(await loaded(lab, `1,${text}\n`)).toMatchObject({ status: 'initial', error: null })
    await lab.landBytes('s/t/20240101-000000000.csv.gz', gzipSync(`I,2,${text}\n`))
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1 }, error: null })
  })

  test('applies the changes of one file in the order of its lines', async ({ lab }) => {
    await loaded(lab, '1,a\n')
    const lines = Array.from({ length: 500 }, (_, at) => `U,1,step ${String(at)}`)
    await lab.landBytes('s/t/20240101-000000000.csv', `${lines.join('\n')}\n`)
    await lab.run()
    expect(await rows(lab)).toEqual([['1', 'step 499']])
  })

  test('and a Parquet landing may follow each other', async ({ lab }) => {
    await loaded(lab, '1,a\n2,b\n')
    await lab.land(
      's/t/20240101-000000000.parquet',
      rowsOf({ Op: 'varchar', id: 'bigint', v: 'varchar' }, [['U', 1, 'by Parquet']]),
    )
    await lab.landBytes('s/t/20240101-000000001.csv', 'U,2,by CSV\n')
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, error: null })
    expect(await rows(lab)).toEqual([
      ['1', 'by Parquet'],
      ['2', 'by CSV'],
    ])
  })

  test('holds rows of every declared type', async ({ lab }) => {
    const types = 'id bigint, b boolean, i int, d decimal(10,2), f double, day date, at timestamp, "the text" string'
    const report = await loaded(
      lab,
      '1,true,-5,12345678.90,1e-3,2024-02-29,2024-02-29 12:00:00.000001,"x, ""y"""\n2,,,,,,,\n',
      { csvColumns: types },
    )
    expect(report).toMatchObject({ error: null })
    expect(await rows(lab)).toEqual([
      ['1', true, -5, '12345678.90', 0.001, '2024-02-29', '2024-02-29 12:00:00.000001+00', 'x, "y"'],
      ['2', null, null, null, null, null, null, null],
    ])
  })
})

describe('NULL in CSV', () => {
  test('is an unquoted empty field; a quoted one is an empty text', async ({ lab }) => {
    await loaded(lab, '1,\n2,""\n3,NULL\n')
    expect(await rows(lab)).toEqual([
      ['1', null],
      ['2', ''],
      ['3', 'NULL'],
    ])
  })

  test('is CsvNullValue too, where it is not quoted', async ({ lab }) => {
    await loaded(lab, '1,\n2,NULL\n3,"NULL"\n', { ...declared, csvNullValue: 'NULL' })
    expect(await rows(lab)).toEqual([
      ['1', null],
      ['2', null],
      ['3', 'NULL'],
    ])
  })
})

describe('the first line of CSV', () => {
  test('is a header with CsvHeader, and names the columns', async ({ lab }) => {
    await loaded(lab, 'v,id\na,1\n', { csvHeader: true })
    await lab.landBytes('s/t/20240101-000000000.csv', 'Op,id,v\nU,1,changed\n')
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 1 }, error: null })
    expect(await lab.rows('s.t')).toEqual([{ v: 'changed', id: '1' }])
  })

  test('is a header where it equals the declared names', async ({ lab }) => {
    await loaded(lab, 'id,v\n1,a\n')
    await lab.landBytes('s/t/20240101-000000000.csv', 'Op,id,v\nU,1,changed\n')
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 1 }, error: null })
    expect(await rows(lab)).toEqual([['1', 'changed']])
  })

  test('is a row where no columns are declared, whatever it looks like', async ({ lab }) => {
    await lab.landBytes('s/t/LOAD00000001.csv', 'id,v\n1,a\n')
    await lab.set('s.t', { active: true, primaryKey: 'col0' })
    await lab.run()
    expect(await lab.rows('s.t')).toHaveLength(2)
  })
})

describe('the text of CSV', () => {
  test('may hold delimiters, quotes and line breaks in quotes', async ({ lab }) => {
    await loaded(lab, '1,"a,b"\n2,"say ""x"""\n3,"two\nlines"\n4,ünï🦆\n5,it\'s # no comment\n')
    expect(await rows(lab)).toEqual([
      ['1', 'a,b'],
      ['2', 'say "x"'],
      ['3', 'two\nlines'],
      ['4', 'ünï🦆'],
      ['5', "it's # no comment"],
    ])
  })

  test('may have another delimiter', async ({ lab }) => {
    await loaded(lab, '1\ta,b\n2\t\n', { ...declared, csvDelimiter: '\\t' })
    expect(await rows(lab)).toEqual([
      ['1', 'a,b'],
      ['2', null],
    ])
  })

  test('may end its lines as Windows does, and lack the last line break', async ({ lab }) => {
    await loaded(lab, '1,a\r\n2,b')
    expect(await rows(lab)).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
  })

  test('keeps spaces', async ({ lab }) => {
    await loaded(lab, '1,  a \n2," b "\n')
    expect(await rows(lab)).toEqual([
      ['1', '  a '],
      ['2', ' b '],
    ])
  })
})

describe('CSV of new columns', () => {
  test('at the end, once they are declared', async ({ lab }) => {
    await loaded(lab, '1,a\n2,b\n')
    await lab.set('s.t', { csvColumns: 'id bigint, v string, w int' })
    await lab.landBytes('s/t/20240101-000000000.csv', 'U,1,a,5\n')
    await lab.landBytes('s/t/20240101-000000001.csv', 'I,3,c\n')
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, error: null })
    expect(await rows(lab)).toEqual([
      ['1', 'a', 5],
      ['2', 'b', null],
      ['3', 'c', null],
    ])
  })

  test('that are not declared hold the table at that file', async ({ lab }) => {
    await loaded(lab, '1,a\n')
    await lab.landBytes('s/t/20240101-000000000.csv', 'U,1,b\n')
    await lab.landBytes('s/t/20240101-000000001.csv', 'U,1,c,5\n')
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', files: 1, error: { kind: 'bad-landing' } })
    expect(report.error?.message).toContain('it has 3 columns, CsvColumns declares 2')
    expect(await rows(lab)).toEqual([['1', 'b']])
  })
})

describe('CSV that cannot be read holds the table at that file and names it', () => {
  const damaged: [string, string][] = [
    ['a line with a field too few', 'U,1,b\nU,2\n'],
    ['a line with a field too many', 'U,1,b\nU,2,c,d\n'],
    ['an open quote', 'U,1,"b\nU,2,c\n'],
    ['an operation of another letter', 'U,1,b\nX,2,c\n'],
    ['an empty operation', 'U,1,b\n,2,c\n'],
    ['a number that is none', 'U,one,b\n'],
    ['bytes that are no gzip', 'gz'],
  ]
  test.for(damaged)('%s', async ([what, body], { lab }) => {
    await loaded(lab, '1,a\n')
    await lab.landBytes('s/t/20240101-000000000.csv', 'U,1,before\n')
    const name = `20240101-000000001.csv${what.endsWith('gzip') ? '.gz' : ''}`
    await lab.landBytes(`s/t/${name}`, body)
    await lab.landBytes('s/t/20240101-000000002.csv', 'U,1,after\n')
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', files: 1, error: { kind: 'bad-landing' } })
    expect(report.error?.message).toContain(name)
    expect(await rows(lab)).toEqual([['1', 'before']])
  })

  test('in a full load nothing is loaded', async ({ lab }) => {
    const report = await loaded(lab, '1,a\ntwo,b\n')
    expect(report).toMatchObject({ status: 'held', version: null, error: { kind: 'bad-landing' } })
    expect(report.error?.message).toBe(
      'read landing file LOAD00000001.csv: column "id" holds values that are no bigint',
    )
  })
})
