import { expect } from 'vitest'
import { hyparquetFile } from './support/dms-parquet.ts'
import { type DmsType, decimalTypes, plainTypes } from './support/dms-types.ts'
import { test } from './support/lab-test.ts'
import { lakeRows, textRows } from './support/typed-rows.ts'

const fixed = decimalTypes('FIXED_LEN_BYTE_ARRAY')

function typeOf(name: string): DmsType {
  const found = [...plainTypes, ...fixed].find((type) => type.name === name)
  if (found === undefined) throw new Error(`there is no type ${name}`)
  return { ...found, name: 'v' }
}

const same = (text: string) => text

/** The narrow type, the wide one, the lake's type for both, and how a value of the narrow one reads there. */
const widenings: readonly [string, string, string, (text: string) => string][] = [
  ['int8', 'int16', 'short', same],
  ['int16', 'int32', 'integer', same],
  ['int32', 'int64', 'long', same],
  ['uint8', 'int8', 'short', same],
  ['uint16', 'uint32', 'long', same],
  ['int64', 'uint64', 'decimal(20,0)', same],
  ['int32', 'double', 'double', same],
  ['float', 'double', 'double', same],
  ['int64', 'decimal_36_2', 'decimal(36,2)', (text) => `${text}.00`],
  ['decimal_3_1', 'decimal_4_2', 'decimal(4,2)', (text) => `${text}0`],
  ['decimal_18_18', 'decimal_19_9', 'decimal(28,18)', same],
  ['date', 'timestamp_micros_local', 'timestamp', (text) => `${text}T00:00:00.000000Z`],
]

test.for(widenings)(
  'every value of %s stays itself when the column becomes that of %s',
  async ([from, to, lake, widened], { lab }) => {
    const [narrow, wide] = [typeOf(from), typeOf(to)]
    const columnOf = (type: DmsType, first: number) => ({
      types: [type],
      ids: type.texts.map((_, at) => first + at),
      rows: type.texts.map((text) => [text]),
    })
    const [old, added] = [columnOf(narrow, 1), columnOf(wide, 101)]
    await lab.landBytes('s/t/LOAD00000001.parquet', hyparquetFile(old))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    await lab.landBytes(
      's/t/20240101-000000001.parquet',
      hyparquetFile({ ...added, operations: added.ids.map(() => 'I') }),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: added.ids.length }, error: null })

    const inLake: DmsType = { ...wide, lake }
    const scale = Number(/,(\d+)/u.exec(lake)?.[1] ?? 0)
    const padded = (text: string) =>
      lake === 'decimal(28,18)' ? text.padEnd(text.indexOf('.') + 1 + scale, '0') : text
    const kept = { ...old, types: [inLake], rows: old.rows.map(([text]) => [widened(text as string)]) }
    const came = { ...added, types: [inLake], rows: added.rows.map(([text]) => [padded(text as string)]) }
    expect(await lakeRows(lab, 's.t', [inLake])).toEqual([...textRows(kept), ...textRows(came)])

    await lab.landBytes('s/t/20240101-000000002.parquet', hyparquetFile({ ...old, operations: old.ids.map(() => 'U') }))
    expect(await lab.runOne('s.t')).toMatchObject({
      changes: { unchanged: old.ids.length },
      filesAdded: 0,
      error: null,
    })
  },
)
