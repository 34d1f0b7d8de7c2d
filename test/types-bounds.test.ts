import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { hyparquetFile } from './support/dms-parquet.ts'
import { type DmsType, type TypedTable, typeGroups } from './support/dms-types.ts'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'

/** The statistics of the one data file of `s.t`, as the log has them. */
async function statsText(lab: Lab): Promise<string> {
  const log = await readFile(join(lab.lake, '_dmscdc/s/t/_delta_log/00000000000000000000.json'), 'utf8')
  const [add] = log.split('\n').flatMap((line) => (line.startsWith('{"add"') ? [JSON.parse(line).add] : []))
  return add.stats as string
}

async function loaded(lab: Lab, body: Uint8Array) {
  await lab.landBytes('s/t/LOAD00000001.parquet', body)
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

/** Two rows: the least value and the greatest that have a bound: none is above a cut text of the highest character. */
function extremes(types: readonly DmsType[]): TypedTable {
  const bound = (type: DmsType, sign: -1 | 1) =>
    [...type.texts].filter(isBound).sort((a, b) => sign * order(type, b, a))[0]
  const isBound = (text: string) => !/^(?:NaN|-?Infinity|\u{10FFFF}.*)$/u.test(text)
  const rows = ([-1, 1] as const).map((sign) => types.map((type) => bound(type, sign) as string))
  return { types, ids: [1, 2], rows }
}

function order({ lake }: DmsType, a: string, b: string): number {
  if (lake === 'float' || lake === 'double') return Number(a) - Number(b)
  if (/^(?:byte|short|integer|long|decimal)/u.test(lake)) return digits(a) < digits(b) ? -1 : 1
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** All texts of one decimal type have as many digits behind the point. */
const digits = (text: string) => BigInt(text.replace('.', ''))

const bounded = (types: readonly DmsType[]) => types.filter(({ lake }) => lake !== 'boolean' && lake !== 'binary')

describe.for(Object.entries(typeGroups))('the bounds in the log of %s', ([, types]) => {
  test('are the least and the greatest value, to the last digit', async ({ lab }) => {
    const table = extremes(bounded(types))
    await loaded(lab, hyparquetFile(table))
    const stats = await statsText(lab)
    for (const [at, part] of ['minValues', 'maxValues'].entries()) {
      const values = /^\{(.*?)\}/u.exec(stats.split(`"${part}":`)[1] as string)?.[1]
      for (const [column, type] of table.types.entries()) {
        const text = table.rows[at]?.[column] as string
        const found = new RegExp(`"${type.name}":("(?:[^"\\\\]|\\\\.)*"|[^,]*)`, 'u').exec(
          values as string,
        )?.[1] as string
        expect(comparable(type, found), `${part} of ${type.name}`).toBe(expectedBound(type, text, part))
      }
    }
  })
})

function comparable({ lake }: DmsType, json: string): string {
  if (lake === 'float') return String(Math.fround(Number(json)))
  if (lake === 'double') return String(Number(json))
  if (lake === 'string') return JSON.parse(json)
  return lake === 'timestamp'
    ? JSON.parse(json).replace(
        /(\.\d*)?Z$/u,
        (fraction: string) => `${fraction.slice(0, -1).padEnd(7, '.000000'.slice(fraction.length - 1))}Z`,
      )
    : json.replaceAll('"', '')
}

/** A text is cut at 32 characters; the greatest then ends in the highest character, where it does not have it there itself. */
function expectedBound({ lake }: DmsType, text: string, part: string): string {
  const characters = [...text]
  if (lake !== 'string' || characters.length <= 32) return text
  return characters.slice(0, 32).join('') + (part === 'maxValues' ? '\u{10FFFF}' : '')
}

test('a bound that is zero holds both zeros', async ({ lab }) => {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf({ id: 'integer', d: 'double', f: 'float' }, [
      [1, '0.0', '-0.0'],
      [2, '-0.0', '0.0'],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  await lab.run()
  const stats = await statsText(lab)
  expect(stats).toContain('"minValues":{"id":1,"d":-0.0,"f":-0.0}')
  expect(stats).toContain('"maxValues":{"id":2,"d":0.0,"f":0.0}')
})
