import { decimalText } from '../../sample-db/csv.ts'

/**
 * Every type that DMS writes to Parquet, with the values that are hard, and what the lake holds of it. A value has one text,
 * whatever wrote or reads it: whole numbers and decimals by their digits, floats as JavaScript prints them, dates and
 * timestamps (UTC, microseconds) by ISO 8601, times with six digits, bytes as hex.
 */
export type DmsType = {
  /** Its name as a column. */
  readonly name: string
  readonly file: FileType
  /** Delta's name of the lake's type. */
  readonly lake: string
  readonly texts: readonly string[]
}

export type FileType =
  | { readonly kind: 'boolean' | 'float' | 'double' | 'date' | 'string' | 'binary' }
  | { readonly kind: 'integer'; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | {
      readonly kind: 'decimal'
      readonly precision: number
      readonly scale: number
      readonly as: 'INT32' | 'INT64' | 'FIXED_LEN_BYTE_ARRAY'
    }
  | { readonly kind: 'time'; readonly unit: 'MILLIS' | 'MICROS' }
  /** `logical` null: only the old converted type, as in DMS's own files. */
  | { readonly kind: 'timestamp'; readonly unit: 'MILLIS' | 'MICROS'; readonly logical: 'utc' | 'local' | null }

const integerLakeTypes = {
  int8: 'byte',
  int16: 'short',
  int32: 'integer',
  int64: 'long',
  uint8: 'short',
  uint16: 'integer',
  uint32: 'long',
  uint64: 'decimal(20,0)',
} as const

const integers = ([8, 16, 32, 64] as const).flatMap((bits) =>
  [true, false].map((signed): DmsType => {
    const name = `${signed ? '' : 'u'}int${String(bits)}` as keyof typeof integerLakeTypes
    const span = 2n ** BigInt(bits - (signed ? 1 : 0))
    const values = signed ? [-span, span - 1n, -1n, 0n, 1n] : [0n, span - 1n, span / 2n, span / 2n - 1n, 1n]
    return { name, file: { kind: 'integer', bits, signed }, lake: integerLakeTypes[name], texts: values.map(String) }
  }),
)

const floats = (most: string, leastNormal: string, least: string) => {
  const finite = [most, leastNormal, least, '0.1'].flatMap((text) => [text, `-${text}`])
  return [...finite, '0', '-0', 'NaN', 'Infinity', '-Infinity', '1e-7', '123456792']
}

const days =
  '0001-01-01 1582-10-04 1582-10-15 1899-12-31 1969-12-31 1970-01-01 1900-02-28 2000-02-29 2024-02-29 9999-12-31'

const moments = (digits: 3 | 6) => {
  const least = digits === 3 ? '001000' : '000001'
  const most = digits === 3 ? '999000' : '999999'
  return [
    `0001-01-01T00:00:00.000000Z`,
    `1582-10-04T23:59:59.${most}Z`,
    `1899-12-31T23:59:59.${most}Z`,
    `1969-12-31T23:59:59.${most}Z`,
    `1970-01-01T00:00:00.${least}Z`,
    `2000-02-29T12:34:56.789000Z`,
    `2024-02-29T23:59:59.${most}Z`,
    `2262-04-12T00:00:00.${least}Z`,
    `9999-12-31T23:59:59.${most}Z`,
  ]
}

const timestamps = (['MILLIS', 'MICROS'] as const).flatMap((unit) =>
  ([null, 'utc', 'local'] as const).map((logical): DmsType => {
    const name = `timestamp_${unit.toLowerCase()}_${logical ?? 'converted'}`
    return {
      name,
      file: { kind: 'timestamp', unit, logical },
      lake: 'timestamp',
      texts: moments(unit === 'MILLIS' ? 3 : 6),
    }
  }),
)

/** Around the bounds' cut at 32 characters, and characters whose order in UTF-16 is not that of UTF-8. */
const strings = [
  '',
  'a',
  'a ',
  ' ',
  'A',
  'NULL',
  '07094',
  'line one\nline two\r\n',
  'tab\t"quotes" \'single\' \\ back',
  '\u{1F986}\u{10FFFF}',
  '\u{FFFD}',
  'e\u0301 \u00e9',
  `${'x'.repeat(31)}\u{1F600}${'y'.repeat(300)}`,
  `${'\u{10FFFF}'.repeat(40)}`,
  'zero\0byte',
]

export const plainTypes: readonly DmsType[] = [
  ...integers,
  { name: 'boolean', file: { kind: 'boolean' }, lake: 'boolean', texts: ['false', 'true'] },
  {
    ...{ name: 'float', file: { kind: 'float' }, lake: 'float' },
    texts: floats('3.4028234663852886e+38', '1.1754943508222875e-38', '1.401298464324817e-45').map((text) =>
      String(Math.fround(Number(text))).replace(/^0$/u, text === '-0' ? '-0' : '0'),
    ),
  },
  {
    ...{ name: 'double', file: { kind: 'double' }, lake: 'double' },
    texts: floats('1.7976931348623157e+308', '2.2250738585072014e-308', '5e-324'),
  },
  { name: 'date', file: { kind: 'date' }, lake: 'date', texts: days.split(' ') },
  ...(['MILLIS', 'MICROS'] as const).map((unit): DmsType => {
    const last = unit === 'MILLIS' ? '23:59:59.999000' : '23:59:59.999999'
    const file = { kind: 'time', unit } as const
    return {
      name: `time_${unit.toLowerCase()}`,
      file,
      lake: 'string',
      texts: ['00:00:00.000000', '12:34:56.789000', last],
    }
  }),
  ...timestamps,
  { name: 'string', file: { kind: 'string' }, lake: 'string', texts: strings },
  {
    name: 'binary',
    file: { kind: 'binary' },
    lake: 'binary',
    texts: ['', '00', 'ff', '00ff', 'c3a9', 'ff'.repeat(300)],
  },
]

const precisionsMax = { INT32: 9, INT64: 18, FIXED_LEN_BYTE_ARRAY: 38 } as const

/** All precisions that a physical form can hold; scales from none to all of the digits. */
export function decimalTypes(as: keyof typeof precisionsMax): readonly DmsType[] {
  return Array.from({ length: precisionsMax[as] }, (_, at): DmsType => {
    const precision = at + 1
    return decimalType(
      as,
      precision,
      [0, precision, Math.floor(precision / 2), Math.min(2, precision)][at % 4] as number,
    )
  })
}

function decimalType(as: keyof typeof precisionsMax, precision: number, scale: number): DmsType {
  const most = 10n ** BigInt(precision) - 1n
  const texts = [most, -most, 0n, 1n, -1n].map((value) => decimalText(value, scale))
  const [name, lake] = [
    `decimal_${String(precision)}_${String(scale)}`,
    `decimal(${String(precision)},${String(scale)})`,
  ]
  return { name, file: { kind: 'decimal', precision, scale, as }, lake, texts }
}

/** A table that has each type as a column: its rows take each type's values in turn, and the last is NULL throughout. */
export type TypedTable = {
  readonly types: readonly DmsType[]
  readonly ids: readonly number[]
  /** Row by row, in the order of the types. */
  readonly rows: readonly (readonly (string | null)[])[]
}

export function tableOf(types: readonly DmsType[], { from = 1, shift = 0 } = {}): TypedTable {
  const count = Math.max(...types.map(({ texts }) => texts.length))
  const row = (at: number) => types.map(({ texts }) => texts[(at + shift) % texts.length] as string)
  const rows = [...Array.from({ length: count }, (_, at) => row(at)), types.map(() => null)]
  return { types, ids: rows.map((_, at) => from + at), rows }
}

/** Delta keeps bounds of the first 32 columns: no group has more, with its key. */
export const typeGroups: Readonly<Record<string, readonly DmsType[]>> = {
  plain: plainTypes,
  decimals_int32_int64: [...decimalTypes('INT32'), ...decimalTypes('INT64').slice(9)],
  decimals_int64_small: decimalTypes('INT64').slice(0, 9),
  decimals_fixed_low: decimalTypes('FIXED_LEN_BYTE_ARRAY').slice(0, 19),
  decimals_fixed_high: [
    ...decimalTypes('FIXED_LEN_BYTE_ARRAY').slice(19),
    decimalType('FIXED_LEN_BYTE_ARRAY', 38, 0),
    decimalType('FIXED_LEN_BYTE_ARRAY', 38, 19),
  ],
}
