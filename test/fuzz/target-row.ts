import { join } from 'node:path'
import type { StateRow } from '../../src/state/state-store.ts'
import type { Random } from '../e2e/seeded-random.ts'
import { bad, type Target } from './case.ts'
import { hostileText, hostileValue } from './hostile-texts.ts'
import { parquetOf } from './parquet-bytes.ts'
import { rowCanary } from './planted.ts'
import type { World } from './world.ts'

/** Hostile state rows. */
export const rowTarget: Target = {
  stores: ['file', 'memory'],
  async prepare(world, random) {
    const before = await world.readRow(bad)
    const key = 'bad/t/20240101-000000005.parquet'
    await world.land(key, await parquetOf(`select 'U' as "Op", 1 as id, '${rowCanary}5' as v`))
    const [text, label] = random.below(10) === 0 ? damagedText(before, random) : editedText(world, before, random)
    await world.writeRow(bad, text)
    return {
      label: `a row with ${label.slice(0, 300)}`,
      landed: [key],
      others: true,
      undo: () => world.writeRow(bad, JSON.stringify(before)),
    }
  },
}

const attributes = [
  'path',
  'bucket',
  'prefix',
  'folder',
  'PrimaryKey',
  'PartitionKey',
  'LastFullLoadDate',
  'LastIncrementalFile',
  'ActiveFlag',
  'out_path',
  'Publish',
  'Retain',
  'LookBack',
  'LoadSettle',
  'LandingTimezone',
  'KeepOp',
  'BeforeImagePrefix',
  'CsvColumns',
  'CsvHeader',
  'CsvNullValue',
  'CsvDelimiter',
  'Rfc4180',
  'SequenceColumn',
  'OnVanish',
  'Landed',
  'MirroredIncrementalFile',
  'MirroredFullLoadDate',
  'Version',
  'Digest',
  'Published',
  'CatalogTable',
  'Lease',
  'LeaseEpoch',
  'Held',
  'Rows',
  'DataFiles',
  'Bytes',
  'LastRun',
  'Adopted',
  'LandedAsked',
  '__proto__',
]

function editedText(world: World, before: StateRow, random: Random): readonly [string, string] {
  const edits: [string, unknown][] = []
  for (let i = random.pick([1, 1, 1, 2, 5]); i > 0; i--) {
    const attribute = random.pick(attributes)
    edits.push([attribute, random.below(3) === 0 ? pointed(world, attribute, before, random) : hostileValue(random)])
  }
  const attributesOf = new Map<string, unknown>([...Object.entries(before), ...edits])
  const text = `{${[...attributesOf].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value) ?? 'null'}`).join(',')}}`
  return [text, edits.map(([name, value]) => `${name} = ${JSON.stringify(value)?.slice(0, 80) ?? ''}`).join(', ')]
}

/** Values that are well formed and lead somewhere else. */
function pointed(world: World, attribute: string, before: StateRow, random: Random): unknown {
  const { lake, landing } = world.ports
  switch (attribute) {
    case 'out_path':
      return random.pick([
        `${lake.place}../`,
        `${lake.place}bad/../../`,
        `${lake.place}_dmscdc/bad/`,
        `${lake.place}_dmscdc/good/g/`,
        `${lake.place}.dmscdc-tmp/`,
        `${lake.place}good/`,
        lake.place,
        landing.place,
        `${landing.place}bad/`,
        `${join(world.root, 'lake-beside')}/`,
        `${join(world.root, 'outside')}/`,
        'other-bucket/x/',
        's3://other-bucket/',
        '/',
        '/etc/',
        `${lake.place.slice(0, -1)}-beside/`,
        `file://${lake.place}bad/`,
        `${lake.place}bad/%2e%2e/`,
        `${lake.place}${hostileText(random)}/`,
      ])
    case 'folder':
      return random.pick([
        '../',
        '../../outside/',
        '/',
        't/../../good/g/',
        './',
        'g/',
        '_delta_log/',
        `${hostileText(random)}/`,
        't//x/',
      ])
    case 'Landed':
      return random.pick([
        'delete',
        'delete:0',
        'archive:../outside/',
        'archive:/etc/',
        'archive:good/',
        'archive:bad/',
        'archive:_dmscdc/',
        'archive:_taken/',
        `archive:${hostileText(random)}/`,
      ])
    case 'LastIncrementalFile':
      return random.pick([
        `${String(before.path)}20240101-000000001.parquet`,
        `${String(before.path)}../../good/g/20240101-000000001.parquet`,
        `${String(before.path)}99999999-999999999.parquet`,
        `${String(before.path)}20240101-000000005.parquet`,
        '/etc/passwd',
        '0.parquet',
        `${String(before.path)}${hostileText(random)}`,
      ])
    case 'PrimaryKey':
    case 'PartitionKey':
      return random.pick([
        'v',
        'id,v',
        'nothing',
        '"',
        '""',
        'v,v',
        'Op',
        '"id"',
        `"${hostileText(random)}"`,
        ['id'],
        'null',
        '',
      ])
    case 'Version':
      return random.pick([
        0,
        1,
        2,
        3,
        15,
        16,
        17,
        1_000,
        100_000_000,
        4_294_967_295,
        9_007_199_254_740_991,
        '99999999999999999999',
      ])
    case 'Lease':
      return random.pick([
        { runId: 'x', txnId: '../../../outside', host: 'h', pid: 1, processStartedMs: 0, epoch: 1, expiresMs: 0 },
        { runId: 'x', txnId: null, host: 'h', pid: 999_999_999, processStartedMs: 0, epoch: 9e15, expiresMs: 1e300 },
        { runId: 5 },
      ])
    case 'LastFullLoadDate':
      return random.pick([
        '1970-01-01 00:00:00',
        '9999-12-31 23:59:59',
        '2024-13-45 99:99:99',
        '2024-02-30T00:00:00Z',
        '2024-01-01 00:00:00+99:99',
      ])
    case 'Publish':
      return random.pick(['delta', 'manifest', 'delta,manifest', 'glue', ['delta'], 'DELTA', 'delta,delta'])
    default:
      return hostileValue(random)
  }
}

function damagedText(before: StateRow, random: Random): readonly [string, string] {
  const text = JSON.stringify(before)
  const made = random.pick([
    '',
    'null',
    '[]',
    '"x"',
    '5',
    '{}',
    text.slice(0, random.below(text.length)),
    `\ufeff${text}`,
    text + text,
    `${'['.repeat(100_000)}`,
    `${'{"a":'.repeat(100_000)}`,
    text.replace('false', rowCanary),
    `{"ActiveFlag": ${rowCanary}}`,
    `//${text}`,
  ])
  return [made, `the text ${made.slice(0, 60)}`]
}
