import { describe, expect } from 'vitest'
import { hyparquetFile, type TypedFile } from './support/dms-parquet.ts'
import { type DmsType, decimalTypes, plainTypes } from './support/dms-types.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { lakeRows, textRows } from './support/typed-rows.ts'

/** Zero has two forms and one value: as a key they are one. */
const oneZero = ({ texts }: DmsType) => texts.filter((text) => text !== '-0')

describe('a column of each type', () => {
  const decimals = [
    ...decimalTypes('INT32').slice(-1),
    ...decimalTypes('INT64').slice(-1),
    ...decimalTypes('FIXED_LEN_BYTE_ARRAY'),
  ]
  const types = [...plainTypes, ...decimals.filter((_, at) => at < 4 || at % 12 === 3)]

  async function run(
    lab: Lab,
    options: (type: DmsType) => { readonly primaryKey: string; readonly partitionKey?: string },
  ) {
    await lab.run()
    for (const [at, type] of types.entries()) await lab.set(`s.t${String(at)}`, { active: true, ...options(type) })
    return settled(lab)
  }

  async function settled(lab: Lab) {
    const reports = await lab.run({ concurrency: 2 })
    return Object.fromEntries(
      reports.map(({ table, changes, filesAdded, error }) => [table, { changes, filesAdded, error }]),
    )
  }

  async function landAll(lab: Lab, name: string, file: (type: DmsType) => TypedFile) {
    for (const [at, type] of types.entries())
      await lab.landBytes(`s/t${String(at)}/${name}.parquet`, hyparquetFile(file(type)))
  }

  /** A folder's name, and so a partition's value, has at most 255 bytes; `NULL` as a folder's value is NULL to DuckDB. */
  const rowsOf = (type: DmsType, from: number) => {
    const texts = [...oneZero(type).filter((text) => text.length <= 200 && text !== 'NULL'), null]
    return { types: [type], ids: texts.map((_, at) => from + at), rows: texts.map((text) => [text]) }
  }

  test('is a key by which updates and deletions find every value, and NULL', async ({ lab }) => {
    await landAll(lab, 'LOAD00000001', (type) => rowsOf(type, 1))
    await run(lab, ({ name }) => ({ primaryKey: name }))
    await landAll(lab, '20240101-000000001', (type) => {
      const file = rowsOf(type, 101)
      return { ...file, operations: file.ids.map((_, at) => (at === 0 ? 'D' : 'U')) }
    })
    const reports = await settled(lab)
    for (const [at, type] of types.entries()) {
      const file = rowsOf(type, 101)
      const changes = { inserted: 0, updated: file.ids.length - 1, deleted: 1, unchanged: 0, ignored: 0 }
      expect(reports[`s.t${String(at)}`], type.name).toMatchObject({ changes, error: null })
      expect(await lakeRows(lab, `s.t${String(at)}`, [type]), type.name).toEqual(textRows(file).slice(1))
    }
  })

  test('but binary is a partition column whose values stand in the folders, and an equal row is written once', async ({
    lab,
  }) => {
    await landAll(lab, 'LOAD00000001', (type) => rowsOf(type, 1))
    await run(lab, ({ name, lake }) => ({ primaryKey: 'id', ...(lake === 'binary' ? {} : { partitionKey: name }) }))
    await landAll(lab, '20240101-000000001', (type) => {
      const file = rowsOf(type, 1)
      return { ...file, operations: file.ids.map(() => 'U') }
    })
    const reports = await settled(lab)
    for (const [at, type] of types.entries()) {
      const { ids, rows } = rowsOf(type, 1)
      expect(reports[`s.t${String(at)}`], type.name).toMatchObject({
        changes: { unchanged: ids.length },
        error: null,
        filesAdded: 0,
      })
      const emptyIsNull = textRows({
        types: [type],
        ids,
        rows: rows.map(([text]) => [text === '' && type.lake === 'string' ? null : (text ?? null)]),
      })
      expect(await lakeRows(lab, `s.t${String(at)}`, [type]), type.name).toEqual(emptyIsNull)
    }
  })
})
