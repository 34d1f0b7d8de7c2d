import { describe, expect } from 'vitest'
import type { Cell, ColumnType } from '../sample-db/columns.ts'
import type { FileColumn } from '../sample-db/layout.ts'
import { arrowParquet } from '../sample-db/parquet-arrow.ts'
import { dmsExactParquet } from '../sample-db/parquet-dms-exact.ts'
import { type DmsSettings, defaultSettings } from '../sample-db/settings.ts'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'

const writers: Record<string, (columns: readonly FileColumn[], settings: DmsSettings) => Uint8Array> = {
  'the Arrow libraries': arrowParquet,
  'DMS itself': dmsExactParquet,
}

const integer = (bits: 8 | 16 | 32 | 64, signed: boolean): ColumnType => ({ kind: 'integer', bits, signed })

type Mapping = { type: ColumnType; cells: readonly Cell[]; lake: string; texts: readonly string[] }

/** Landing type, its least and greatest values, the lake's type, and those values there. */
const mappings: Record<string, Mapping> = {
  boolean: { type: { kind: 'boolean' }, cells: [false, true], lake: 'BOOLEAN', texts: ['false', 'true'] },
  int8: { type: integer(8, true), cells: [-128, 127], lake: 'TINYINT', texts: ['-128', '127'] },
  int16: { type: integer(16, true), cells: [-32768, 32767], lake: 'SMALLINT', texts: ['-32768', '32767'] },
  int32: {
    type: integer(32, true),
    cells: [-(2 ** 31), 2 ** 31 - 1],
    lake: 'INTEGER',
    texts: ['-2147483648', '2147483647'],
  },
  int64: {
    type: integer(64, true),
    cells: [-(2n ** 63n), 2n ** 63n - 1n],
    lake: 'BIGINT',
    texts: ['-9223372036854775808', '9223372036854775807'],
  },
  uint8: { type: integer(8, false), cells: [0, 255], lake: 'SMALLINT', texts: ['0', '255'] },
  uint16: { type: integer(16, false), cells: [0, 65535], lake: 'INTEGER', texts: ['0', '65535'] },
  uint32: { type: integer(32, false), cells: [0, 2 ** 32 - 1], lake: 'BIGINT', texts: ['0', '4294967295'] },
  uint64: {
    type: integer(64, false),
    cells: [0n, 2n ** 64n - 1n],
    lake: 'DECIMAL(20,0)',
    texts: ['0', '18446744073709551615'],
  },
  float: { type: { kind: 'float' }, cells: [-1.5, 0.25], lake: 'FLOAT', texts: ['-1.5', '0.25'] },
  double: { type: { kind: 'double' }, cells: [-1e308, 0.1], lake: 'DOUBLE', texts: ['-1e+308', '0.1'] },
  'decimal(9,2)': {
    type: { kind: 'decimal', precision: 9, scale: 2 },
    cells: [-1n, 999999999n],
    lake: 'DECIMAL(9,2)',
    texts: ['-0.01', '9999999.99'],
  },
  'decimal(18,4)': {
    type: { kind: 'decimal', precision: 18, scale: 4 },
    cells: [-(10n ** 18n) + 1n, 1n],
    lake: 'DECIMAL(18,4)',
    texts: ['-99999999999999.9999', '0.0001'],
  },
  'decimal(38,10)': {
    type: { kind: 'decimal', precision: 38, scale: 10 },
    cells: [-(10n ** 38n) + 1n, 1n],
    lake: 'DECIMAL(38,10)',
    texts: ['-9999999999999999999999999999.9999999999', '0.0000000001'],
  },
  date: { type: { kind: 'date' }, cells: [-719162, 19782], lake: 'DATE', texts: ['0001-01-01', '2024-02-29'] },
  timestamp: {
    type: { kind: 'timestamp', digits: 3 },
    cells: [-62135596800000000n, 1709208000123000n],
    lake: 'TIMESTAMP WITH TIME ZONE',
    texts: ['0001-01-01 00:00:00+00', '2024-02-29 12:00:00.123+00'],
  },
  text: { type: { kind: 'text' }, cells: ['', 'ünï🦆 "x"'], lake: 'VARCHAR', texts: ['', 'ünï🦆 "x"'] },
  bytes: {
    type: { kind: 'bytes' },
    cells: [new Uint8Array([]), new Uint8Array([0, 255])],
    lake: 'BLOB',
    texts: ['', '\\x00\\xFF'],
  },
}

async function landColumns(
  lab: Lab,
  key: string,
  columns: readonly FileColumn[],
  writer: string,
  settings = defaultSettings,
) {
  const write = writers[writer] ?? arrowParquet
  await lab.landBytes(`s/t/${key}.parquet`, write(columns, settings))
}

async function lakeColumn(lab: Lab, name: string): Promise<{ type: unknown; texts: unknown[] }> {
  const rows = await lab.sql(
    `select typeof("${name}") as type, "${name}"::varchar as text from read_parquet('${lab.lake}/s/t/*.parquet') order by id`,
  )
  return { type: rows[0]?.type, texts: rows.map(({ text }) => text) }
}

const ids = (first: number, count: number): FileColumn => ({
  name: 'id',
  type: integer(32, true),
  required: false,
  cells: Array.from({ length: count }, (_, at) => first + at),
})
const operations = (...cells: string[]): FileColumn => ({ name: 'Op', type: { kind: 'text' }, required: false, cells })

