import { readFile } from 'node:fs/promises'
import type { SchemaElement } from 'hyparquet'
import { describe, expect } from 'vitest'
import { planTables } from '../src/controller/plan-tables.ts'
import { ident } from '../src/engine/sql.ts'
import { limits } from '../src/limits.ts'
import { varint, withFooter, withFooterBytes } from './fuzz/parquet-bytes.ts'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'

const types = { Op: 'varchar', id: 'integer', v: 'varchar' }
const bad = 's/z/20240101-000000001.parquet'

/** Four tables that are loaded; `z` has a change file to be damaged, the others one each to be merged. */
async function loaded(lab: Lab): Promise<Uint8Array> {
  const tables = ['z', 'a', 'b', 'c']
  for (const table of tables)
    await lab.land(`s/${table}/LOAD00000001.parquet`, rowsOf({ id: 'integer', v: 'varchar' }, [[1, 'a']]))
  await lab.run()
  await lab.set('s.*', { active: true, primaryKey: 'id' })
  await lab.run()
  const paths = tables.map((table) => lab.land(`s/${table}/20240101-000000001.parquet`, rowsOf(types, [['U', 1, 'b']])))
  return readFile((await Promise.all(paths))[0] as string)
}

const merged = ['s.a', 's.b', 's.c'].map((table) => ({ table, status: 'incremental', error: null }))
const held = (message: string) => ({
  table: 's.z',
  status: 'held',
  error: { kind: 'bad-landing', message: expect.stringContaining(message) },
})

/** A decimal of a scale that DuckDB does not foresee: it breaks the database in which it is met. */
const breaking = (body: Uint8Array) =>
  withFooter(body, ({ schema }) =>
    Object.assign(schema[3] as SchemaElement, {
      converted_type: 'DECIMAL',
      precision: 9,
      scale: -1,
      logical_type: undefined,
    }),
  )

describe('a landing file that breaks the engine', () => {
  test('holds its own table, and no other, however many are worked on at once', async ({ lab }) => {
    const body = await loaded(lab)
    await lab.landBytes(bad, breaking(body))
    expect(await lab.run({ concurrency: 4 })).toMatchObject([...merged, held('it is no whole Parquet file')])
    for (const table of ['s.a', 's.b', 's.c']) expect(await lab.rows(table)).toEqual([{ id: 1, v: 'b' }])
    expect(await lab.run({ concurrency: 4 })).toMatchObject([{}, {}, {}, held('it is no whole Parquet file')])
  })

  test('leaves what comes before it applied, and is freed when it has landed whole', async ({ lab }) => {
    const body = await loaded(lab)
    await lab.landBytes('s/z/20240101-000000002.parquet', breaking(body))
    expect((await lab.run({ concurrency: 4 }))[3]).toMatchObject({ files: 1, error: { kind: 'bad-landing' } })
    await lab.landBytes('s/z/20240101-000000002.parquet', body)
    expect(await lab.runOne('s.z')).toMatchObject({ status: 'incremental', error: null })
  })

  test('is named by plan too', async ({ lab }) => {
    const body = await loaded(lab)
    await lab.landBytes(bad, breaking(body))
    const plans = await planTables(lab.ports, [])
    expect(plans.map(({ table, work, error }) => [table, work, error?.kind])).toEqual([
      ['s.a', 'incremental', undefined],
      ['s.b', 'incremental', undefined],
      ['s.c', 'incremental', undefined],
      ['s.z', 'held', 'bad-landing'],
    ])
  })
})

