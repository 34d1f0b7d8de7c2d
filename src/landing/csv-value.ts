import type { LakeType } from '../domain.ts'
import { duckdbType, literal } from '../engine/sql.ts'

/**
 * The value of a CSV field's text in its declared type; NULL where the text is none. The engine's own casts round fractions,
 * drop a date's time, take `0x1F` and `1_000`, and make infinities of what is too large: here all that is no value.
 */
export function csvValue(text: string, type: LakeType): string {
  const cast = (from: string) => `try_cast(${from} as ${duckdbType(type)})`
  switch (type.kind) {
    case 'string':
      return text
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return cast(exactNumber(text, 0))
    case 'decimal':
      return cast(exactNumber(text, type.scale))
    case 'float':
    case 'double':
      return `case when ${isFloating(text)} and (not isinf(${cast(text)}) or ${isInfinity(text)}) then ${cast(text)} end`
    case 'binary':
      return `case when regexp_full_match(${text}, ${literal(hexForm)}) then unhex(regexp_extract(${text}, '([0-9a-fA-F]*)$')) end`
    case 'date': {
      const isWhole = `try_cast(${text} as timestamp) is not distinct from ${cast(text)}::timestamp`
      return `case when ${isDated(text)} and ${isWhole} then ${cast(text)} end`
    }
    case 'timestamp':
      return `case when ${isDated(text)} then ${cast(text)} end`
    case 'boolean':
      return cast(text)
  }
}

/**
 * The condition that a field's text is no value of its declared type. `exact`: nor one of which digits fall away, as those
 * of a timestamp below the microsecond; two keys that become one would cost a row.
 */
export function isNoValueOf(text: string, type: LakeType, options: { readonly exact: boolean }): string {
  const none = `${csvValue(text, type)} is null`
  const cut = `regexp_matches(${text}, '[.][0-9]{6}[0-9]*[1-9]')`
  return `${text} is not null and (${options.exact && type.kind === 'timestamp' ? `${none} or ${cut}` : none})`
}

const digits = '([0-9]+[.]?[0-9]*|[.][0-9]+)'
const plainForm = `\\s*[+-]?${digits}\\s*`
/** Two digits of exponent are more than any type needs, and keep the text short. */
const powerForm = `\\s*[+-]?${digits}[eE][+-]?0*[0-9]{1,2}\\s*`
const floatForm = `\\s*[+-]?(${digits}([eE][+-]?[0-9]+)?|nan|inf|infinity)\\s*`
const hexForm = '(0[xX]|\\\\x)?([0-9a-fA-F]{2})*'

const isFloating = (text: string) => `regexp_full_match(${text}, ${literal(floatForm)}, 'i')`
const isInfinity = (text: string) => `contains(lower(${text}), 'inf')`
/** Neither `infinity` nor `epoch`, nor a year of two digits. */
const isDated = (text: string) => `regexp_matches(${text}, '^\\s*[0-9]{4,6}[-/]')`

/** The number written out, if it has no more than `scale` digits behind the point; else NULL. */
function exactNumber(text: string, scale: number): string {
  const tooFine = (number: string) => `regexp_matches(${number}, ${literal(`[.][0-9]{${String(scale)}}[0-9]*[1-9]`)})`
  const power = writtenOut(text)
  return `case when regexp_full_match(${text}, ${literal(plainForm)}) then case when not ${tooFine(text)} then ${text} end
    when regexp_full_match(${text}, ${literal(powerForm)}) and not ${tooFine(power)} then ${power} end`
}

/** `+3.23800011e+01` as `32.3800011`: the engine's cast rounds or refuses some exponents that are exact. */
function writtenOut(text: string): string {
  const part = (group: number) => `regexp_extract(${text}, '([0-9]*)[.]?([0-9]*)[eE]([+-]?[0-9]+)', ${String(group)})`
  const all = `(${part(1)} || ${part(2)})`
  const point = `(length(${part(1)}) + try_cast(${part(3)} as integer))`
  const padded = `(repeat('0', 1 - ${point}) || ${all} || repeat('0', ${point} - length(${all})))`
  const whole = `greatest(${point}, 1)`
  return `(regexp_extract(${text}, '^\\s*(-?)', 1) || ${padded}[1:${whole}] || '.' || ${padded}[${whole} + 1:])`
}
