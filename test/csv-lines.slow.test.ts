import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test as plainTest } from 'vitest'
import { frameCsv } from '../src/engine/csv-frame.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'

const columns = 'id bigint, v string, w string'
type Text = string | null

async function loaded(lab: Lab, body: string | Uint8Array, options: Record<string, unknown> = {}, name = 'a.csv') {
  await lab.landBytes(name.replace('a', 's/t/LOAD00000001'), body)
  await lab.set('s.t', { active: true, primaryKey: 'id', csvColumns: columns, ...options })
  return lab.runOne('s.t')
}

const rows = async (lab: Lab, table = 's.t') => (await lab.rows(table, 'id')).map(({ v, w }) => [v, w] as Text[])

describe('a CSV text in quotes', () => {
  test.for([
    ['the line ending of Windows', 'a\r\nb'],
    ['a carriage return alone', 'a\rb'],
    ['a carriage return at its end', 'ab\r'],
    ['nothing but line breaks', '\n\r\n\n'],
    ['a zero byte', 'a\0b'],
  ])('may hold %s, whatever ends the lines', async ([, text], { lab }) => {
    for (const [at, end] of ['\n', '\r\n'].entries()) {
      const table = `s.t${String(at)}`
      await lab.landBytes(`s/t${String(at)}/LOAD00000001.csv`, `1,"${text}",x${end}2,,"${text}"${end}`)
      await lab.set(table, { active: true, primaryKey: 'id', csvColumns: columns })
      expect(await lab.runOne(table)).toMatchObject({ error: null })
      expect(await rows(lab, table)).toEqual([
        [text, 'x'],
        [null, text],
      ])
    }
  })
})

describe('a CSV file of which lines would be left out without a word holds the table', () => {
  const many = Array.from({ length: 30_000 }, (_, id) => `${String(id)},a,b\n`).join('')

  test('where it was cut off within quotes, far behind its beginning', async ({ lab }) => {
    const report = await loaded(lab, `${many}30000,a,"open\n30001,a,b\n`)
    expect(report).toMatchObject({ status: 'held', version: null, error: { kind: 'bad-landing' } })
    expect(report.error?.message).toBe('read landing file LOAD00000001.csv: it ends within a quoted field')
  })

  test('where the engine sees fewer lines than there are', async ({ lab }) => {
    const report = await loaded(lab, '1,a,b\n2, "x\ny",c\n')
    expect(report.error?.message).toBe('read landing file LOAD00000001.csv: it has 3 lines of which 2 can be read')
  })

  test('where a zipped file was cut off', async ({ lab }) => {
    const report = await loaded(lab, gzipSync(many).subarray(0, 20_000), {}, 'a.csv.gz')
    expect(report.error?.message).toBe('read landing file LOAD00000001.csv.gz: it is no whole gzip')
  })
})

describe('with Rfc4180 off', () => {
  test('a quote is a character like any other, at the beginning of a field too', async ({ lab }) => {
    const report = await loaded(lab, '1,"a,5" pipe\n2,"",say "x"\n3,",\n', { rfc4180: false })
    expect(report).toMatchObject({ error: null })
    expect(await rows(lab)).toEqual([
      ['"a', '5" pipe'],
      ['""', 'say "x"'],
      ['"', null],
    ])
  })

  test('CsvNullValue is NULL, and so is an empty field', async ({ lab }) => {
    await loaded(lab, '1,NULL,\n2,"NULL",a\n', { rfc4180: false, csvNullValue: 'NULL' })
    expect(await rows(lab)).toEqual([
      [null, null],
      ['"NULL"', 'a'],
    ])
  })
})

test('a CSV delimiter may be given by its code', async ({ lab }) => {
  await loaded(lab, '1\u0001a,b\u0001\n', { csvDelimiter: '\\u0001' })
  expect(await rows(lab)).toEqual([['a,b', null]])
})

