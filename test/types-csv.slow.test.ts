import { describe, expect } from 'vitest'
import { ident } from '../src/engine/sql.ts'
import { columnsOf, hyparquetFile, type TypedFile } from './support/dms-parquet.ts'
import { tableOf, typeGroups } from './support/dms-types.ts'
import { test } from './support/lab-test.ts'
import { engineType, lakeRows, lakeTypes, textRows } from './support/typed-rows.ts'

function csvFile(file: TypedFile, delimiter: string): string {
  const columns = columnsOf(file)
  const line = (row: number) => columns.map(({ texts }) => csvField(texts[row] ?? null, delimiter)).join(delimiter)
  return file.ids.map((_, row) => `${line(row)}\n`).join('')
}

function csvField(text: string | null, delimiter: string): string {
  if (text === null) return ''
  return text === '' || /["\r\n]/u.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text
}

describe.for(Object.entries(typeGroups))('every value of %s', ([group, types]) => {
  test('arrives by CSV in its declared type, and is equal to the same by Parquet', async ({ lab }) => {
    const delimiter = group === 'plain' ? ',' : ';'
    const table = tableOf(types)
    const declared = ['id int', ...types.map(({ name, lake }) => `${ident(name)} ${lake}`)].join(', ')
    await lab.landBytes('s/t/LOAD00000001.csv', csvFile(table, delimiter))
    await lab.set('s.t', { active: true, primaryKey: 'id', csvColumns: declared, csvDelimiter: delimiter })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await lakeRows(lab, 's.t', types)).toEqual(textRows(table))
    const lakeTypesOf = Object.fromEntries(types.map(({ name, lake }) => [name, engineType(lake)]))
    expect(await lakeTypes(lab, 's.t')).toEqual({ id: 'INTEGER', ...lakeTypesOf })

    const again = { ...table, operations: table.ids.map(() => 'U' as const) }
    const unchanged = { filesAdded: 0, error: null, changes: { unchanged: table.ids.length, updated: 0 } }
    await lab.landBytes('s/t/20240101-000000001.parquet', hyparquetFile(again))
    expect(await lab.runOne('s.t')).toMatchObject(unchanged)

    const next = { ...tableOf(types, { shift: 1 }), operations: again.operations }
    await lab.landBytes('s/t/20240101-000000002.csv', csvFile(next, delimiter))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await lakeRows(lab, 's.t', types)).toEqual(textRows(next))
    await lab.landBytes('s/t/20240101-000000003.csv', csvFile(next, delimiter))
    expect(await lab.runOne('s.t')).toMatchObject(unchanged)
  })
})
