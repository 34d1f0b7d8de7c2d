import { createHash } from 'node:crypto'
import { isHashed, type ValueKind } from './forms.ts'
import type { ComparedColumn, SourceColumn } from './source.ts'

/** A column as `information_schema` describes it. */
export type MysqlColumn = SourceColumn & {
  readonly typeName: string
  readonly size: string | null
  readonly nullable: boolean
}

/** `leads`: the column begins an index. */
export function mysqlColumn(
  name: string,
  columnType: string,
  { leads, nullable }: { readonly leads: boolean; readonly nullable: boolean },
): MysqlColumn {
  const [, word = '', size = null] = /^([a-z0-9]+)(?:\s*\(([^)]*)\))?/iu.exec(columnType) ?? []
  const typeName = word.toLowerCase()
  const isBit = typeName === 'bit' && Number(size ?? 1) > 1
  return {
    name,
    typeText: columnType.split('(')[0]?.trim() ?? columnType,
    typeName,
    size,
    nullable,
    kind: isBit ? 'bytes' : (kinds[typeName] ?? null),
    ranged: leads && integers.has(typeName),
    finerThanMs: ['datetime', 'timestamp'].includes(typeName) && Number(size ?? 0) > 3,
  }
}

const integers = new Set('tinyint smallint mediumint int integer bigint'.split(' '))
const kindNames: Readonly<Partial<Record<ValueKind, string>>> = {
  integer: 'tinyint smallint mediumint int integer bigint year',
  boolean: 'bit',
  decimal: 'decimal numeric',
  real: 'float double real',
  date: 'date',
  datetime: 'datetime timestamp',
  time: 'time',
  text: 'char varchar tinytext text mediumtext longtext enum set json uuid inet4 inet6',
  bytes: 'varbinary tinyblob blob mediumblob longblob',
  'padded-bytes': 'binary',
}
const kinds: Readonly<Record<string, ValueKind>> = Object.fromEntries(
  Object.entries(kindNames).flatMap(([kind, names]) => names.split(' ').map((name) => [name, kind as ValueKind])),
)

/** The server's text of a column in the form in which it is compared. */
export function comparedText(compared: ComparedColumn): string {
  return compared.emptyIsNull ? notEmpty(formText(compared)) : formText(compared)
}

function formText(compared: ComparedColumn): string {
  const value = ident(compared.source.name)
  const { typeName } = compared.source as MysqlColumn
  switch (compared.form) {
    case 'flag':
      return `cast(${value} + 0 <> 0 as char)`
    case 'number':
      return compared.source.kind === 'decimal' ? decimalText(compared) : plainText(compared)
    case 'real':
      return realText(`(${value} + 0e0)`)
    case 'fraction':
      return withoutZeros(plainText(compared))
    case 'millis':
      return `cast(floor(timestampdiff(microsecond, '1970-01-01 00:00:00', ${value}) / 1000) as char)`
    case 'micros':
      return micros(value)
    case 'trimmed-hex':
      return `lower(hex(trim(trailing x'00' from ${value})))`
    case 'text':
      return typeName === 'date' ? dateText(value) : plainText(compared)
    default:
      return plainText(compared)
  }
}

/** The server's text of a whole value, from which the lake's value can be made. */
export function valueText(compared: ComparedColumn): string {
  return compared.emptyIsNull ? notEmpty(plainText(compared)) : plainText(compared)
}

function plainText({ column, source }: ComparedColumn): string {
  const { typeName, size, kind, name } = source as MysqlColumn
  const value = ident(name)
  switch (kind) {
    case 'boolean':
    case 'integer':
      return `cast(${value} + 0 as char)`
    case 'decimal':
      return `cast(${value} + 0 as char)`
    case 'real':
      return `cast(${value} + 0e0 as char)`
    case 'date':
      return dateText(value)
    case 'datetime':
      return column.type.kind === 'string'
        ? `case when ${isWholeDate(value)} then cast(${value} as char) end`
        : micros(value)
    case 'bytes':
      return typeName === 'bit'
        ? `lower(lpad(hex(${value} + 0), ${String(2 * Math.ceil(Number(size) / 8))}, '0'))`
        : `lower(hex(${value}))`
    case 'padded-bytes':
      return `lower(hex(${value}))`
    default:
      return `convert(cast(${value} as char) using utf8mb4)`
  }
}

/** What stands for a column in a row's hash. */
export function print(compared: ComparedColumn): string {
  const text = compared.form === 'real' ? quickReal(`(${ident(compared.source.name)} + 0e0)`) : comparedText(compared)
  return `coalesce(${isHashed(compared) ? `md5(${text})` : text}, '-')`
}

