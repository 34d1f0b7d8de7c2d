import { describe, expect } from 'vitest'
import { arrowFile, arrowHas, hyparquetFile, type TypedFile } from './support/dms-parquet.ts'
import { type DmsType, plainTypes, tableOf, typeGroups } from './support/dms-types.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { engineType, lakeRows, lakeTypes, textRows } from './support/typed-rows.ts'

type Writer = { readonly write: (file: TypedFile) => Uint8Array; readonly types: readonly DmsType[] }

const arrowTypes = (options: { readonly micros: boolean }) => plainTypes.filter(({ file }) => arrowHas(file, options))

const writers: Readonly<Record<string, Writer>> = {
  ...Object.fromEntries(
    Object.entries(typeGroups).map(([name, types]) => [
      `${name} by hyparquet`,
      { write: (file) => hyparquetFile(file), types },
    ]),
  ),
  'plain in dictionaries, not compressed, by hyparquet': {
    write: (file) => hyparquetFile(file, { dictionary: true, codec: 'UNCOMPRESSED' }),
    types: plainTypes,
  },
  'plain by Arrow, in milliseconds': { write: (file) => arrowFile(file), types: arrowTypes({ micros: false }) },
  'plain by Arrow, in microseconds, gzipped': {
    write: (file) => arrowFile(file, { micros: true, gzip: true }),
    types: arrowTypes({ micros: true }),
  },
  'decimals by Arrow': {
    write: (file) => arrowFile(file),
    types: typeGroups.decimals_fixed_high as readonly DmsType[],
  },
}

const nothingWritten = { filesAdded: 0, filesRemoved: 0, filesRewritten: 0, error: null }

const all = (count: number, operation: 'I' | 'U' | 'D') => Array.from({ length: count }, () => operation)

async function loaded(lab: Lab, { write }: Writer, file: TypedFile) {
  await lab.landBytes('s/t/LOAD00000001.parquet', write(file))
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
}

async function changed(lab: Lab, { write }: Writer, at: number, file: TypedFile) {
  await lab.landBytes(`s/t/20240101-00000000${String(at)}.parquet`, write(file))
  return lab.runOne('s.t')
}

describe.for(Object.entries(writers))('every value of %s', ([, writer]) => {
  const table = tableOf(writer.types)
  const count = table.ids.length

  test('arrives in a full load, in the type that the lake has for it, and is written no second time', async ({
    lab,
  }) => {
    await loaded(lab, writer, table)
    expect(await lakeRows(lab, 's.t', writer.types)).toEqual(textRows(table))
    const types = Object.fromEntries(writer.types.map(({ name, lake }) => [name, engineType(lake)]))
    expect(await lakeTypes(lab, 's.t')).toEqual({ id: 'INTEGER', ...types })
    const report = await changed(lab, writer, 1, { ...table, operations: all(count, 'U') })
    expect(report).toMatchObject({ ...nothingWritten, changes: { unchanged: count, updated: 0 } })
  })

  test('arrives in changes: inserted, updated to the next value, deleted', async ({ lab }) => {
    await loaded(lab, writer, table)
    const next = tableOf(writer.types, { shift: 1 })
    const added = tableOf(writer.types, { from: 1001 })
    expect(await changed(lab, writer, 1, { ...next, operations: all(count, 'U') })).toMatchObject({ error: null })
    expect(await changed(lab, writer, 2, { ...added, operations: all(count, 'I') })).toMatchObject({
      changes: { inserted: count },
      error: null,
    })
    const gone = { ...table, ids: table.ids.slice(0, 2), rows: table.rows.slice(0, 2) }
    expect(await changed(lab, writer, 3, { ...gone, operations: all(2, 'D') })).toMatchObject({
      changes: { deleted: 2 },
    })
    expect(await lakeRows(lab, 's.t', writer.types)).toEqual([...textRows(next).slice(2), ...textRows(added)])
    expect(await changed(lab, writer, 4, { ...added, operations: all(count, 'I') })).toMatchObject(nothingWritten)
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })
})
