import type { Random } from '../e2e/seeded-random.ts'
import { bad, type Hostile, type Target } from './case.ts'
import { hostileText, hostileValue } from './hostile-texts.ts'
import { parquetOf } from './parquet-bytes.ts'
import { rowCanary } from './planted.ts'
import type { World } from './world.ts'

/** Hostile entries, checkpoints and pointers in a table's own log. */
export const logTarget: Target = {
  stores: ['file', 'memory'],
  async prepare(world, random) {
    const keys = (await world.lakeKeys('_dmscdc/bad/t/')).filter((key) => key.includes('/_delta_log/'))
    const change = 'bad/t/20240101-000000005.parquet'
    await world.land(change, await parquetOf(`select 'U' as "Op", 1 as id, '${rowCanary}5' as v`))
    const [label, key, body] = await hostileObject(world, keys, random)
    await world.ports.lake.put(key, body, { kind: 'any' })
    if (random.below(3) === 0) {
      const { Version: _, ...row } = await world.readRow(bad)
      await world.writeRow(bad, JSON.stringify(row))
    }
    return { label, landed: [change], damagesLog: true, others: true } satisfies Hostile
  },
}

const log = '_dmscdc/bad/t/_delta_log/'

async function hostileObject(
  world: World,
  keys: readonly string[],
  random: Random,
): Promise<readonly [string, string, Uint8Array]> {
  const entries = keys.filter((key) => key.endsWith('.json'))
  const key = random.pick(entries)
  const text = Buffer.from((await world.ports.lake.get(key))?.body ?? []).toString()
  switch (random.below(6)) {
    case 0:
      return ['bit flips in an entry', key, flipped(text, random)]
    case 1:
      return ['an entry cut short', key, Buffer.from(text.slice(0, random.below(text.length)))]
    case 2: {
      const version = random.pick([
        '3',
        '17',
        '99999999',
        '9007199254740993',
        '18446744073709551615',
        '99999999999999999999',
      ])
      return [`an entry of version ${version}`, `${log}${version.padStart(20, '0')}.json`, Buffer.from(text)]
    }
    case 3: {
      const version = random.pick([0, 1, 5, 1e9, 1e15, 9007199254740991, -1, 1.5, '1'])
      const pointer = JSON.stringify({ version, size: 5, sizeInBytes: random.pick([0, 5, 1e15]), numOfAddFiles: 1 })
      const body = random.pick([pointer, '', '{', 'null', '[]', '['.repeat(100_000)])
      return [`a pointer ${body.slice(0, 60)}`, `${log}_last_checkpoint`, Buffer.from(body)]
    }
    default: {
      const [lines, what] = editedLines(text, random)
      return [`an entry with ${what}`, key, Buffer.from(lines)]
    }
  }
}

function flipped(text: string, random: Random): Uint8Array {
  const body = Buffer.from(text)
  for (let i = random.pick([1, 3, 20]); i > 0; i--) {
    const at = random.below(body.length)
    body[at] = (body[at] as number) ^ (1 << random.below(8))
  }
  return body
}

type Json = { [name: string]: unknown }

/** One line with one field of it replaced, at any depth; fields that hold JSON as text are opened too. */
function editedLines(text: string, random: Random): readonly [string, string] {
  const lines = text.split('\n').filter((line) => line !== '')
  if (random.below(4) === 0) return addedLine(lines, random)
  const at = random.below(lines.length)
  const line = JSON.parse(lines[at] as string) as Json
  const [kind] = Object.keys(line) as [string]
  const where: string[] = [kind]
  edit(line[kind] as Json, random, where)
  lines[at] = JSON.stringify(line)
  return [`${lines.join('\n')}\n`, where.join('.').slice(0, 200)]
}

function edit(object: Json, random: Random, where: string[]): void {
  const names = Object.keys(object)
  if (names.length === 0) return
  const name = random.pick(names)
  where.push(name)
  const value = object[name]
  if (typeof value === 'object' && value !== null && random.below(3) > 0) {
    edit(value as Json, random, where)
    return
  }
  if (typeof value === 'string' && /^[[{]/u.test(value) && random.below(4) > 0) {
    const inner = JSON.parse(value) as Json
    edit(inner, random, where)
    object[name] = JSON.stringify(inner)
    return
  }
  object[name] =
    /path|key|txn|name|cursor|window/iu.test(name) && random.below(2) === 0 ? hostilePath(random) : hostileValue(random)
  where.push(`= ${JSON.stringify(object[name])?.slice(0, 80) ?? ''}`)
}

function hostilePath(random: Random): string {
  return random.pick([
    '../g/x.parquet',
    '../../good/g/part.parquet',
    '../../../outside/keep.parquet',
    '%2e%2e/%2e%2e/good/g/part.parquet',
    '..%2F..%2F..%2Foutside%2Fkeep.txt',
    '/etc/passwd',
    '//etc/passwd',
    'file:///etc/passwd',
    's3://other/x.parquet',
    '%00',
    '%E0%A4%A',
    '%',
    '',
    '.',
    'a//b.parquet',
    'a/./b.parquet',
    '_delta_log/00000000000000000000.json',
    'x'.repeat(5_000),
    hostileText(random),
  ])
}

/** Whole actions that lead elsewhere: files to be placed from, and deleted, outside of the table's folder. */
function addedLine(lines: readonly string[], random: Random): readonly [string, string] {
  const path = hostilePath(random)
  const tags = {
    'dmscdc.sha256': 'ab',
    'dmscdc.footerBytes': '5',
    'dmscdc.fields': '1,2',
    'dmscdc.txn': hostilePath(random),
  }
  const known = lines.find((line) => line.startsWith('{"add"'))
  const add = known === undefined ? null : { add: { ...JSON.parse(known).add, path } }
  const actions: readonly Json[] = [
    {
      remove: {
        path,
        deletionTimestamp: 1,
        dataChange: true,
        extendedFileMetadata: true,
        partitionValues: {},
        size: 1,
      },
    },
    {
      add: {
        path,
        partitionValues: {},
        size: 1e15,
        modificationTime: 1,
        dataChange: true,
        stats: '{"numRecords":9007199254740991}',
        tags,
      },
    },
    ...(add === null ? [] : [add]),
  ]
  const action = random.pick(actions)
  return [`${[...lines, JSON.stringify(action)].join('\n')}\n`, `the action ${JSON.stringify(action).slice(0, 160)}`]
}
