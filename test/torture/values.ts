import type { Random } from '../e2e/seeded-random.ts'
import { awkwardTexts } from '../support/awkward-texts.ts'
import type { Column } from './tables.ts'

/** A value of SQL for a column: NULL at times, its type's extremes at times, also what a text form could get wrong. */
export function value(random: Random, { type, values }: Column): string {
  if (random.below(8) === 0) return 'null'
  if (values !== undefined) return random.pick(values)
  const [, name = '', size = '', scale = '0'] = /^(\w+)(?:\((\d+)(?:,(\d+))?\))?/u.exec(type) ?? []
  const range = integers[name]
  if (range !== undefined) return whole(random, range)
  switch (name) {
    case 'decimal':
      return decimal(random, Number(size), Number(scale))
    case 'float':
      return random.pick(['0', '-3.4e38', '1e-38', '16777217', '0.1', String(random.fraction() * 1000 - 500)])
    case 'double':
      return random.pick([
        '0.1e0 + 0.2e0',
        '1.7976931348623157e308',
        '5e-324',
        '-1e-7',
        String(random.fraction() * 1e6),
      ])
    case 'varchar':
      return textOf(random, Number(size))
    case 'text':
      return `repeat(${textOf(random, 40)}, ${String(1 + random.below(8))})`
    case 'varbinary':
      return random.pick([`x'00ff00'`, `''`, `x'610000'`, `unhex(md5(${String(random.below(1e9))}))`])
    case 'json':
      return random.pick([
        `'{"b": [1, 2.50], "a": null}'`,
        `'[]'`,
        `concat('{"n": ', ${String(random.below(1e6))}, '}')`,
      ])
    case 'date':
      return random.pick([
        `'0001-01-01'`,
        `'9999-12-31'`,
        `date '1969-06-01' + interval ${String(random.below(30_000))} day`,
      ])
    default:
      return moment(random)
  }
}

const integers: Readonly<Record<string, readonly [lowest: string, highest: string]>> = {
  tinyint: ['-128', '127'],
  smallint: ['-32768', '32767'],
  int: ['-2147483648', '2147483647'],
  bigint: ['-9223372036854775808', '9223372036854775807'],
}

function whole(random: Random, [lowest, highest]: readonly [string, string]): string {
  return random.below(10) === 0 ? random.pick([lowest, highest, '0']) : String(random.below(200) - 100)
}

function decimal(random: Random, precision: number, scale: number): string {
  const nines = `${'9'.repeat(precision - scale)}.${'9'.repeat(scale)}`
  if (random.below(10) === 0) return random.pick([nines, `-${nines}`, `-0.${'1'.padStart(scale, '0')}`, '0', '-1.5'])
  return `${String(random.below(2_000_000) - 1_000_000)}.${String(random.below(10 ** Math.min(scale, 4))).padStart(Math.min(scale, 4), '0')}`
}

const words = [...awkwardTexts, 'x\\ny', 'a/b=%41', '-', '𝄞']

function textOf(random: Random, length: number): string {
  const more = random.below(2) === 0 ? '' : ` ${String(random.below(100_000))}`
  return `left('${random.pick(words)}${random.below(3) === 0 ? random.pick(words) : ''}${more}', ${String(length)})`
}

/** On whole seconds, so that any number of digits holds it, and at both ends of time. */
function moment(random: Random): string {
  if (random.below(12) === 0)
    return random.pick([`'0001-01-01 00:00:00'`, `'9999-12-31 23:59:59'`, `'2024-03-31 02:30:00'`])
  const seconds = `timestamp '1969-06-01 00:00:00' + interval ${String(random.below(2 ** 31))} second`
  return random.below(2) === 0 ? seconds : `${seconds} + interval ${String(random.below(1000))}000 microsecond`
}