describe.for(Object.keys(writers))('every type of a landing file by %s', (writer) => {
  test('becomes a type that all readers have, with its values, and is updated', async ({ lab }) => {
    const columns = (values: (cells: readonly Cell[]) => readonly Cell[]) =>
      Object.entries(mappings).map(
        ([name, { type, cells }]): FileColumn => ({ name, type, required: false, cells: values(cells) }),
      )
    const expected = (values: (texts: readonly (string | null)[]) => readonly (string | null)[]) =>
      Object.fromEntries(
        Object.entries(mappings).map(([name, { lake, texts }]) => [name, { type: lake, texts: values(texts) }]),
      )
    const inLake = async () =>
      Object.fromEntries(
        await Promise.all(Object.keys(mappings).map(async (name) => [name, await lakeColumn(lab, name)] as const)),
      )
    await landColumns(lab, 'LOAD00000001', [ids(1, 3), ...columns((cells) => [...cells, null])], writer)
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await inLake()).toEqual(expected((texts) => [...texts, null]))
    const swapped = columns((cells) => [...[...cells].reverse(), null])
    await landColumns(lab, '20240101-000000000', [operations('U', 'U', 'U'), ids(1, 3), ...swapped], writer)
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 2, unchanged: 1 }, error: null })
    expect(await inLake()).toEqual(expected((texts) => [...[...texts].reverse(), null]))
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('as a key that an update and a deletion find', async ({ lab }) => {
    for (const [name, { type, cells }] of Object.entries(mappings)) {
      const table = name.replaceAll(/[^a-z0-9]/gu, '_')
      const load: FileColumn[] = [{ name: 'k', type, required: false, cells }, ids(1, 2)]
      await lab.landBytes(
        `keys/${table}/LOAD00000001.parquet`,
        (writers[writer] ?? arrowParquet)(load, defaultSettings),
      )
      const changes = [operations('U', 'D'), { ...load[0], cells } as FileColumn, ids(7, 2)]
      await lab.landBytes(
        `keys/${table}/20240101-000000000.parquet`,
        (writers[writer] ?? arrowParquet)(changes, defaultSettings),
      )
    }
    await lab.run()
    await lab.set('keys.*', { active: true, primaryKey: 'k' })
    const reports = await lab.run()
    expect(reports.map(({ table, changes, error }) => ({ table, changes, error }))).toEqual(
      reports.map(({ table }) => ({
        table,
        changes: { inserted: 2, updated: 1, deleted: 1, unchanged: 0, ignored: 0 },
        error: null,
      })),
    )
    expect(reports).toHaveLength(Object.keys(mappings).length)
  })
})

describe('timestamps', () => {
  const moment = (cells: readonly bigint[]): FileColumn => ({
    name: 'v',
    type: { kind: 'timestamp', digits: 6 },
    required: false,
    cells,
  })
  const micros = { ...defaultSettings, ParquetTimestampInMillisecond: false }

  test('of files with and without a logical type, in milli- and microseconds, are one column', async ({ lab }) => {
    const at = 1709208000123456n
    await landColumns(lab, 'LOAD00000001', [ids(1, 1), moment([at])], 'DMS itself')
    await landColumns(lab, 'LOAD00000002', [ids(2, 1), moment([at])], 'DMS itself', micros)
    await landColumns(lab, 'LOAD00000003', [ids(3, 1), moment([at])], 'the Arrow libraries')
    await landColumns(lab, 'LOAD00000004', [ids(4, 1), moment([at])], 'the Arrow libraries', micros)
    await lab.land(
      's/t/LOAD00000005.parquet',
      `select 5::integer as id, timestamptz '2024-02-29 13:00:00.123456+01' as v`,
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    const [millis, exact] = ['2024-02-29 12:00:00.123+00', '2024-02-29 12:00:00.123456+00']
    expect(await lakeColumn(lab, 'v')).toEqual({
      type: 'TIMESTAMP WITH TIME ZONE',
      texts: [millis, exact, millis, exact, exact],
    })
  })
})

test('a time of day becomes text with six fraction digits', async ({ lab }) => {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf({ id: 'integer', v: 'time' }, [
      [1, '00:00:00'],
      [2, '23:59:59.999999'],
      [3, '12:34:56.789'],
      [4, null],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  await lab.run()
  expect(await lakeColumn(lab, 'v')).toEqual({
    type: 'VARCHAR',
    texts: ['00:00:00.000000', '23:59:59.999999', '12:34:56.789000', null],
  })
})

describe('a column that the lake cannot hold', () => {
  const nested: [string, string][] = [
    ['a list', '[1, 2]'],
    ['a struct', `{'a': 1, 'b': 'x'}`],
    ['a map', `map {'a': 1}`],
    ['a list of structs', `[{'a': 1}]`],
  ]
  test.for(nested)('%s holds the table with its name', async ([, value], { lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', `select 1::integer as id, ${value} as deep, 'x' as v`)
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', version: null, error: { kind: 'bad-landing' } })
    expect(report.error?.message).toBe(
      'read landing file LOAD00000001.parquet: column "deep" is NESTED, which the lake cannot hold',
    )
  })

  test('that turns up in a change file holds the table at that file', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', `select 1::integer as id`)
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    await lab.land('s/t/20240101-000000000.parquet', `select 'I' as "Op", 2::integer as id`)
    await lab.land('s/t/20240101-000000001.parquet', `select 'I' as "Op", 3::integer as id, [1] as deep`)
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', files: 1, changes: { inserted: 1 } })
    expect(report.error?.message).toContain('20240101-000000001.parquet: column "deep"')
  })
})