describe('a footer', () => {
  const bombs: [string, (body: Uint8Array) => Uint8Array][] = [
    [
      'that claims 2^32 columns',
      (body) => withFooterBytes(body, Buffer.concat([Buffer.from([0x15, 2, 0x29, 0xfc]), varint(2n ** 32n - 1n)])),
    ],
    [
      'that claims a text of 2^40 bytes',
      (body) => withFooterBytes(body, Buffer.concat([Buffer.from([0x15, 2, 0x18]), varint(2n ** 40n)])),
    ],
    ['nested 200,000 levels deep', (body) => withFooterBytes(body, Buffer.alloc(200_000, 0x1c))],
    ['longer than its file', (body) => withFooterBytes(body, new Uint8Array(10), 0x7fffffff)],
    ['of no bytes', (body) => withFooterBytes(body, new Uint8Array())],
    [
      'whose root has two billion children',
      (body) =>
        withFooter(body, ({ schema }) => Object.assign(schema[0] as SchemaElement, { num_children: 2 ** 31 - 1 })),
    ],
    [
      'whose column has two billion children',
      (body) =>
        withFooter(body, ({ schema }) => Object.assign(schema[3] as SchemaElement, { num_children: 2 ** 31 - 1 })),
    ],
    [
      'whose schema is deep',
      (body) =>
        withFooter(body, ({ schema }) =>
          schema.push(...Array.from({ length: 15_000 }, () => ({ name: 'x', num_children: 1 }))),
        ),
    ],
  ]
  test.for(bombs)('%s holds its table at once', { timeout: 30_000 }, async ([, damage], { lab }) => {
    const body = await loaded(lab)
    await lab.landBytes(bad, damage(body))
    expect(await lab.run()).toMatchObject([...merged, { status: 'held', error: { kind: 'bad-landing' } }])
  })

  test('larger than the engine’s memory bears is not read', async ({ lab }) => {
    const body = await loaded(lab)
    const share = 1e9 * limits.footerShareOfMemory
    await lab.landBytes(bad, withFooterBytes(body, new Uint8Array(share + 1)))
    expect(await lab.run()).toMatchObject([
      ...merged,
      held(`its footer has ${String(share + 1)} bytes, expected at most ${String(share)}`),
    ])
  })
})

describe('columns', () => {
  const wide = (count: number) =>
    `select 'U' as "Op", 1 as id, ${Array.from({ length: count }, (_, at) => `${String(at)} as c${String(at)}`).join()}`

  test('more than are taken hold the table', async ({ lab }) => {
    await loaded(lab)
    await lab.land(bad, wide(limits.columns))
    expect(await lab.run()).toMatchObject([
      ...merged,
      held(`it has ${String(limits.columns + 2)} columns, expected at most`),
    ])
  })

  test('of a name longer than is taken hold the table', async ({ lab }) => {
    await loaded(lab)
    await lab.land(bad, `select 'U' as "Op", 1 as id, 2 as ${ident('x'.repeat(limits.columnNameBytes + 1))}`)
    expect(await lab.run()).toMatchObject([...merged, held('the name of column 3 is too long')])
  })

  test('of a CSV file that are more than are taken hold the table', async ({ lab }) => {
    await loaded(lab)
    await lab.landBytes('s/z/20240101-000000000.csv', `U,1${',x'.repeat(limits.columns)}\n`)
    expect(await lab.run()).toMatchObject([
      ...merged,
      held(`it has ${String(limits.columns + 2)} columns, expected at most`),
    ])
  })
})

describe('a partition value', () => {
  test('too long for a folder’s name holds the table before anything is staged, and is not shown', async ({ lab }) => {
    await lab.land('s/z/LOAD00000001.parquet', `select 1 as id, repeat('sEcReT', 50) as v`)
    await lab.set('s.z', { active: true, primaryKey: 'id', partitionKey: 'v' })
    const { error } = await lab.runOne('s.z')
    expect(error).toMatchObject({ kind: 'bad-landing', message: expect.stringContaining('a folder name of 302 bytes') })
    expect(JSON.stringify(error)).not.toContain('sEcReT')
  })

  test('is not shown where its file is missing', async ({ lab }) => {
    await lab.land('s/z/LOAD00000001.parquet', `select 1 as id, 'sEcReT' as v`)
    await lab.set('s.z', { active: true, primaryKey: 'id', partitionKey: 'v' })
    await lab.run()
    for (const { key } of (await lab.ports.lake.list({ prefix: 's/z/' })).objects)
      await lab.ports.lake.deleteMany([key])
    await lab.land('s/z/20240101-000000001.parquet', rowsOf(types, [['U', 1, 'b']]))
    const { error } = await lab.runOne('s.z')
    expect(error).toMatchObject({ kind: 'corrupt-lake' })
    expect(JSON.stringify(error)).not.toContain('sEcReT')
  })
})
