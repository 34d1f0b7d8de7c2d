import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { baseName, classify, landingOrder, lookBackName, nameTimeMs } from '../src/landing/names.ts'

describe('classify', () => {
  test.each([
    ['LOAD00000001.parquet', 'parquet'],
    ['LOAD0000000A.csv', 'csv'],
    ['LOADFFFFFFFF.csv.gz', 'csv.gz'],
    ['SEGMENT1_LOAD00000001.csv', 'csv'],
    ['SEGMENT12_LOAD0000000B.parquet', 'parquet'],
    ['SYS_P381/LOAD00000001.parquet', 'parquet'],
    ['region=Köln 50/LOAD00000001.parquet', 'parquet'],
    ['2024/LOAD00000001.parquet', 'parquet'],
    ['custom_segment1/SEGMENT2_LOAD00000001.csv', 'csv'],
  ])('%s is a full load', (key, format) => {
    expect(classify(key)).toEqual({ kind: 'load', format })
  })

  test.each([
    'LOAD0000000a.parquet',
    'LOAD0000001.parquet',
    'LOAD000000001.parquet',
    'LOAD0000000G.parquet',
    'LOAD00000001.parquet.tmp',
    'LOAD00000001.json',
    'LOAD00000001',
    'LOAD00000001.PARQUET',
    'load00000001.parquet',
    'SEGMENT_LOAD00000001.parquet',
    'xLOAD00000001.parquet',
    'a/b/LOAD00000001.parquet',
    '/LOAD00000001.parquet',
    'LOAD00000001.parquet\n',
  ])('%j is no full load', (key) => {
    expect(classify(key)).toEqual({ kind: 'ignored' })
  })

  test.each([
    ['20240612-103127367.parquet', 'parquet'],
    ['20141029-1134010000.csv', 'csv'],
    ['20240229-235959999.csv.gz', 'csv.gz'],
    ['20240612-000000000.parquet', 'parquet'],
  ])('%s is a change file', (key, format) => {
    expect(classify(key)).toEqual({ kind: 'change', format })
  })

  const sequences = {
    YYYYMMDD: ['2024', '06', '12'],
    YYYYMMDDHH: ['2024', '06', '12', '10'],
    YYYYMM: ['2024', '06'],
    MMYYYYDD: ['06', '2024', '12'],
    DDMMYYYY: ['12', '06', '2024'],
  }
  const delimiters = { SLASH: '/', UNDERSCORE: '_', DASH: '-', NONE: '' }
  const folders = Object.entries(sequences).flatMap(([sequence, parts]) =>
    Object.entries(delimiters).map(([delimiter, mark]) => [sequence, delimiter, parts.join(mark)] as const),
  )
  test.each(folders)('a change file lies in the date folder %s with %s: %s', (_sequence, _delimiter, folder) => {
    expect(classify(`${folder}/20240612-103127367.parquet`)).toEqual({ kind: 'change', format: 'parquet' })
  })

  test.each([
    ['month 13', '20241301-103127367.parquet'],
    ['month 0', '20240001-103127367.parquet'],
    ['30 February', '20240230-103127367.parquet'],
    ['29 February of a common year', '20230229-103127367.parquet'],
    ['hour 24', '20240612-240000000.parquet'],
    ['minute 60', '20240612-106027367.parquet'],
    ['second 60', '20240612-103160367.parquet'],
    ['8 digits of time', '20240612-10312736.parquet'],
    ['11 digits of time', '20240612-10312736712.parquet'],
    ['no dash', '20240612103127367.parquet'],
    ['another ending', '20240612-103127367.json'],
    ['an unfinished upload', '20240612-103127367.parquet.tmp'],
    ['a trailing newline', '20240612-103127367.parquet\n'],
    ['a foreign folder', 'tmp/20240612-103127367.parquet'],
    ['a foreign folder below a date', '2024/tmp/20240612-103127367.parquet'],
    ['five folders', '2024/06/12/10/31/20240612-103127367.parquet'],
    ['a folder without a name', '2024//20240612-103127367.parquet'],
    ['a folder of dots', '../20240612-103127367.parquet'],
    ['a folder of dashes', '--/20240612-103127367.parquet'],
    ['nothing', ''],
    ['a folder marker', '2024/'],
  ])('%s makes no change file: %j', (_why, key) => {
    expect(classify(key)).toEqual({ kind: 'ignored' })
  })

  test.each([
    'CDC_TXN-20201117153046033.csv',
    'cdc/CDC_TXN-20201117153046033.csv',
    'a/b/c/d/e/CDC_TXN-20201117153046033.csv',
  ])('%s is a file of transaction mode', (key) => {
    expect(classify(key)).toEqual({ kind: 'transaction' })
  })
})

describe('landingOrder', () => {
  test('date folders whose order is not time order do not disturb it', () => {
    const keys = ['12/2023/31/20231231-235959999.parquet', '01/2024/01/20240101-000000000.parquet']
    expect([...keys].sort()).toEqual([keys[1], keys[0]])
    expect([...keys].sort(landingOrder)).toEqual(keys)
  })

  test('equal base names go by key', () => {
    expect(landingOrder('2024/06/20240612-103127367.csv', '20240612-103127367.csv')).toBeLessThan(0)
    expect(landingOrder('20240612-103127367.csv', '20240612-103127367.csv')).toBe(0)
  })

  test('ten digits sort behind the nine that they begin with, whatever the ending', () => {
    expect(landingOrder('20240612-103127367.parquet', '20240612-1031273670.csv')).toBeLessThan(0)
  })

  test('a base name is what follows the last slash', () => {
    expect([baseName('a/b/c'), baseName('c'), baseName('a/')]).toEqual(['c', 'c', ''])
  })
})

