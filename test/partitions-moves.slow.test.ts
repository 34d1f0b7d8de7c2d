import { describe, expect } from 'vitest'
import { rowsOf, test } from './support/lab-test.ts'
import { change, folders, keyed, loaded } from './support/partitioned-table.ts'

describe('a row whose partition value changes', () => {
  const types = { id: 'integer', p: 'varchar', v: 'integer' }

  test('moves, and the file of the old folder is gone when it was the only one', async ({ lab }) => {
    await loaded(
      lab,
      types,
      [
        [1, 'old', 1],
        [2, 'other', 2],
      ],
      keyed,
    )
    const report = await change(lab, types, [['U', 1, 'new', 1]])
    expect(report).toMatchObject({
      changes: { updated: 1, inserted: 0, deleted: 0 },
      filesAdded: 1,
      filesRemoved: 1,
      filesRewritten: 0,
    })
    expect(await folders(lab)).toEqual(['p=new/', 'p=other/'])
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, p: 'new' },
      { id: 2, p: 'other' },
    ])
  })

  test('leaves its neighbours where they are', async ({ lab }) => {
    await loaded(
      lab,
      types,
      [
        [1, 'old', 1],
        [2, 'old', 2],
      ],
      keyed,
    )
    expect(await change(lab, types, [['U', 1, 'new', 1]])).toMatchObject({ filesAdded: 2, filesRewritten: 1 })
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, p: 'new' },
      { id: 2, p: 'old' },
    ])
  })

  test('there and back in one batch stays', async ({ lab }) => {
    await loaded(lab, types, [[1, 'old', 1]], keyed)
    const report = await change(lab, types, [
      ['U', 1, 'new', 1],
      ['U', 1, 'old', 1],
    ])
    expect(report).toMatchObject({ changes: { unchanged: 1 }, filesAdded: 0 })
  })

  test('moves with a changed key as well', async ({ lab }) => {
    await loaded(lab, types, [[1, 'old', 1]], keyed)
    await change(lab, { ...types, BI_id: 'integer' }, [['U', 7, 'new', 1, 1]])
    expect(await lab.rows('s.t', 'id')).toEqual([{ id: 7, p: 'new', v: 1 }])
    expect(await folders(lab)).toEqual(['p=new/'])
  })

  test('to NULL and back', async ({ lab }) => {
    await loaded(lab, types, [[1, 'old', 1]], keyed)
    await change(lab, types, [['U', 1, null, 1]])
    expect(await folders(lab)).toEqual(['p=__HIVE_DEFAULT_PARTITION__/'])
    await change(lab, types, [['U', 1, 'old', 1]], '20240101-000000001')
    expect(await folders(lab)).toEqual(['p=old/'])
  })
})

describe('composite partitions', () => {
  const types = { id: 'integer', year: 'integer', region: 'varchar' }
  const keys = { primaryKey: 'id', partitionKey: 'year,region' }

  test('nest in the order of PartitionKey', async ({ lab }) => {
    await loaded(
      lab,
      types,
      [
        [1, 2023, 'a/b'],
        [2, 2024, 'a/b'],
        [3, 2024, null],
        [4, null, null],
      ],
      keys,
    )
    const nothing = '__HIVE_DEFAULT_PARTITION__'
    expect(await folders(lab)).toEqual([
      'year=2023/region=a%2Fb/',
      'year=2024/region=__HIVE_DEFAULT_PARTITION__/',
      'year=2024/region=a%2Fb/',
      `year=${nothing}/region=${nothing}/`,
    ])
    await change(lab, types, [
      ['U', 2, 2023, 'a/b'],
      ['D', 4, null, null],
    ])
    expect(await folders(lab)).toEqual(['year=2023/region=a%2Fb/', `year=2024/region=${nothing}/`])
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, year: '2023', region: 'a/b' },
      { id: 2, year: '2023', region: 'a/b' },
      { id: 3, year: '2024', region: null },
    ])
  })
})