test('a CSV table of one column has a row for each empty line', async ({ lab }) => {
  await lab.landBytes('s/one/LOAD00000001.csv', 'a\n\n""\n\nb\n')
  await lab.set('s.one', { active: true, csvColumns: 'v string' })
  expect(await lab.runOne('s.one')).toMatchObject({ changes: { inserted: 5 }, error: null })
})

plainTest('the lines of CSV are counted alike however the bytes are cut', async () => {
  const body = Buffer.from('a,"x\r\n""y"",",1\r\n\r\n"",é,"ü\n"\r\n2,,\r\nlast,"",')
  for (let size = 1; size <= body.length; size++) {
    const chunks = async function* () {
      for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
    }
    const frame = await frameCsv(chunks(), { delimiter: ',', quotes: true })
    expect(frame, `in pieces of ${String(size)}`).toEqual({ fields: 3, records: 4, newLine: '\r\n', openQuote: false })
  }
})

const pieces = ['a', 'NULL', ' ', '"', "'", '\\', '#', 'ü', '🦆', ',', ';', '|', '\t', '\u0001', '\n', '\r', '\r\n']

const files = fc.record({
  delimiter: fc.constantFrom(',', ';', '|', '\t', '\u0001'),
  nullValue: fc.constantFrom(null, 'NULL', '\\N'),
  rfc4180: fc.boolean(),
  header: fc.boolean(),
  gzip: fc.boolean(),
  lineEnd: fc.constantFrom('\n', '\r\n'),
  texts: fc.array(
    fc.tuple(...[0, 1].map(() => fc.option(fc.array(fc.constantFrom(...pieces), { maxLength: 5 }), { freq: 4 }))),
    { minLength: 1, maxLength: 8 },
  ),
})

type File = typeof files extends fc.Arbitrary<infer T> ? T : never

/** What DMS can say at all: without quoting neither delimiters nor line breaks, and no difference of '' and NULL. */
function sayable({ rfc4180, delimiter, nullValue }: File, drawn: readonly string[] | null): Text {
  if (drawn === null || rfc4180) return drawn === null ? null : drawn.join('')
  const text = drawn.filter((piece) => piece !== delimiter && !/[\r\n]/u.test(piece)).join('')
  return text === '' || text === nullValue ? null : text
}

function field({ rfc4180, delimiter, nullValue }: File, text: Text): string {
  if (text === null) return nullValue ?? ''
  const quoted = text === '' || text === nullValue || /["\r\n]/u.test(text) || text.includes(delimiter)
  return rfc4180 && quoted ? `"${text.replaceAll('"', '""')}"` : text
}

test('any text arrives as it was written, in every dialect of CSV', async ({ lab }) => {
  let at = 0
  const arrives = fc.asyncProperty(files, async (file) => {
    const table = `t${String(at++)}`
    const texts = file.texts.map((row) => row.map((drawn) => sayable(file, drawn)))
    const lines = texts.map((row, id) => [String(id), ...row.map((text) => field(file, text))].join(file.delimiter))
    const header = file.header ? [['id', 'v', 'w'].join(file.delimiter)] : []
    const body = [...header, ...lines].map((line) => line + file.lineEnd).join('')
    const name = `s/${table}/LOAD00000001.csv`
    await lab.landBytes(file.gzip ? `${name}.gz` : name, file.gzip ? gzipSync(body) : body)
    const { delimiter, nullValue, rfc4180, header: csvHeader } = file
    await lab.set(`s.${table}`, {
      ...{ active: true, primaryKey: 'id', csvColumns: columns, csvDelimiter: delimiter, rfc4180, csvHeader },
      ...(nullValue === null ? {} : { csvNullValue: nullValue }),
    })
    const [report] = await lab.run({ tables: [{ schema: 's', table }] })
    expect(report).toMatchObject({ error: null })
    expect(await rows(lab, `s.${table}`)).toEqual(texts)
  })
  await fc.assert(arrives, { numRuns: 60 })
})
