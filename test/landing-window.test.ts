import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LandingFile, LandingTable } from '../src/domain.ts'
import { lookBackName } from '../src/landing/names.ts'
import { behind, windowStart } from '../src/landing/window.ts'

const file = (key: string) => ({ key, name: key.slice(key.lastIndexOf('/') + 1) }) as LandingFile
const tableOf = (changes: readonly string[], loads = ['LOAD00000001.parquet']): LandingTable => ({
  ...{ id: { schema: 's', table: 't' }, ignored: 0, transactionFiles: 0, pages: 2 },
  loads: loads.map(file),
  changes: changes.map(file),
})
const hourMs = 3_600_000
const stampOf = (ms: number) =>
  lookBackName(
    `${new Date(ms)
      .toISOString()
      .replace(/[-:.Z]/gu, '')
      .replace('T', '-')}.csv`,
    0,
  )

describe('the window of a landing begins', () => {
  const changes = ['20240609-000000000.csv', '20240611-120000000.csv', '20240612-120000000.csv']
  const from = '20240611-120000000'
  test.for([
    ['at the look-back', changes, from],
    ['two days before it, in date folders', ['2024/06/12/20240612-120000000.csv'], '2024/06/09'],
    ['… of an hour', ['2024061212/20240612-120000000.csv'], '20240609'],
    ['… of a month', ['2024-06/20240612-120000000.csv'], '2024-06'],
    ['… with the date of another zone', ['2024_06_13/20240612-120000000.csv'], '2024_06_09'],
    ['at the first of both', ['2024/06/12/20240612-120000000.csv', '20240612-130000000.csv'], '2024/06/09'],
  ] as const)('%s', ([, keys, start]) => {
    expect(windowStart(tableOf(keys), from)).toBe(start)
  })

  test.for<[string, LandingTable, string | null]>([
    ['nothing was taken', tableOf(changes), null],
    ['the cursor is no time', tableOf(changes), 'x'],
    ['no change file is left behind it', tableOf(changes), '20240613-000000000'],
    ['folders begin with the month', tableOf(['06/2024/12/20240612-120000000.csv']), from],
    ['folders begin with the day', tableOf(['12062024/20240612-120000000.csv']), from],
    ['a folder is of another day than its file', tableOf(['2024/05/12/20240612-120000000.csv']), from],
    ['a folder is of digits that are no date', tableOf(['7/20240612-120000000.csv']), from],
    ['a LOAD file lies before it', tableOf(changes, ['1/LOAD00000001.parquet', 'LOAD00000001.parquet']), from],
  ])('nowhere where %s', ([, table, windowFrom]) => {
    expect(windowStart(table, windowFrom)).toBe(null)
  })

  test('before every file that is still to be taken, or comes later in the same kind of folders', () => {
    const layouts = ['/', '-', '_', ''].flatMap((delimiter) =>
      [
        [4, 6],
        [4, 6, 8],
        [4, 6, 8, 11],
      ].map((ends) => (digits: string) => {
        const parts = ends.map((end, at) =>
          digits.slice(at === 0 ? 0 : (ends[at - 1] as number) + (end === 11 ? 1 : 0), end),
        )
        return `${parts.join(delimiter)}/`
      }),
    )
    const layout = fc.constantFrom(() => '', ...layouts)
    const ms = fc.integer({ min: Date.UTC(1999, 11, 30), max: Date.UTC(2031, 0, 3) })
    const ahead = fc.integer({ min: 1, max: 400 * 24 }).map((hours) => hours * hourMs)
    fc.assert(
      fc.property(
        layout,
        ms,
        ahead,
        ahead,
        fc.integer({ min: -12, max: 14 }),
        (folder, fromMs, seenMs, laterMs, zone) => {
          const keyAt = (at: number) => `${folder(stampOf(at + zone * hourMs))}${stampOf(at)}.csv`
          const start = windowStart(tableOf([keyAt(fromMs + seenMs)]), stampOf(fromMs))
          expect(start).not.toBe(null)
          const later = tableOf(
            [keyAt(fromMs + laterMs), keyAt(fromMs + 1)],
            ['LOAD0000000A.csv', 'p/LOAD00000001.csv'],
          )
          expect(behind(later, start as string)).toEqual(later)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
