import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { FileColumn } from '../sample-db/layout.ts'
import { arrowParquet } from '../sample-db/parquet-arrow.ts'
import { defaultSettings } from '../sample-db/settings.ts'
import { setTables } from '../src/controller/set-table.ts'
import { tableName } from '../src/domain.ts'
import { literal } from '../src/engine/sql.ts'
import type { Lab } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'

/** A file with columns under any names. */
function fileOf(columns: readonly (readonly [string, readonly Cell[]])[]): Uint8Array {
  const described = columns.map(([name, cells]): FileColumn => {
    const type = cells.some((cell) => typeof cell === 'number')
      ? ({ kind: 'integer', bits: 32, signed: true } as const)
      : ({ kind: 'text' } as const)
    return { name, type, required: false, cells }
  })
  return arrowParquet(described, defaultSettings)
}

/** The rows of a table's folder, by position: neither the folder's nor a column's name can be in the way of the reader. */
async function rowsByPosition(lab: Lab, folder: string, orderBy: string): Promise<unknown[][]> {
  const plain = join(lab.folder, 'plain')
  await mkdir(plain, { recursive: true })
  const paths: string[] = []
  for (const [at, key] of (await filesBelow(folder)).entries()) {
    const path = join(plain, `${String(at)}.parquet`)
    await copyFile(join(folder, key), path)
    paths.push(literal(path))
  }
  const [first] = paths
  const columns = await lab.sql(`select name from parquet_schema(${first ?? ''}) where num_children is null`)
  const names = columns.map((_, at) => `r${String(at)}`)
  const rows = await lab.sql(
    `select * from read_parquet([${paths.join(', ')}], hive_partitioning = false) as t(${names.join(', ')}) order by ${orderBy}`,
  )
  return [columns.map(({ name }) => name), ...rows.map((row) => names.map((name) => row[name]))]
}

const oddColumns = [
  'filename',
  'file_row_number',
  'file_index',
  'op',
  'rnk',
  'ord',
  'pos',
  'f',
  'c1',
  'b1',
  'k1',
  'r0',
  'last',
  'home',
  'total',
  'partition_number',
  'select',
  'with "quotes"',
  "it's",
  'a.b',
  'with space',
  ' leading',
  '🦆',
  'line\nbreak',
  'back\\slash',
  'semi;colon--',
  '$1',
  '{name}',
  'x,y',
  '__proto__',
  'constructor',
]

const oddKeys = [
  'filename',
  'op',
  'ord',
  'f',
  'k1',
  'partition_number',
  'with "quotes"',
  "it's",
  'a.b',
  'x,y',
  'line\nbreak',
  '🦆',
  '__proto__',
  'constructor',
]

