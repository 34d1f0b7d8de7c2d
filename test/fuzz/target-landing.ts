import { mkdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { SchemaElement } from 'hyparquet'
import { ident, literal } from '../../src/engine/sql.ts'
import type { Random } from '../e2e/seeded-random.ts'
import type { Hostile, Target } from './case.ts'
import { hostileName } from './hostile-texts.ts'
import { footerLength, parquetOf, varint, withFooter, withFooterBytes } from './parquet-bytes.ts'
import { rowCanary } from './planted.ts'
import type { World } from './world.ts'

/** Hostile Parquet files (and what only says that it is one) as change files and full loads. */
export const landingTarget: Target = {
  stores: ['file', 'memory'],
  async prepare(world, random) {
    if (world.kind === 'file' && random.below(12) === 0) return linked(world, random)
    const damage = random.pick(damages)
    const made = await damage(random)
    const keys = random.pick([
      ['bad/t/20240101-000000005.parquet'],
      ['bad/t/20240101-000000005.parquet', 'bad/t/20240101-000000006.parquet'],
      ['bad/t/LOAD00000002.parquet'],
      ['bad/t/2024/01/01/20240101-000000005.parquet'],
    ])
    const landed = made.files ?? keys
    for (const key of landed) await world.land(key, made.body)
    return { label: `${made.label} at ${landed[0] ?? ''}`, landed, mustHold: made.mustHold ?? false }
  },
}

type Made = {
  readonly label: string
  readonly body: Uint8Array
  readonly mustHold?: boolean
  readonly files?: readonly string[]
}
type Damage = (random: Random) => Promise<Made>

const codecs = ['snappy', 'zstd', 'gzip', 'uncompressed', 'lz4_raw', 'brotli']

function goodBody(random: Random): Promise<Uint8Array> {
  const rows = random.pick([1, 5, 250])
  const wide = random.pick([
    '',
    `, range::double as d, (range % 100)::decimal(9,2) as m, timestamp '2024-01-01' as at, date '2024-01-01' as day`,
    `, (range % 2 = 0) as flag, encode('${rowCanary}') as b, range::utinyint as u, time '01:02:03' as t`,
  ])
  return parquetOf(
    `select case when range % 3 = 0 then 'U' when range % 3 = 1 then 'I' else 'D' end as "Op", (1000000 + range)::integer as id,
       '${rowCanary}' || range as v${wide} from range(${String(rows)})`,
    `compression ${random.pick(codecs)}, row_group_size 2048`,
  )
}

const flipped: Damage = async (random) => {
  const body = Buffer.from(await goodBody(random))
  const flips = random.pick([1, 1, 2, 5, 50])
  for (let i = 0; i < flips; i++) flip(body, random.below(body.length), random)
  return { label: `${String(flips)} bit flips`, body }
}

const footerFlipped: Damage = async (random) => {
  const body = Buffer.from(await goodBody(random))
  const length = footerLength(body)
  const flips = random.pick([1, 2, 4, 20])
  for (let i = 0; i < flips; i++) flip(body, body.length - 8 - length + random.below(length), random)
  return { label: `${String(flips)} bit flips in the footer`, body }
}

const pageHeaderFlipped: Damage = async (random) => {
  const body = Buffer.from(await goodBody(random))
  for (let i = 0; i < random.pick([1, 2, 6]); i++) flip(body, 4 + random.below(40), random)
  return { label: 'bit flips in the first page header', body }
}

function flip(body: Buffer, at: number, random: Random): void {
  body[at] = random.below(3) === 0 ? random.below(256) : (body[at] as number) ^ (1 << random.below(8))
}

const truncated: Damage = async (random) => {
  const body = await goodBody(random)
  return { label: 'truncated', body: body.subarray(0, 1 + random.below(body.length - 1)), mustHold: true }
}

const footerLengthLies: Damage = async (random) => {
  const body = Buffer.from(await goodBody(random))
  body.writeUInt32LE(
    random.pick([0, 1, 0x7fffffff, 0xffffffff, body.length, body.length - 12, 0x10000000]),
    body.length - 8,
  )
  return { label: 'a footer length that lies', body }
}

const metadataLies: Damage = async (random) => {
  let what = ''
  const body = withFooter(await goodBody(random), (footer) => {
    const huge = random.pick([0n, -1n, 1n, 2n ** 31n, 2n ** 40n, 2n ** 62n, -(2n ** 62n)])
    const group = random.pick(footer.row_groups)
    const column = random.pick(group.columns).meta_data
    if (column === undefined) return
    what = random.pick([
      'rows',
      'group rows',
      'group bytes',
      'values',
      'bytes',
      'unpacked',
      'offset',
      'dictionary',
      'codec',
      'type',
      'path',
      'schema type',
      'groups',
      'version',
    ])
    if (what === 'rows') footer.num_rows = huge
    if (what === 'group rows') group.num_rows = huge
    if (what === 'group bytes') group.total_byte_size = huge
    if (what === 'values') column.num_values = huge
    if (what === 'bytes') column.total_compressed_size = huge
    if (what === 'unpacked') column.total_uncompressed_size = huge
    if (what === 'offset') column.data_page_offset = huge
    if (what === 'dictionary') column.dictionary_page_offset = huge
    if (what === 'codec') column.codec = random.pick(['GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'UNCOMPRESSED'] as const)
    if (what === 'type')
      column.type = random.pick(['INT96', 'BOOLEAN', 'FIXED_LEN_BYTE_ARRAY', 'BYTE_ARRAY', 'INT32'] as const)
    if (what === 'path') column.path_in_schema = [footer.schema[1]?.name ?? '']
    if (what === 'schema type') {
      const element = random.pick(footer.schema.slice(1))
      element.type = random.pick(['INT96', 'BOOLEAN', 'FIXED_LEN_BYTE_ARRAY', 'BYTE_ARRAY', 'INT64'] as const)
      element.type_length = random.pick([0, -1, 1, 16, 2 ** 31 - 1])
    }
    if (what === 'groups') for (let i = 0; i < 2_000; i++) footer.row_groups.push(group)
    if (what === 'version') footer.version = random.pick([0, -1, 99])
  })
  return { label: `a footer that lies of its ${what}`, body }
}

const schemaLies: Damage = async (random) => {
  const what = random.pick([
    'children',
    'root children',
    'deep',
    'wide',
    'none',
    'names',
    'repeated',
    'decimal',
    'utf8',
  ])
  const body = withFooter(await goodBody(random), ({ schema }) => {
    const root = schema[0] as SchemaElement
    const element = random.pick(schema.slice(1))
    const count = random.pick([-1, 1, 5, 2 ** 20, 2 ** 31 - 1, -(2 ** 31)])
    if (what === 'children') element.num_children = count
    if (what === 'root children') root.num_children = count
    if (what === 'deep')
      for (let i = 0; i < random.pick([50, 5_000, 100_000]); i++)
        schema.push({ name: 'x', num_children: 1, repetition_type: 'OPTIONAL' })
    if (what === 'deep') root.num_children = (root.num_children ?? 0) + 1
    if (what === 'wide')
      for (let i = 0; i < 20_000; i++)
        schema.push({ name: `c${String(i)}`, type: 'INT32', repetition_type: 'OPTIONAL' })
    if (what === 'wide') root.num_children = schema.length - 1
    if (what === 'none') schema.splice(1)
    if (what === 'names') element.name = hostileName(random)
    if (what === 'repeated') element.repetition_type = random.pick(['REPEATED', 'REQUIRED', 'OPTIONAL'] as const)
    if (what === 'decimal')
      Object.assign(element, {
        converted_type: 'DECIMAL',
        precision: random.pick([0, -1, 39, 2 ** 31 - 1]),
        scale: random.pick([-1, 0, 99]),
      })
    if (what === 'utf8')
      Object.assign(element, {
        converted_type: random.pick(['UTF8', 'JSON', 'BSON', 'LIST', 'MAP', 'INTERVAL', 'TIME_MICROS', 'UINT_64']),
      })
  })
  return { label: `a schema that lies: ${what}`, body }
}

const thriftBomb: Damage = async (random) => {
  const size = varint(random.pick([2n ** 31n, 2n ** 32n - 1n, 2n ** 40n, 100_000_000n]))
  const footer = random.pick([
    Buffer.concat([Buffer.from([0x15, 0x02, 0x29, 0xfc]), size]),
    Buffer.concat([Buffer.from([0x15, 0x02, 0x18]), size]),
    Buffer.concat([Buffer.from([0x15, 0x02, 0x29, 0xf5]), size, Buffer.alloc(50_000)]),
    Buffer.alloc(200_000, 0x1c),
    Buffer.alloc(200_000, 0x19),
    Buffer.from(Uint8Array.from({ length: 5_000 }, () => random.below(256))),
  ])
  return { label: 'a Thrift bomb', body: withFooterBytes(await goodBody(random), footer), mustHold: true }
}

const notParquet: Damage = async (random) => {
  const body = await goodBody(random)
  const bodies: readonly Uint8Array[] = [
    Buffer.from('Op,id,v\nI,1,a\n'),
    gzipSync(body),
    Buffer.concat([Buffer.from('PARE'), Buffer.from(body).subarray(4, -4), Buffer.from('PARE')]),
    Buffer.from('PAR1PAR1'),
    Buffer.from('PAR1\0\0\0\0PAR1'),
    Buffer.from('x'),
    Buffer.alloc(1_000_000),
    Buffer.concat([body, Buffer.from('\n')]),
    Buffer.concat([Buffer.from('\n'), body]),
    Uint8Array.from({ length: 3_000 }, () => random.below(256)),
  ]
  return { label: 'no Parquet', body: random.pick(bodies) }
}

const selects: readonly ((random: Random) => string)[] = [
  () => `select 'I' as "Op", 1000001 as id, [1, 2] as v`,
  () => `select 'I' as "Op", 1000001 as id, {'a': 1, 'b': ['x']} as v`,
  () => `select 'I' as "Op", 1000001 as id, map {'a': 1} as v`,
  () => `select 'I' as "Op", 1000001 as id, interval 1 day as v`,
  () => `select 'I' as "Op", 1000001 as id, uuid() as v`,
  () => `select 'I' as "Op", 1000001 as id, '${rowCanary}' as v where false`,
  () => `select 1000001 as id`,
  () => `select 'I' as "Op"`,
  (random) =>
    `select ${random.pick(['1', 'true', 'null', `'i'`, `'II'`, `' I'`, `''`, `['I']`, `'I'::blob`, `date '2024-01-01'`, `'${rowCanary}'`])} as "Op", 1000001 as id, '${rowCanary}' as v`,
  (random) =>
    `select 'I' as "Op", 1000001 as id, '${rowCanary}' as v, 'D' as ${random.pick([`"oP"`, `" Op"`, `"Op "`, `"BI_id"`, `"BI_"`, `"BI_Op"`, `"BI_BI_id"`])}`,
  (random) =>
    `select 'I' as "Op", 1000001 as id, '${rowCanary}' as v, 1 as ${ident(hostileName(random).replaceAll('\0', '') || 'x')}`,
  (random) =>
    `select 'I' as "Op", ${random.pick([`'${rowCanary}'`, 'null', '1.5', 'true', `date '2024-01-01'`, '1e300', '9223372036854775807'])} as id, '${rowCanary}' as v`,
  (random) => `select 'I' as "Op", 1000001 as id, repeat('${rowCanary}', ${String(random.pick([1, 90_000]))}) as v`,
  (random) =>
    `select 'I' as "Op", 1000001 as id, ${Array.from({ length: random.pick([100, 1_500, 5_000]) }, (_, i) => `${String(i)} as c${String(i)}`).join(', ')}`,
  (random) =>
    `select 'I' as "Op", (1000000 + range)::integer as id, repeat('a', 1000000) as v from range(${String(random.pick([100, 1_000]))})`,
  (random) =>
    `select 'I' as "Op", 1000001 as id, chr(${String(random.pick([0, 1, 10, 13, 27, 34, 39, 92, 127, 65279, 65533, 1114111]))}) as v`,
]

const strangeRows: Damage = async (random) => {
  const select = random.pick(selects)(random)
  return {
    label: `rows of ${select.slice(0, 90)}`,
    body: await parquetOf(select, `compression ${random.pick(['zstd', 'snappy'])}`),
  }
}

const notUtf8: Damage = async (random) => {
  const bytes = random.pick([
    '\\xFF\\xFE',
    '\\xC3\\x28',
    '\\xED\\xA0\\x80',
    '\\xF4\\x90\\x80\\x80',
    '\\x00',
    '\\xE2\\x82',
  ])
  const body = await parquetOf(`select 'I' as "Op", 1000001 as id, ${literal(bytes)}::blob as v`)
  return {
    label: `text that is no UTF-8: ${bytes}`,
    body: withFooter(body, ({ schema }) => Object.assign(schema[3] as SchemaElement, { converted_type: 'UTF8' })),
  }
}

const manyTiny: Damage = async (random) => {
  const count = random.pick([20, 200])
  const files = Array.from({ length: count }, (_, i) => `bad/t/20240102-${String(i).padStart(9, '0')}.parquet`)
  const body = await random.pick([
    async () => Buffer.from('x'),
    () => parquetOf(`select 'I' as "Op", 1000001 as id, 'x' as v`),
  ])()
  return { label: `${String(count)} tiny files`, body, files }
}

const damages: readonly Damage[] = [
  flipped,
  flipped,
  footerFlipped,
  footerFlipped,
  footerFlipped,
  pageHeaderFlipped,
  truncated,
  footerLengthLies,
  metadataLies,
  metadataLies,
  metadataLies,
  schemaLies,
  schemaLies,
  thriftBomb,
  notParquet,
  strangeRows,
  strangeRows,
  strangeRows,
  notUtf8,
  manyTiny,
]

/** Links out of the landing, and files that are none. None of them may be followed. */
async function linked(world: World, random: Random): Promise<Hostile> {
  const places: readonly (readonly [string, string])[] = [
    ['bad/t/20240101-000000005.parquet', join(world.root, 'outside/20240101-000000005.parquet')],
    ['bad/t/20240101-000000005.parquet', '../../../outside/20240101-000000005.parquet'],
    ['bad/t/2024', join(world.root, 'outside')],
    ['bad/linked', join(world.root, 'outside')],
    ['linked', join(world.root, 'outside')],
    ['linked', world.root],
    ['bad/t/loop', '.'],
    ['bad/t/20240101-000000005.parquet', '20240101-000000005.parquet'],
    ['bad/t/20240101-000000005.parquet', '/dev/zero'],
    ['bad/t/LOAD00000002.parquet', join(world.root, 'outside/LOAD00000001.parquet')],
  ]
  const [key, target] = random.pick(places)
  await mkdir(dirname(join(world.landing, key)), { recursive: true })
  await symlink(target, join(world.landing, key))
  return { label: `a link ${key}`, landed: [key] }
}