describe('a key column that is a partition column too', () => {
  const types = { tenant: 'varchar', id: 'integer', v: 'varchar' }
  const keys = { primaryKey: 'tenant,id', partitionKey: 'tenant' }

  test('keeps equal ids of two partitions apart', async ({ lab }) => {
    await loaded(
      lab,
      types,
      [
        ['a', 1, 'a1'],
        ['b', 1, 'b1'],
        [null, 1, 'null 1'],
      ],
      keys,
    )
    const report = await change(lab, types, [
      ['U', 'b', 1, 'changed'],
      ['D', null, 1, null],
      ['I', 'c', 1, 'c1'],
    ])
    expect(report).toMatchObject({ changes: { inserted: 1, updated: 1, deleted: 1 } })
    expect(await lab.rows('s.t', 'tenant')).toEqual([
      { tenant: 'a', id: 1, v: 'a1' },
      { tenant: 'b', id: 1, v: 'changed' },
      { tenant: 'c', id: 1, v: 'c1' },
    ])
  })

  test('finds the row of an empty value under NULL', async ({ lab }) => {
    await loaded(lab, types, [['', 1, 'empty']], keys)
    expect(await change(lab, types, [['U', '', 1, 'changed']])).toMatchObject({ changes: { updated: 1, inserted: 0 } })
    expect(await change(lab, types, [['D', null, 1, null]], '20240101-000000001')).toMatchObject({
      changes: { deleted: 1 },
    })
  })

  test('moves a row whose key changed by its before-image, also from the empty value', async ({ lab }) => {
    await loaded(
      lab,
      types,
      [
        ['a', 1, 'a1'],
        ['', 2, 'e2'],
      ],
      keys,
    )
    await change(lab, { ...types, BI_tenant: 'varchar' }, [
      ['U', 'b', 1, 'a1', 'a'],
      ['U', 'b', 2, 'e2', ''],
    ])
    expect(await folders(lab)).toEqual(['tenant=b/'])
    await change(lab, { ...types, BI_tenant: 'varchar' }, [['U', '', 2, 'e2', 'b']], '20240101-000000001')
    expect(await folders(lab)).toEqual(['tenant=__HIVE_DEFAULT_PARTITION__/', 'tenant=b/'])
  })

  test('may be a timestamp', async ({ lab }) => {
    const moments = { at: 'timestamp', v: 'varchar' }
    await loaded(
      lab,
      moments,
      [
        ['2024-01-01 00:00:00.000001', 'a'],
        ['2024-01-01', 'b'],
      ],
      { primaryKey: 'at', partitionKey: 'at' },
    )
    const report = await change(lab, moments, [
      ['U', '2024-01-01 00:00:00.000001', 'changed'],
      ['D', '2024-01-01', null],
    ])
    expect(report).toMatchObject({ changes: { updated: 1, deleted: 1 } })
  })
})

describe('setting other partitions', () => {
  const types = { id: 'integer', p: 'varchar', q: 'integer' }

  test('lays the table out anew in one commit, with the rows as they were', async ({ lab }) => {
    await loaded(
      lab,
      types,
      [
        [1, 'x', 7],
        [2, 'y', 7],
      ],
      keyed,
    )
    const before = await lab.rows('s.t', 'id')
    await lab.set('s.t', { partitionKey: 'q' })
    expect(await lab.runOne('s.t')).toMatchObject({ version: 1, error: null })
    expect(await folders(lab)).toEqual(['q=7/'])
    const texts = (rows: Record<string, unknown>[]) => rows.map(({ id, p, q }) => [id, p, String(q)])
    expect(texts(await lab.rows('s.t', 'id'))).toEqual(texts(before))
    await lab.set('s.t', { partitionKey: '' })
    expect(await lab.runOne('s.t')).toMatchObject({ version: 2, error: null })
    expect(await folders(lab)).toEqual([''])
    expect(texts(await lab.rows('s.t', 'id'))).toEqual(texts(before))
    expect(await lab.verify()).toMatchObject([{ ok: true }])
  })

  test('makes empty texts NULL', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf(types, [
        [1, '', 7],
        [2, null, 7],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    expect((await lab.rows('s.t', 'id')).map(({ p }) => p)).toEqual(['', null])
    await lab.set('s.t', { partitionKey: 'p' })
    await lab.run()
    expect(await folders(lab)).toEqual(['p=__HIVE_DEFAULT_PARTITION__/'])
    expect(await change(lab, types, [['U', 1, '', 7]])).toMatchObject({ changes: { unchanged: 1 } })
  })
})

test('a partition value may hold a zero byte: it ends no statement', async ({ lab }) => {
  const row = (q: number) => `1::integer as id, 'a' || chr(0) || ''' or 1' as p, ${String(q)}::integer as q`
  await lab.land('s/t/LOAD00000001.parquet', `select ${row(1)}`)
  await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'p' })
  await lab.run()
  await lab.land('s/t/20240101-000000000.parquet', `select 'U' as "Op", ${row(1)}`)
  expect(await lab.runOne('s.t')).toMatchObject({ changes: { unchanged: 1 }, error: null })
  await lab.land('s/t/20240101-000000001.parquet', `select 'U' as "Op", ${row(2)}`)
  expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 1 }, filesAdded: 1, error: null })
  expect(await folders(lab)).toEqual(['p=a%00%27 or 1/'])
})

test('a binary partition column holds the table: no two readers take bytes out of a folder name alike', async ({
  lab,
}) => {
  await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', raw: 'blob' }, [[1, 'x']]))
  await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'raw' })
  const { status, error } = await lab.runOne('s.t')
  expect({ status, kind: error?.kind }).toEqual({ status: 'held', kind: 'invalid-config' })
  expect(error?.message).toBe('PartitionKey names column "raw", which is binary; a partition is of any other type')
})
