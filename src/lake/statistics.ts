import type { Column, LakeType } from '../domain.ts'
import type { ColumnStatistics } from '../engine/engine.ts'

/**
 * Delta statistics as JSON text, exact or absent (delta-log §1): readers skip files and answer queries by them, so a
 * wrong bound is a wrong result. Numbers go in as the writer's digits, never through a JavaScript number.
 */
export function statsText(
  rows: number,
  columns: readonly Column[],
  statistics: ReadonlyMap<string, ColumnStatistics>,
  keyColumns: readonly string[],
): string {
  const bounds: { name: string; min: string; max: string }[] = []
  const nullCounts: string[] = []
  for (const [at, { name, type }] of columns.entries()) {
    const found = statistics.get(name)
    if (found === undefined) continue
    nullCounts.push(`${JSON.stringify(name)}:${String(found.nullCount)}`)
    if (at >= boundedColumnsMax && !keyColumns.includes(name)) continue
    const bound = boundsOf(type, found)
    if (bound !== null) bounds.push({ name, ...bound })
  }
  const object = (of: 'min' | 'max') => bounds.map((bound) => `${JSON.stringify(bound.name)}:${bound[of]}`).join(',')
  return `{"numRecords":${String(rows)},"minValues":{${object('min')}},"maxValues":{${object('max')}},"nullCount":{${nullCounts.join(',')}}}`
}

const boundedColumnsMax = 32
const textBoundLength = 32
const highestCharacter = '\u{10FFFF}'

/** Both bounds as JSON texts, or null where they would not be exact. */
function boundsOf(type: LakeType, { min, max, hasNan }: ColumnStatistics): { min: string; max: string } | null {
  if (min === null || max === null || hasNan) return null
  switch (type.kind) {
    case 'boolean':
    case 'binary':
      return null
    case 'string':
      return textBounds(min, max)
    case 'date':
      return bothMatch(/^\d{4}-\d\d-\d\d$/u, min, max, JSON.stringify)
    case 'timestamp':
      return bothMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00$/u, min, max, timestampBound)
    case 'float':
    case 'double':
      // To readers that order the zeros, a bound of zero must be the outer one: -0.0 may stand in the file.
      return bothMatch(number, min === '0.0' ? '-0.0' : min, max === '-0.0' ? '0.0' : max, (text) => text)
    case 'decimal':
      return bothMatch(number, wholeDecimal(min), wholeDecimal(max), (text) => text)
    default:
      return bothMatch(number, min, max, (text) => text)
  }
}

const number = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/u

/** The engine writes `.5` where the type has no digit before the point, which is no number in JSON. */
const wholeDecimal = (text: string) => text.replace(/^(-?)\./u, '$10.')

function bothMatch(form: RegExp, min: string, max: string, write: (text: string) => string) {
  return form.test(min) && form.test(max) ? { min: write(min), max: write(max) } : null
}

function timestampBound(text: string): string {
  return JSON.stringify(`${text.slice(0, -'+00'.length).replace(' ', 'T')}Z`)
}

/** A long minimum is cut to a prefix; a long maximum to a prefix followed by the highest character there is. */
function textBounds(min: string, max: string): { min: string; max: string } | null {
  const [low, high] = [[...min], [...max]]
  if (high.length > textBoundLength && high[textBoundLength] === highestCharacter) return null
  const cutMax = high.slice(0, textBoundLength).join('') + (high.length > textBoundLength ? highestCharacter : '')
  return { min: JSON.stringify(low.slice(0, textBoundLength).join('')), max: JSON.stringify(cutMax) }
}

export type Bounds = {
  /** Texts that the engine casts to the column's type; null where the file has no bound. */
  readonly min: string | null
  readonly max: string | null
  readonly nullCount: number | null
}

/** Reads the bounds of one column back out of `statsText`. */
export function boundsIn(stats: string, column: string): Bounds {
  const parsed = parseWithTextNumbers(stats)
  const text = (part: 'minValues' | 'maxValues' | 'nullCount') => {
    const values = parsed[part]
    return values !== undefined && Object.hasOwn(values, column) ? (values[column] ?? null) : null
  }
  const nullCount = text('nullCount')
  return { min: text('minValues'), max: text('maxValues'), nullCount: nullCount === null ? null : Number(nullCount) }
}

type ParsedStats = {
  readonly [part in 'minValues' | 'maxValues' | 'nullCount']?: { readonly [column: string]: string }
}

/** JSON with every number as its own text, so that no digit is lost. */
function parseWithTextNumbers(json: string): ParsedStats {
  const quoted = json.replaceAll(/("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/gu, (_, text?: string, number?: string) =>
    number === undefined ? (text ?? '') : JSON.stringify(number),
  )
  return JSON.parse(quoted) as ParsedStats
}
