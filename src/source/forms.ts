import type { LakeType } from '../domain.ts'
import type { ComparedColumn } from './source.ts'

/** What a source's values are, whatever the source calls the type. */
export type ValueKind =
  | 'boolean'
  | 'integer'
  | 'decimal'
  | 'real'
  | 'date'
  | 'datetime'
  | 'time'
  | 'text'
  | 'bytes'
  /** Filled up with zero bytes to its length, which some change streams leave out. */
  | 'padded-bytes'

/**
 * The text in which a value is compared, made by both sides in SQL:
 * `flag` 0 or 1 · `number` without needless zeros · `real` sign, significant digits, e, power of ten · `date` 2024-01-31 ·
 * `micros`, `millis` since 1970 · `fraction` a time's own text without needless zeros at its end · `text` as it is ·
 * `hex` lower case · `trimmed-hex` without zero bytes at the end.
 */
export type Form =
  | 'flag'
  | 'number'
  | 'real'
  | 'date'
  | 'micros'
  | 'millis'
  | 'fraction'
  | 'text'
  | 'hex'
  | 'trimmed-hex'

/** The form in which the lake's type and the source's kind can be compared; null: they cannot. */
export function formOf(type: LakeType, kind: ValueKind | null): Form | null {
  if (kind === null) return null
  return (type.kind === 'string' ? formsAsText : (formsByType[type.kind] ?? {}))[kind] ?? null
}

type Forms = Partial<Readonly<Record<ValueKind, Form>>>

const numbers: Forms = { integer: 'number', decimal: 'number', boolean: 'number' }
const reals: Forms = { real: 'real', integer: 'real', decimal: 'real' }
const bytes: Forms = { bytes: 'hex', 'padded-bytes': 'trimmed-hex' }
const formsByType: Readonly<Record<string, Forms>> = {
  boolean: { boolean: 'flag', integer: 'flag' },
  byte: numbers,
  short: numbers,
  integer: numbers,
  long: numbers,
  decimal: numbers,
  float: reals,
  double: reals,
  date: { date: 'date' },
  timestamp: { datetime: 'micros', date: 'micros' },
  binary: bytes,
}
/** Text is what a CSV landing gives to every column that nobody declared. */
const formsAsText: Forms = {
  ...bytes,
  boolean: 'flag',
  integer: 'number',
  decimal: 'number',
  real: 'real',
  date: 'text',
  datetime: 'fraction',
  time: 'fraction',
  text: 'text',
}

/** Whether a column's print is a hash of its text: the text may be long, or hold the comma that parts prints. */
export function isHashed({ column, form }: ComparedColumn): boolean {
  return column.type.kind === 'string' || form === 'hex' || form === 'trimmed-hex'
}

/** DuckDB's text of a lake value in its form. */
export function lakeText({ column, form }: Pick<ComparedColumn, 'column' | 'form'>, value: string): string {
  const isText = column.type.kind === 'string'
  switch (form) {
    case 'flag':
      return isText
        ? `case when lower(${value}) in ('1', 'true', 't') then '1' when ${value} is not null then '0' end`
        : `${value}::integer::varchar`
    case 'number':
      return withoutZeros(`${value}::varchar`)
    case 'real':
      return isText ? `coalesce(${realText(`try_cast(${value} as double)`)}, ${value})` : realText(`${value}::double`)
    case 'date':
      return `${value}::varchar`
    case 'micros':
      return `epoch_us(${value})::varchar`
    case 'millis':
      return `epoch_ms(${value})::varchar`
    case 'fraction':
      return withoutZeros(value)
    case 'text':
      return value
    case 'hex':
      return isText ? `lower(${value})` : `lower(hex(${value}))`
    case 'trimmed-hex':
      return `regexp_replace(${isText ? `lower(${value})` : `lower(hex(${value}))`}, '(00)+$', '')`
  }
}

/** DuckDB's print of a lake value: what stands for it in a row's hash. Equal for equal values, and no two values share one. */
export function lakePrint(compared: ComparedColumn, value: string): string {
  const text = compared.form === 'real' ? quickReal(compared, value) : lakeText(compared, value)
  return `coalesce(${isHashed(compared) ? `md5(${text})` : text}, '-')`
}

/** The value that the lake would hold of a source's text (see `Source.rows`); NULL where the type cannot hold it. */
export function lakeValue({ column, source, form }: ComparedColumn, text: string, engineType: string): string {
  const { type } = column
  switch (type.kind) {
    case 'string':
      return text
    case 'binary':
      return `unhex(${text})`
    case 'boolean':
      return `(try_cast(${text} as double) <> 0)`
    case 'timestamp':
      return source.kind === 'date'
        ? `try_cast(${text} as timestamptz)`
        : `make_timestamp(${form === 'millis' ? wholeMillis(`try_cast(${text} as bigint)`) : `try_cast(${text} as bigint)`})::timestamptz`
    default:
      return `try_cast(${text} as ${engineType})`
  }
}

const wholeMillis = (micros: string) => `(${micros} - ((${micros} % 1000) + 1000) % 1000)`

function withoutZeros(text: string): string {
  return `case when contains(${text}, '.') then rtrim(rtrim(${text}, '0'), '.') else ${text} end`
}

/**
 * As `realText`, in a third of the time. The power of ten is a logarithm: on machines that differ in its last bit two equal numbers may
 * have other prints, and are then read value by value.
 */
function quickReal({ column }: ComparedColumn, value: string): string {
  const number = column.type.kind === 'string' ? `try_cast(${value} as double)` : `${value}::double`
  const digits = `trim(replace(split_part(abs(${number})::varchar, 'e', 1), '.', ''), '0')`
  const text = `case when ${number} = 0 then '0' when not isfinite(${number}) then ${number}::varchar
    else (case when ${number} < 0 then '-' else '' end) || ${digits} || 'e' || floor(log10(abs(${number})))::integer::varchar end`
  return column.type.kind === 'string' ? `coalesce(${text}, ${value})` : text
}

/** Both sides print the fewest digits that give the same number again, each in its own arrangement: this is one for both. */
function realText(value: string): string {
  const text = `abs(${value})::varchar`
  const mantissa = `split_part(${text}, 'e', 1)`
  const power = `coalesce(try_cast(nullif(split_part(${text}, 'e', 2), '') as integer), 0)`
  const digits = `replace(${mantissa}, '.', '')`
  const whole = `length(split_part(${mantissa}, '.', 1))`
  const leading = `length(${digits}) - length(ltrim(${digits}, '0'))`
  return `case when ${value} = 0 then '0e0' when not isfinite(${value}) then ${value}::varchar
    else (case when ${value} < 0 then '-' else '' end) || trim(${digits}, '0') || 'e' || (${power} + ${whole} - (${leading}))::varchar end`
}
