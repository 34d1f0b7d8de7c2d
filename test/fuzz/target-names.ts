import { tableName } from '../../src/domain.ts'
import { ident } from '../../src/engine/sql.ts'
import type { Random } from '../e2e/seeded-random.ts'
import { bad, type Target } from './case.ts'
import { hostileName } from './hostile-texts.ts'
import { parquetOf } from './parquet-bytes.ts'
import { rowCanary } from './planted.ts'
import type { World } from './world.ts'

/** Hostile names of schemas, tables, files, columns and partition values. */
export const namesTarget: Target = {
  stores: ['file', 'memory'],
  async prepare(world, random) {
    return random.below(3) === 0 ? columns(world, random) : tables(world, random)
  },
}

async function tables(world: World, random: Random) {
  const count = random.pick([1, 2, 4])
  const body = await parquetOf(`select 1 as id, '${rowCanary}' as v`)
  const made: string[] = []
  for (let i = 0; i < count; i++) {
    const schema = random.below(2) === 0 ? hostileName(random) : random.pick(['bad', 'good', 's'])
    const table = random.below(4) === 0 ? 't' : hostileName(random)
    const file = random.pick([
      'LOAD00000001.parquet',
      'LOAD00000001.parquet',
      '../LOAD00000001.parquet',
      hostileName(random),
      '/',
      '',
    ])
    const key = `${schema}/${table}/${file}`
    if (await landed(world, key, body)) made.push(key)
  }
  await world.run()
  for (const { id, row } of await world.ports.state.list())
    if (row?.ActiveFlag === 'false')
      await world.writeRow(id, JSON.stringify({ ...row, ActiveFlag: 'true', PrimaryKey: 'id' })).catch(() => {})
  return { label: `names ${JSON.stringify(made).slice(0, 300)}`, landed: [], others: true }
}

/** False for a name that the file system refuses, and for one that would lie outside of the landing. */
async function landed(world: World, key: string, body: Uint8Array): Promise<boolean> {
  if (world.kind === 'file' && key.split('/').some((part) => part === '..' || part === '.' || part === '')) return false
  return world.land(key, body).then(
    () => true,
    () => false,
  )
}

async function columns(world: World, random: Random) {
  const id = { schema: 'bad', table: 'named' }
  const [name, value] = [hostileName(random).replaceAll('\0', '') || 'x', hostileName(random).replaceAll('\0', '')]
  const text = `'${value.replaceAll("'", "''")}'`
  const rows = (op: string, more: string) =>
    parquetOf(`select ${op}1 as id, ${text} as ${ident(name)}, '${rowCanary}' as v${more}`)
  await world.land('bad/named/LOAD00000001.parquet', await rows('', '').catch(() => new Uint8Array(1)))
  const change = await rows(`'U' as "Op", `, random.pick(['', ', 5 as more'])).catch(() => new Uint8Array(1))
  await world.land('bad/named/20240101-000000001.parquet', change)
  const quoted = name.includes(',') || name.includes('"') ? ident(name) : name
  await world.activate(id, {
    PrimaryKey: random.pick(['id', quoted, `id,${quoted}`]),
    PartitionKey: random.pick(['null', quoted]),
    Publish: random.pick(['', 'delta', 'manifest', 'delta,manifest']),
  })
  return {
    label: `column ${JSON.stringify(name).slice(0, 100)} with value ${JSON.stringify(value).slice(0, 100)} of ${tableName(bad)}`,
    landed: [],
    others: true,
  }
}