describe('nameTimeMs', () => {
  const utc = (text: string) => Date.parse(`${text}Z`)

  test('reads the name as UTC', () => {
    expect(nameTimeMs('20240612-103127367.parquet', 'UTC')).toBe(utc('2024-06-12T10:31:27.367'))
  })

  test('cuts digits below the millisecond', () => {
    expect(nameTimeMs('20240612-1031273679.parquet', 'UTC')).toBe(utc('2024-06-12T10:31:27.367'))
  })

  test.each(['0.parquet', 'LOAD00000001.parquet', '20241301-103127367.parquet', ''])('%j gives no time', (name) => {
    expect(nameTimeMs(name, 'Europe/Berlin')).toBeNull()
  })

  test.each([
    ['Asia/Seoul', '20240612-103127367.csv', '2024-06-12T01:31:27.367'],
    ['Europe/Berlin', '20240115-000000001.csv', '2024-01-14T23:00:00.001'],
    ['Europe/Berlin', '20240715-000000001.csv', '2024-07-14T22:00:00.001'],
    ['Asia/Kolkata', '20240612-103127367.csv', '2024-06-12T05:01:27.367'],
    ['Pacific/Kiritimati', '20240612-103127367.csv', '2024-06-11T20:31:27.367'],
    ['America/Los_Angeles', '20240612-103127367.csv', '2024-06-12T17:31:27.367'],
    ['Etc/UTC', '20240612-103127367.csv', '2024-06-12T10:31:27.367'],
  ])('reads the wall clock of %s: %s', (zone, name, expected) => {
    expect(nameTimeMs(name, zone)).toBe(utc(expected))
  })

  test('an hour that the clocks showed twice is the earlier one', () => {
    expect(nameTimeMs('20241027-023000000.csv', 'Europe/Berlin')).toBe(utc('2024-10-27T00:30:00'))
    expect(nameTimeMs('20241103-013000000.csv', 'America/New_York')).toBe(utc('2024-11-03T05:30:00'))
  })

  test('the hours around a change of the clocks are read with the right offset', () => {
    expect(nameTimeMs('20241027-015959999.csv', 'Europe/Berlin')).toBe(utc('2024-10-26T23:59:59.999'))
    expect(nameTimeMs('20241027-030000000.csv', 'Europe/Berlin')).toBe(utc('2024-10-27T02:00:00'))
    expect(nameTimeMs('20240331-015959999.csv', 'Europe/Berlin')).toBe(utc('2024-03-31T00:59:59.999'))
    expect(nameTimeMs('20240331-030000000.csv', 'Europe/Berlin')).toBe(utc('2024-03-31T01:00:00'))
  })

  test('a time that the clocks skipped is read as the earlier of its two readings', () => {
    expect(nameTimeMs('20240331-023000000.csv', 'Europe/Berlin')).toBe(utc('2024-03-31T00:30:00'))
  })

  test('an unknown zone is the operator’s to mend', () => {
    expect(() => nameTimeMs('20240612-103127367.csv', 'Mars/Olympus')).toThrow(
      expect.objectContaining({ kind: 'invalid-config', message: expect.stringContaining('"Mars/Olympus"') }),
    )
  })

  test('what a zone’s clock shows at an instant is read back as that instant, or an hour earlier where it was shown twice', () => {
    const instants = fc.integer({ min: utc('1990-01-01T00:00:00'), max: utc('2037-01-01T00:00:00') })
    const zones = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Australia/Sydney',
      'Asia/Tokyo',
      'America/St_Johns',
    )
    fc.assert(
      fc.property(instants, zones, (instantMs, zone) => {
        const earlierMs = instantMs - (nameTimeMs(shownName(instantMs, zone), zone) as number)
        expect([0, 3_600_000]).toContain(earlierMs)
      }),
      { numRuns: 500 },
    )
  })

  function shownName(instantMs: number, zone: string): string {
    const shown = new Date(instantMs).toLocaleString('sv-SE', { timeZone: zone })
    return `${shown.replace(/[-:]/g, '').replace(' ', '-')}${String(instantMs % 1000).padStart(3, '0')}.parquet`
  }
})

describe('lookBackName', () => {
  const dayMs = 86_400_000

  test('is the cursor’s own time that much earlier, as text', () => {
    expect(lookBackName('20240301-103127367.parquet', dayMs)).toBe('20240229-103127367')
    expect(lookBackName('20240101-000000000.csv', 1)).toBe('20231231-235959999')
  })

  test('does not know of zones: the clocks that go back make no difference', () => {
    expect(lookBackName('20241027-120000000.parquet', dayMs)).toBe('20241026-120000000')
  })

  test('sorts before every name of its own millisecond', () => {
    const bound = lookBackName('20240612-1031273679.parquet', 0)
    for (const name of ['20240612-103127367.csv', '20240612-1031273670.csv', '20240612-103127367.parquet'])
      expect(bound < name).toBe(true)
    expect('20240612-1031273669.parquet' < bound).toBe(true)
  })

  test('a cursor without a time is its own bound', () => {
    expect(lookBackName('0.parquet', dayMs)).toBe('0.parquet')
  })

  test('ends at year 0', () => {
    expect(lookBackName('00000101-000000001.parquet', dayMs)).toBe('00000101-000000000')
  })
})