/** The value whose compared text this is (`hex`: of that text) as a literal that an index can be asked for; null: there is none. */
export function keyLiteral(compared: ComparedColumn, hex: string): string | null {
  const text = Buffer.from(hex, 'hex').toString()
  const { kind, size, typeName } = compared.source as MysqlColumn
  switch (compared.form) {
    case 'number':
      return kind !== 'boolean' && /^-?\d+(?:\.\d+)?$/u.test(text) ? text : null
    case 'real':
      return realLiteral(text)
    case 'date':
      return /^\d{4}-\d\d-\d\d$/u.test(text) ? `'${text}'` : null
    case 'micros':
      return /^-?\d+$/u.test(text) ? `timestampadd(microsecond, ${text}, '1970-01-01 00:00:00')` : null
    case 'fraction':
      return /^[-\d: .]+$/u.test(text) ? `'${text}'` : null
    case 'text':
      return kind === 'text' && typeName !== 'json' ? `_utf8mb4 x'${hex}'` : null
    case 'hex':
      return typeName !== 'bit' && isHex(text) ? `x'${text}'` : null
    case 'trimmed-hex':
      return isHex(text) ? `x'${text.padEnd(2 * Number(size ?? 1), '0')}'` : null
    default:
      return null
  }
}

/** The print that `print` makes of a compared text. */
export function printOfText(compared: ComparedColumn, hex: string | null): string {
  if (hex === null) return '-'
  const bytes = Buffer.from(hex, 'hex')
  const text = compared.form === 'real' ? quickTextOf(bytes.toString()) : bytes
  return isHashed(compared) ? createHash('md5').update(text).digest('hex') : text.toString()
}

/** The quick text of `realText`'s. */
function quickTextOf(text: string): string {
  const [, digits, power] = /^(-?\d+)e(-?\d+)$/u.exec(text) ?? []
  return digits === undefined ? text : digits === '0' ? '0' : `${digits}e${String(Number(power) - 1)}`
}

/** `-123e2` is -0.123e2. */
function realLiteral(text: string): string | null {
  const [, sign = '', digits, power] = /^(-?)(\d+)e(-?\d+)$/u.exec(text) ?? []
  return digits === undefined ? null : `${sign}0.${digits}e${power ?? ''}`
}

export function ident(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** Not by `nullif`, to which blanks are empty. */
const notEmpty = (text: string) => `case when length(${text}) > 0 then ${text} end`
const isHex = (text: string) => /^(?:[0-9a-f]{2})*$/u.test(text)

/** DMS writes a date with a zero part as NULL. */
const isWholeDate = (value: string) => `month(${value}) > 0 and dayofmonth(${value}) > 0`
const dateText = (value: string) => `case when ${isWholeDate(value)} then cast(${value} as char) end`
const micros = (value: string) => `cast(timestampdiff(microsecond, '1970-01-01 00:00:00', ${value}) as char)`

/** A decimal prints as many digits after the point as its type has. */
function decimalText(compared: ComparedColumn): string {
  const { size } = compared.source as MysqlColumn
  const text = plainText(compared)
  return /,\s*0*[1-9]/u.test(size ?? '') ? `trim(trailing '.' from trim(trailing '0' from ${text}))` : text
}

function withoutZeros(text: string): string {
  return `case when locate('.', ${text}) > 0 then trim(trailing '.' from trim(trailing '0' from ${text})) else ${text} end`
}

/** See `quickReal` of forms.ts. */
function quickReal(value: string): string {
  const digits = `trim(both '0' from replace(substring_index(cast(abs(${value}) as char), 'e', 1), '.', ''))`
  return `case when ${value} = 0 then '0'
    else concat(case when ${value} < 0 then '-' else '' end, ${digits}, 'e', cast(floor(log10(abs(${value}))) as signed)) end`
}

/** See `realText` of forms.ts: the same arrangement of the fewest digits. */
function realText(value: string): string {
  const text = `cast(abs(${value}) as char)`
  const mantissa = `substring_index(${text}, 'e', 1)`
  const power = `case when locate('e', ${text}) > 0 then cast(substring_index(${text}, 'e', -1) as signed) else 0 end`
  const digits = `replace(${mantissa}, '.', '')`
  const whole = `char_length(substring_index(${mantissa}, '.', 1))`
  const leading = `char_length(${digits}) - char_length(trim(leading '0' from ${digits}))`
  return `case when ${value} = 0 then '0e0'
    else concat(case when ${value} < 0 then '-' else '' end, trim(both '0' from ${digits}), 'e', cast((${power}) + ${whole} - (${leading}) as char)) end`
}
