import fc from 'fast-check'
import { describe, expect } from 'vitest'
import type { LakeType } from '../src/domain.ts'
import { literal } from '../src/engine/sql.ts'
import { csvValue } from '../src/landing/csv-value.ts'
import { parseLakeType } from '../src/state/csv-columns.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'

/** What each text becomes, as text; null: it is no value of the type. */
async function valuesOf(lab: Lab, type: string, texts: readonly string[]): Promise<(string | null)[]> {
  const rows = texts.map((text, at) => `(${String(at)}, ${literal(text)})`).join(', ')
  const value = csvValue('t', parseLakeType(type) as LakeType)
  const shown = type === 'binary' ? `hex(${value})` : `(${value})::varchar`
  const found = await lab.sql(`select ${shown} as v from (values ${rows}) as r(place, t) order by place`)
  // The engine leaves a zero before the point out where the type has no digit there.
  return found.map(({ v }) => (v as string | null)?.replace(/^(-?)[.]/u, '$10.') ?? null)
}

type Case = { readonly type: string; readonly [text: string]: string | null }

const cases: readonly Case[] = [
  {
    ...{ type: 'bigint', '+5': '5', '-0': '0', '5.': '5', '5.000': '5', ' 7 ': '7', '1E5': '100000', '1e+2': '100' },
    ...{ '15e-1': null, '.5': null, '1_000': null, '0x1F': null, '0b11': null, '1e': null, '5,0': null, '': null },
    ...{
      '9223372036854775807': '9223372036854775807',
      '9223372036854775808': null,
      '9.223372036854775807E18': '9223372036854775807',
    },
    ...{
      '1234567890123456789e-1': null,
      '12345678901234567890e-1': '1234567890123456789',
      '1e19': null,
      '1e500': null,
    },
  },
  { type: 'tinyint', '-128': '-128', '127.0': '127', '128': null, '1.2e2': '120' },
  {
    ...{
      type: 'decimal(10,2)',
      '+3.23800011e+01': null,
      '+3.2380000e+01': '32.38',
      '.5': '0.50',
      '-.5': '-0.50',
      '1.50000': '1.50',
    },
    ...{
      '99999999.99': '99999999.99',
      '100000000': null,
      '9999999999e-2': '99999999.99',
      '1e-2': '0.01',
      '1e-3': null,
      '-0.00': '0.00',
    },
    ...{ '1_0': null, '12345678.905': null, '1e7': '10000000.00', '1e8': null, NaN: null, Infinity: null },
  },
  {
    type: 'decimal(38,10)',
    '-99999999999999999999999999999999999999e-10': '-9999999999999999999999999999.9999999999',
    '9999999999999999999999999999.9999999999': '9999999999999999999999999999.9999999999',
    '9.9999999999999999999999999999999999999e27': '9999999999999999999999999999.9999999999',
    '99999999999999999999999999999.9999999999': null,
  },
  {
    ...{
      type: 'double',
      '+3.23800011e+01': '32.3800011',
      '-0': '-0.0',
      '4.9e-324': '5e-324',
      '1.7976931348623157e308': '1.7976931348623157e+308',
    },
    ...{
      NaN: 'nan',
      Infinity: 'inf',
      '-Infinity': '-inf',
      '+inf': 'inf',
      '1e400': null,
      '-1e400': null,
      '1_0': null,
      '0x10': null,
    },
  },
  { type: 'float', '3.4028235e38': '3.4028235e+38', '1e39': null, '1e-45': '1e-45', '+3.23800011e+01': '32.38' },
  {
    ...{
      type: 'boolean',
      '0': 'false',
      '1': 'true',
      t: 'true',
      f: 'false',
      TRUE: 'true',
      False: 'false',
      '2': null,
      x: null,
    },
  },
  {
    ...{ type: 'binary', DEADBEEF: 'DEADBEEF', deadbeef: 'DEADBEEF', '0x00ff': '00FF', '\\x00ff': '00FF', '': '' },
    ...{ ABC: null, zz: null, ü: null, '0x': '' },
  },
  {
    ...{
      type: 'date',
      '2024-02-29': '2024-02-29',
      '2023-02-29': null,
      '0001-01-01': '0001-01-01',
      '9999-12-31': '9999-12-31',
    },
    ...{
      '2024-02-29 00:00:00': '2024-02-29',
      '2024-02-29 00:00:01': null,
      infinity: null,
      '-infinity': null,
      epoch: null,
    },
    ...{ '0000-00-00': null, '24-02-29': null, '2024-02-29 garbage': null, '4-Jun-14': null },
  },
  {
    ...{
      type: 'timestamp',
      '2024-02-29 12:00:00': '2024-02-29 12:00:00+00',
      '2024-02-29T12:00:00': '2024-02-29 12:00:00+00',
    },
    ...{ '2024-02-29T12:00:00Z': '2024-02-29 12:00:00+00', '2024-02-29 12:00:00.5+02:30': '2024-02-29 09:30:00.5+00' },
    ...{
      '2024-02-29 12:00:00.123456': '2024-02-29 12:00:00.123456+00',
      '2024-02-29 12:00:00.1234567': '2024-02-29 12:00:00.123456+00',
    },
    ...{
      '1890-01-01 00:00:00.9999999': '1890-01-01 00:00:00.999999+00',
      '0001-01-01 00:00:00': '0001-01-01 00:00:00+00',
    },
    ...{ '9999-12-31 23:59:59.999999': '9999-12-31 23:59:59.999999+00', '2024-02-29': '2024-02-29 00:00:00+00' },
    ...{
      '2023-02-29 00:00:00': null,
      '2024-01-01 25:00:00': null,
      infinity: null,
      '-infinity': null,
      epoch: null,
      '0000-00-00 00:00:00': null,
    },
  },
]

