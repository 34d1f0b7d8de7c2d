import { join } from 'node:path'
import { beforeAll, describe, expect, test as plainTest } from 'vitest'
import { hyparquetFile } from './support/dms-parquet.ts'
import { type DmsType, decimalTypes, plainTypes, tableOf, typeGroups } from './support/dms-types.ts'
import { askMsMax, type PyarrowOptions, readTyped, type TypedRead, writePyarrow } from './support/engines.ts'
import { type Lab, openLab } from './support/lab.ts'
import { pythonReaders } from './support/python.ts'
import { openSpark } from './support/spark.ts'
import { textRows } from './support/typed-rows.ts'

const python = await pythonReaders()
const spark = python === null ? null : await openSpark()

/** All types in one table: a table takes Spark a second. */
const wide = [...plainTypes, ...decimalTypes('FIXED_LEN_BYTE_ARRAY')]

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
  for (const kind of ['folder', 'delta'])
    for (const [group, types] of Object.entries({ ...typeGroups, wide })) {
      const table = `${kind}_${group}`
      await lab.landBytes(`s/${table}/LOAD00000001.parquet`, hyparquetFile(tableOf(types)))
      await lab.landBytes(
        `s/${table}/20240101-000000000.parquet`,
        hyparquetFile({ ...tableOf(types, { from: 101 }), operations: tableOf(types).ids.map(() => 'I') }),
      )
      await lab.set(`s.${table}`, { active: true, primaryKey: 'id', ...(kind === 'delta' ? { publish: 'delta' } : {}) })
    }
  const reports = await lab.run({ concurrency: 2 })
  expect(reports.map(({ error }) => error)).toEqual(reports.map(() => null))
  return () => lab.close()
})

function readsOf(engine: TypedRead['engine'], kind: TypedRead['kind']): readonly TypedRead[] {
  const path = (group: string) => join(lab.lake, 's', `${kind}_${group}`)
  return Object.entries(typeGroups).map(([group, types]) => ({ engine, kind, path: path(group), types }))
}

/** Columns that have no bounds in the log here. delta-rs's data set for pyarrow takes that for bounds of NULL, and finds no row by a filter. */
const notBounded = ['boolean', 'float', 'double', 'string']

const expected = (types: readonly DmsType[]) => [
  ...textRows(tableOf(types)),
  ...textRows(tableOf(types, { from: 101 })),
]

