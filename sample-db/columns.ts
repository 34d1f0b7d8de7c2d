import { DmscdcError } from '../src/errors.ts'

/** A column's type in DMS's own terms, as far as it shows in a target file. */
export type ColumnType =
  | { readonly kind: 'boolean' | 'float' | 'double' | 'date' | 'text' | 'bytes' }
  /** `year`: its 0000 comes out of the binlog as 1900, which no year column holds. */
  | { readonly kind: 'integer'; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean; readonly year?: true }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  /** `digits` of the fraction of a second that the source keeps. */
  | { readonly kind: 'timestamp'; readonly digits: number }

/**
 * A value in the one form that every writer takes: boolean; number (integers up to 32 bits, floats, a date as days since 1970);
 * bigint (64-bit integers, a decimal's unscaled value, a timestamp as microseconds since 1970); text; bytes; null.
 */
export type Cell = boolean | number | bigint | string | Uint8Array | null

/** A source column. `columnType` is the server's own text for it: `int(10) unsigned`, `enum('a','b')`. */
export type SourceColumn = {
  readonly name: string
  readonly columnType: string
  /** Null for columns that hold no text. */
  readonly charset: string | null
}

/** How DMS maps a MySQL or MariaDB type. Throws `invalid-config` for a type that the stand-in does not know. */
export function typeOf(column: SourceColumn): ColumnType {
  const [, word = '', size] = /^([a-z0-9]+)(?:\s*\(([^)]*)\))?/iu.exec(column.columnType) ?? []
  const name = word.toLowerCase()
  const signed = !/\bunsigned\b|\bzerofill\b/iu.test(column.columnType)
  const bits = integerBits[name]
  if (bits !== undefined) return { kind: 'integer', bits, signed }
  if (decimalNames.has(name)) return decimalType(size)
  if (name === 'datetime' || name === 'timestamp') return { kind: 'timestamp', digits: Number(size ?? 0) }
  if (name === 'bit') return { kind: Number(size ?? 1) === 1 ? 'boolean' : 'bytes' }
  if (name === 'year') return { kind: 'integer', bits: 16, signed: true, year: true }
  if (name === 'float') return { kind: Number(size?.split(',')[0] ?? 0) > 24 ? 'double' : 'float' }
  if (name === 'double' || name === 'real') return { kind: 'double' }
  if (name === 'date') return { kind: 'date' }
  if (textNames.has(name)) return { kind: 'text' }
  if (bytesNames.has(name)) return { kind: 'bytes' }
  throw new DmscdcError(
    'invalid-config',
    `column "${column.name}" has type ${name}, which the DMS stand-in does not know`,
    {
      hint: 'leave the table out with --table, or add the type to sample-db/columns.ts',
    },
  )
}

/** Large objects, which the before-image mode `non-lob` leaves out. */
export function isLob(column: SourceColumn): boolean {
  return /^(?:tiny|medium|long)?(?:text|blob)|^json/iu.test(column.columnType)
}

/** A value as the server or the binlog gives it (text, number, bytes, null) in the form that the writers take. */
export function cellOf(type: ColumnType, raw: unknown): Cell {
  if (raw === null || raw === undefined) return null
  switch (type.kind) {
    case 'boolean':
      return (raw as Uint8Array).at(-1) === 1
    case 'integer':
      if (type.year && Number(raw) === 1900) return 0
      return type.bits === 64 ? BigInt(raw as string | number) : Number(raw)
    case 'float':
    case 'double':
      return Number(raw)
    case 'decimal':
      return BigInt(String(raw).replace('.', ''))
    case 'date':
      return daysOf(String(raw))
    case 'timestamp':
      return microsOf(String(raw))
    case 'text':
      return String(raw)
    case 'bytes':
      return raw as Uint8Array
  }
}

const integerBits: Readonly<Record<string, 8 | 16 | 32 | 64>> = {
  tinyint: 8,
  bool: 8,
  boolean: 8,
  smallint: 16,
  mediumint: 32,
  int: 32,
  integer: 32,
  bigint: 64,
}
const decimalNames = new Set(['decimal', 'numeric', 'dec', 'fixed'])
const textNames = new Set(
  'char varchar tinytext text mediumtext longtext enum set json time nchar nvarchar uuid inet4 inet6'.split(' '),
)
const bytesNames = new Set('binary varbinary tinyblob blob mediumblob longblob'.split(' '))

/** Parquet readers stop at 38 digits, where DMS writes text. */
function decimalType(size: string | undefined): ColumnType {
  const [precision = 10, scale = 0] = (size ?? '10,0').split(',').map(Number)
  return precision > 38 ? { kind: 'text' } : { kind: 'decimal', precision, scale }
}

/** Days since 1970; null for a date with a zero part, which no Parquet date can say. */
function daysOf(text: string): number | null {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number)
  if (month === 0 || day === 0) return null
  return new Date(0).setUTCFullYear(year, month - 1, day) / 86_400_000
}

function microsOf(text: string): bigint | null {
  const [date = '', time = '0:0:0'] = text.split(' ')
  const days = daysOf(date)
  if (days === null) return null
  const [hour = '0', minute = '0', second = '0'] = time.split(':')
  const [whole = '0', fraction = ''] = second.split('.')
  const seconds = days * 86_400 + Number(hour) * 3_600 + Number(minute) * 60 + Number(whole)
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
}