describe('a CSV text', () => {
  test.for(cases.map((one) => [one.type, one] as const))('as %s', async ([type, one], { lab }) => {
    const { type: _, ...expected } = one
    const texts = Object.keys(expected)
    const found = await valuesOf(lab, type, texts)
    expect(Object.fromEntries(texts.map((text, at) => [text, found[at]]))).toEqual(expected)
  })
})

describe('a CSV number in any form', () => {
  const numbers = fc.record({
    sign: fc.constantFrom('', '-', '+'),
    whole: fc.stringMatching(/^\d{0,22}$/u),
    fraction: fc.option(fc.stringMatching(/^\d{0,22}$/u)),
    power: fc.option(
      fc.record({ mark: fc.constantFrom('e', 'E'), by: fc.integer({ min: -25, max: 25 }), plus: fc.boolean() }),
    ),
  })
  type Drawn = typeof numbers extends fc.Arbitrary<infer T> ? T : never

  const textOf = ({ sign, whole, fraction, power }: Drawn) =>
    `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${
      power === null ? '' : `${power.mark}${power.plus && power.by >= 0 ? '+' : ''}${String(power.by)}`
    }`

  /** Its value × 10^scale, where that is a whole number of at most `digits` digits: computed with whole numbers alone. */
  function unscaled(drawn: Drawn, digits: number, scale: number): bigint | null {
    const fraction = drawn.fraction ?? ''
    if (drawn.whole + fraction === '') return null
    const mantissa = BigInt(drawn.whole + fraction) * (drawn.sign === '-' ? -1n : 1n)
    const shift = scale + (drawn.power?.by ?? 0) - fraction.length
    const value = shift >= 0 ? mantissa * 10n ** BigInt(shift) : mantissa / 10n ** BigInt(-shift)
    if (shift < 0 && value * 10n ** BigInt(-shift) !== mantissa) return null
    return (value < 0n ? -value : value) < 10n ** BigInt(digits) ? value : null
  }

  function shown(value: bigint | null, scale: number): string | null {
    if (value === null || scale === 0) return value === null ? null : String(value)
    const all = String(value < 0n ? -value : value).padStart(scale + 1, '0')
    return `${value < 0n ? '-' : ''}${all.slice(0, -scale)}.${all.slice(-scale)}`
  }

  test.for<[number, number]>([
    [38, 0],
    [38, 10],
    [38, 38],
    [20, 0],
    [18, 4],
    [9, 2],
    [4, 4],
  ])('is exactly that decimal(%i,%i), or none', async ([precision, scale], { lab }) => {
    const exact = fc.asyncProperty(fc.array(numbers, { minLength: 1, maxLength: 400, size: 'max' }), async (drawn) => {
      const found = await valuesOf(lab, `decimal(${String(precision)},${String(scale)})`, drawn.map(textOf))
      const pairs = (values: readonly (string | null)[]) => drawn.map((one, at) => [textOf(one), values[at]])
      expect(pairs(found)).toEqual(pairs(drawn.map((one) => shown(unscaled(one, precision, scale), scale))))
    })
    await fc.assert(exact, { numRuns: 5 })
  })
})

describe('a CSV timestamp below the microsecond', () => {
  const lines = '1,2024-01-01 00:00:00.1234567\n2,2024-01-01 00:00:00.1234568\n'
  test('is cut, as DMS cuts it in Parquet', async ({ lab }) => {
    await lab.landBytes('s/t/LOAD00000001.csv', lines)
    await lab.set('s.t', { active: true, primaryKey: 'id', csvColumns: 'id int, at timestamp' })
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    const at = '2024-01-01 00:00:00.123456+00'
    expect(await lab.rows('s.t', 'id')).toEqual([1, 2].map((id) => ({ id, at })))
  })

  test('holds the table where it is a key, for two keys would become one', async ({ lab }) => {
    await lab.landBytes('s/t/LOAD00000001.csv', lines)
    await lab.set('s.t', { active: true, primaryKey: 'at', csvColumns: 'id int, at timestamp' })
    expect((await lab.runOne('s.t')).error?.message).toContain('column "at" holds values that are no timestamp')
  })
})

test('what a CSV column cannot hold is never quoted in the error', async ({ lab }) => {
  await lab.landBytes('s/t/LOAD00000001.csv', '1,00FF\n2,secret\n')
  await lab.set('s.t', { active: true, primaryKey: 'id', csvColumns: 'id int, raw binary' })
  const { error } = await lab.runOne('s.t')
  expect(error?.message).toBe('read landing file LOAD00000001.csv: column "raw" holds values that are no blob')
  expect(JSON.stringify(error)).not.toContain('secret')
})