describe('columns named', () => {
  test('as ours are, as the engine’s are, or in no way that a name should be are data', async ({ lab }) => {
    const columns = (...rows: readonly (readonly [number, Cell])[]): (readonly [string, readonly Cell[]])[] => [
      ['id', rows.map(([id]) => id)],
      ...oddColumns.map((name) => [name, rows.map(([, cell]) => cell && `${String(cell)} ${name}`)] as const),
    ]
    await lab.landBytes('s/t/LOAD00000001.parquet', fileOf(columns([1, 'a'], [2, 'b'], [3, 'c'])))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    const changes = columns([1, 'changed'], [2, 'b'], [3, null], [4, 'new'])
    await lab.landBytes('s/t/20240101-000000000.parquet', fileOf([['Op', ['U', 'U', 'D', 'I']], ...changes]))
    expect(await lab.runOne('s.t')).toMatchObject({
      changes: { inserted: 1, updated: 1, deleted: 1, unchanged: 1 },
      error: null,
    })
    const row = (id: number, text: string) => [id, ...oddColumns.map((name) => `${text} ${name}`)]
    expect(await rowsByPosition(lab, `${lab.lake}/s/t`, 'r0')).toEqual([
      ['id', ...oddColumns],
      row(1, 'changed'),
      row(2, 'b'),
      row(4, 'new'),
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test.for(oddKeys)('%j may be the key, and what the table is partitioned by', async (name, { lab }) => {
    const quoted = `"${name.replaceAll('"', '""')}"`
    await lab.landBytes(
      's/t/LOAD00000001.parquet',
      fileOf([
        [name, ['a', 'b']],
        ['v', [1, 2]],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: quoted })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    await lab.landBytes(
      's/t/20240101-000000000.parquet',
      fileOf([
        ['Op', ['U', 'D', 'I']],
        [name, ['a', 'b', 'c']],
        ['v', [9, null, 3]],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 1 }, error: null })
    await lab.set('s.t', { partitionKey: quoted })
    expect(await lab.runOne('s.t')).toMatchObject({ filesAdded: 2, error: null })
    await lab.landBytes(
      's/t/20240101-000000001.parquet',
      fileOf([
        ['Op', ['U']],
        [name, ['a']],
        ['v', [10]],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 1, inserted: 0 }, error: null })
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [], rows: 2 }])
  })

  test('OP or op beside Op is the source’s own', async ({ lab }) => {
    await lab.landBytes(
      's/t/LOAD00000001.parquet',
      fileOf([
        ['id', [1]],
        ['OP', ['x']],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.landBytes(
      's/t/20240101-000000000.parquet',
      fileOf([
        ['Op', ['U']],
        ['id', [1]],
        ['OP', ['D']],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await rowsByPosition(lab, `${lab.lake}/s/t`, 'r0')).toEqual([
      ['id', 'OP'],
      [1, 'D'],
    ])
  })

  test('op beside a kept Op differs by case alone, and holds the table', async ({ lab }) => {
    await lab.landBytes(
      's/t/LOAD00000001.parquet',
      fileOf([
        ['id', [1]],
        ['op', ['x']],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id', keepOp: true })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(report.error?.message).toContain('column "op" differs from the table\'s "Op" only by case')
  })

  test('id and ID in one file holds the table', async ({ lab }) => {
    await lab.landBytes(
      's/t/LOAD00000001.parquet',
      fileOf([
        ['id', [1]],
        ['ID', [2]],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(report.error?.message).toContain('column "ID" differs from the table\'s "id" only by case')
  })

  test('nothing at all holds the table, and the message says so', async ({ lab }) => {
    await lab.landBytes(
      's/t/LOAD00000001.parquet',
      fileOf([
        ['id', [1]],
        ['', ['x']],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    expect(report.error?.message).toBe(
      'read landing file LOAD00000001.parquet: column 2 has no name, which the lake cannot hold',
    )
  })
})

const oddTables: [string, string][] = [
  ['my.schema', 'my.table'],
  ['with space', ' leading'],
  ["it's", 'say "x"'],
  ['🦆', 'ünï'],
  ['[x]*?', '[a-z]*'],
  ['%2e', '%2e%2e%2f'],
  ['a=b', 'p=1'],
  ['a;b,c', '{x}#$&!'],
  ['back\\slash', '~'],
  ['_delta_log', '_symlink_format_manifest'],
  ['-', '--help'],
]

test.for(oddTables)('a table may be called %j . %j', async ([schema, table], { lab }) => {
  const id = { schema, table }
  const name = tableName(id)
  await lab.land(
    `${schema}/${table}/LOAD00000001.parquet`,
    rowsOf({ id: 'integer', v: 'varchar' }, [
      [1, 'a'],
      [2, 'b'],
    ]),
  )
  await lab.land('s/bystander/LOAD00000001.parquet', rowsOf({ id: 'integer' }, [[1]]))
  await lab.run()
  await setTables(lab.ports, name, { active: true, primaryKey: 'id', partitionKey: 'v' })
  expect(await lab.runOne(name)).toMatchObject({ status: 'initial', error: null })
  await lab.land(
    `${schema}/${table}/2024/01/20240101-000000000.parquet`,
    rowsOf({ Op: 'varchar', id: 'integer', v: 'varchar' }, [
      ['U', 1, 'moved'],
      ['I', 3, 'c'],
    ]),
  )
  const [report] = await lab.run({ tables: [id] })
  expect(report).toMatchObject({ table: name, changes: { inserted: 1, updated: 1 }, error: null })
  const files = await filesBelow(`${lab.lake}/${schema}/${table}`)
  expect(files.map((key) => key.split('/')[0])).toEqual(['v=b', 'v=c', 'v=moved'])
  expect((await rowsByPosition(lab, `${lab.lake}/${schema}/${table}`, 'r0')).slice(1)).toEqual([[1], [2], [3]])
  expect((await lab.verify()).filter(({ table: verified }) => verified === name)).toMatchObject([{ ok: true, rows: 3 }])
})
