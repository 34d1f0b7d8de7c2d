import { gzipSync } from 'node:zlib'
import type { StateRow } from '../../src/state/state-store.ts'
import type { Random } from '../e2e/seeded-random.ts'
import { bad, type Target } from './case.ts'
import { hostileText } from './hostile-texts.ts'
import { rowCanary } from './planted.ts'

/** Hostile CSV, plain and gzipped, under hostile options. */
export const csvTarget: Target = {
  stores: ['file', 'memory'],
  async prepare(world, random) {
    const options = optionsOf(random)
    const row = await world.readRow(bad)
    await world.writeRow(bad, JSON.stringify({ ...row, ...options }))
    const text = random.below(6) === 0 ? oversized(random) : textOf(random)
    const packed = random.below(3) === 0
    const name = random.pick(['20240101-000000005', 'LOAD00000002'])
    const key = `bad/t/${name}.${packed ? 'csv.gz' : 'csv'}`
    await world.land(key, packed ? packedBody(text, random) : text)
    return {
      label: `${packed ? 'gzipped ' : ''}CSV ${JSON.stringify(text.subarray(0, 60).toString('latin1'))} with ${JSON.stringify(options).slice(0, 120)}`,
      landed: [key],
      undo: async () => {
        // Of a row that is too large to be read there is nothing to keep.
        const now = { ...row, ...(await world.readRow(bad)) }
        const plain = Object.fromEntries(Object.keys(options).map((attribute) => [attribute, '']))
        await world.writeRow(bad, JSON.stringify({ ...now, ...plain }))
      },
    }
  },
}

const declared = 'id integer, v string'

function optionsOf(random: Random): StateRow {
  const all: readonly StateRow[] = [
    { CsvColumns: declared },
    { CsvColumns: declared },
    { CsvColumns: declared, CsvHeader: 'true' },
    { CsvHeader: 'true' },
    {},
    { CsvColumns: declared, CsvNullValue: hostileText(random) },
    {
      CsvColumns: declared,
      CsvDelimiter: random.pick([
        ';',
        '\\t',
        "'",
        '\\',
        ' ',
        '|',
        'I',
        '0',
        '\u0001',
        '\u007f',
        'é',
        '😀',
        ',',
        '\n',
        '"',
      ]),
    },
    { CsvColumns: declared, Rfc4180: 'false' },
    {
      CsvColumns: `id integer, v string, ${random.pick(['d date', 'm decimal(38,10)', 'b binary', 'f double', 't timestamp', 'o boolean'])}`,
    },
    { CsvColumns: `"${hostileText(random).replaceAll('"', '""')}" integer, v string` },
    { CsvColumns: Array.from({ length: 2_000 }, (_, i) => `c${String(i)} string`).join(',') },
  ]
  return random.pick(all)
}

const pieces: readonly string[] = [
  `I,1000001,${rowCanary}\n`,
  `U,1000002,${rowCanary}\n`,
  `D,1000003,\n`,
  'I,1000001,',
  'I',
  ',',
  ',,,,,,,,',
  '\n',
  '\r\n',
  '\r',
  '"',
  '""',
  '"""',
  `"a""b"`,
  `"a\nb"`,
  `"a\r\nb,c"`,
  `"${rowCanary}`,
  `\\"`,
  '\\',
  '\0',
  '\ufeff',
  'Op,id,v\n',
  'id,v\n',
  ' I,1000001,x\n',
  `X,1000001,${rowCanary}\n`,
  `i,1000001,${rowCanary}\n`,
  'I,999999999999999999999999,x\n',
  `I,${rowCanary},x\n`,
  'I,1e400,x\n',
  'I,NaN,x\n',
  "I,1000004,'); copy (select 1) to 'pwned.txt'; --\n",
  'I,1000005,x,300000-12-24\n',
  'I,1000005,x,2024-02-30\n',
  'é',
  '😀',
  ';',
  '\t',
  '#comment\n',
  '\x1a',
  '\u2028',
]

function textOf(random: Random): Buffer {
  const count = random.pick([0, 1, 2, 5, 30, 400])
  const parts = Array.from({ length: count }, () =>
    random.below(15) === 0
      ? Buffer.from(
          random.pick([[0xff, 0xfe], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0x80], [0xef, 0xbb], [0, 0, 0xfe, 0xff]]),
        )
      : Buffer.from(random.pick(pieces)),
  )
  const start =
    random.below(2) === 0 ? Buffer.from(`I,1000001,x\n`.repeat(random.pick([1, 3, 3_000]))) : Buffer.alloc(0)
  return Buffer.concat([start, ...parts])
}

function oversized(random: Random): Buffer {
  const bodies: readonly (() => string)[] = [
    () => `I,1000001,${rowCanary.repeat(90_000)}\n`,
    () => `I,1000001,"${'x'.repeat(40_000_000)}"\n`,
    () => 'x'.repeat(40_000_000),
    () => `I,1000001,"${'a\n'.repeat(1_000_000)}`,
    () => `${','.repeat(100_000)}\n`,
    () => `${','.repeat(5_000)}\n`.repeat(3),
    () => '\n'.repeat(1_000_000),
    () => '"'.repeat(1_000_001),
    () => `I,1000001,x\n`.repeat(200_000),
    () => `${'I,1000001,x\n'.repeat(50_000)}I,"${rowCanary}`,
  ]
  return Buffer.from(random.pick(bodies)())
}

function packedBody(text: Buffer, random: Random): Uint8Array {
  const packed = gzipSync(text, { level: 1 })
  const bodies: readonly (() => Uint8Array)[] = [
    () => packed,
    () => packed,
    () => packed.subarray(0, 1 + random.below(packed.length)),
    () => Buffer.concat([packed, Buffer.from('trailing')]),
    () => Buffer.concat([packed, packed]),
    () => text,
    () => {
      const flipped = Buffer.from(packed)
      const at = random.below(flipped.length)
      flipped[at] = (flipped[at] as number) ^ (1 << random.below(8))
      return flipped
    },
    () => gzipSync(packed),
    () => gzipSync(Buffer.alloc(100_000_000)),
    () => gzipSync('I,1000001,x\n'.repeat(3_000_000)),
    () => Buffer.concat(Array.from({ length: 500 }, () => gzipSync(''))),
  ]
  return random.pick(bodies)()
}