describe.skipIf(python === null)('every value of every type, read by', { timeout: askMsMax + 60_000 }, () => {
  const engines = [
    ['duckdb', 'folder'],
    ['duckdb', 'delta'],
    ['pyarrow', 'folder'],
    ['pyarrow', 'delta'],
    ['polars', 'folder'],
    ['polars', 'delta'],
    ['delta-rs', 'delta'],
  ] as const
  plainTest.for(engines)('%s from the %s, is the value that landed, and a filter finds it', async ([engine, kind]) => {
    const reads = readsOf(engine, kind)
    for (const [at, { rows, misses }] of (await readTyped(reads)).entries()) {
      const { types, path } = reads[at] as TypedRead
      expect(rows, path).toEqual(expected(types))
      const missed =
        engine === 'pyarrow' && kind === 'delta'
          ? notBounded.filter((name) => types.some((type) => type.name === name))
          : []
      expect([...new Set(misses.map(([column]) => column))], path).toEqual(missed)
    }
  })

  plainTest.skipIf(spark === null)('spark, is the value that landed, and a filter finds it', async () => {
    const ofEachKind = new Map(wide.map(({ name, lake }) => [lake.replace(/[(].*/u, ''), name]))
    const reads = (['folder', 'delta'] as const).map((kind): TypedRead => {
      const path = join(lab.lake, 's', `${kind}_wide`)
      return { engine: 'spark', kind, path, types: wide, probe: kind === 'delta' ? [...ofEachKind.values()] : [] }
    })
    for (const { rows, misses } of await readTyped(reads, spark as NonNullable<typeof spark>)) {
      expect(rows).toEqual(expected(wide))
      expect(misses).toEqual([])
    }
  })
})

describe.skipIf(python === null)('a partition column of each type but binary', { timeout: askMsMax + 60_000 }, () => {
  /** A folder's name has at most 255 bytes; zero has two forms. */
  const textsOf = ({ texts }: DmsType) => [...texts.filter((text) => text.length <= 200 && text !== '-0'), null]
  const tableOfEach = (type: DmsType) => {
    const texts = textsOf(type)
    return { types: [type], ids: texts.map((_, at) => at + 1), rows: texts.map((text) => [text]) }
  }
  const decimals = decimalTypes('FIXED_LEN_BYTE_ARRAY').filter((_, at) => at % 12 === 1)
  const types = [...plainTypes.filter(({ lake }) => lake !== 'binary'), ...decimals]

  beforeAll(async () => {
    for (const type of types) {
      await lab.landBytes(`parts/${type.name}/LOAD00000001.parquet`, hyparquetFile(tableOfEach(type)))
      await lab.set(`parts.${type.name}`, { active: true, primaryKey: 'id', partitionKey: type.name, publish: 'delta' })
    }
    const tables = types.map(({ name }) => ({ schema: 'parts', table: name }))
    const reports = await lab.run({ tables, concurrency: 2 })
    expect(reports.map(({ error }) => error)).toEqual(reports.map(() => null))
  })

  plainTest.for(['duckdb', 'pyarrow', 'polars', 'delta-rs'] as const)(
    'has its values by %s through the view',
    async (engine) => {
      // These two lose the sign of a negative decimal in the log's text, or fail on it.
      const kept =
        engine === 'duckdb' || engine === 'delta-rs' ? types : types.filter((type) => !decimals.includes(type))
      const reads = kept.map(
        (type): TypedRead => ({
          ...{ engine, kind: 'delta', types: [type], path: join(lab.lake, 'parts', type.name) },
        }),
      )
      for (const [at, { rows }] of (await readTyped(reads)).entries()) {
        const type = kept[at] as DmsType
        const { rows: texts, ...table } = tableOfEach(type)
        const emptyIsNull = texts.map(([text]) => [text === '' ? null : (text ?? null)])
        expect.soft(rows, type.name).toEqual(textRows({ ...table, rows: emptyIsNull }))
      }
    },
  )
})

describe.skipIf(python === null)('what pyarrow writes', { timeout: askMsMax + 60_000 }, () => {
  const variants = (['snappy', 'gzip', 'zstd', 'none'] as const).flatMap((compression) =>
    [true, false].flatMap((use_dictionary) =>
      (['1.0', '2.0'] as const).map(
        (data_page_version): PyarrowOptions => ({
          ...{ compression, use_dictionary, data_page_version },
          store_decimal_as_integer: use_dictionary === (data_page_version === '1.0'),
        }),
      ),
    ),
  )

  plainTest.for(Object.entries(typeGroups))(
    'of %s is equal to what another writer wrote, in every encoding',
    async ([group, types]) => {
      const table = tableOf(types)
      await lab.landBytes(`s/by_${group}/LOAD00000001.parquet`, hyparquetFile(table))
      await lab.set(`s.by_${group}`, { active: true, primaryKey: 'id' })
      expect(await lab.runOne(`s.by_${group}`)).toMatchObject({ status: 'initial', error: null })
      for (const [at, options] of variants.entries()) {
        const path = join(lab.landing, `s/by_${group}/20240101-0000000${String(10 + at)}.parquet`)
        await writePyarrow([{ path, options, file: { ...table, operations: table.ids.map(() => 'U') } }])
        expect(await lab.runOne(`s.by_${group}`), JSON.stringify(options)).toMatchObject({
          ...{ filesAdded: 0, filesRemoved: 0, error: null },
          changes: { unchanged: table.ids.length, updated: 0 },
        })
      }
    },
  )
})
