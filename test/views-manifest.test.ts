import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { literal } from '../src/engine/sql.ts'
import type { Lab } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'

type Rows = readonly (readonly Cell[])[]
const row = { id: 'integer', p: 'varchar', v: 'varchar' }
const loadedRows = [
  { id: 1, p: 'a', v: 'load' },
  { id: 2, p: 'b', v: 'load' },
]

async function loaded(lab: Lab, options: Parameters<Lab['set']>[1] = {}): Promise<void> {
  const cells = loadedRows.map(({ id, p, v }) => [id, p, v])
  await lab.land('s/t/LOAD00000001.parquet', rowsOf(row, cells))
  await lab.set('s.t', { active: true, primaryKey: 'id', publish: 'manifest', ...options })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
}

async function change(lab: Lab, number: number, rows: Rows): Promise<void> {
  await lab.land(`s/t/20240101-00000000${String(number)}.parquet`, rowsOf({ Op: 'varchar', ...row }, rows))
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
}

const folder = (lab: Lab) => `${lab.lake}/s/t/_symlink_format_manifest`
const manifests = (lab: Lab) => filesBelow(folder(lab))
const dataFiles = async (lab: Lab) => (await filesBelow(`${lab.lake}/s/t`)).filter((key) => !key.startsWith('_'))
const textOf = (lab: Lab, key = 'manifest') => readFile(join(folder(lab), key), 'utf8')

/** The rows that a reader finds who follows every manifest below the table's folder. */
async function rowsByManifest(lab: Lab): Promise<Record<string, unknown>[]> {
  const files = await lab.sql(
    `select column0 as uri from read_csv(${literal(`${folder(lab)}/**/manifest`)}, header = false, delim = '\\t', columns = {'column0': 'varchar'})`,
  )
  if (files.length === 0) return []
  const uris = files.map(({ uri }) => literal(String(uri))).join(', ')
  return lab.sql(
    `select id, p, v from read_parquet([${uris}], hive_partitioning = true, union_by_name = true) order by id`,
  )
}

async function sound(lab: Lab): Promise<void> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
}

describe('symlink manifests', () => {
  test('of a table without partitions: one, with a whole URI a line', async ({ lab }) => {
    await loaded(lab)
    const [file] = await dataFiles(lab)
    expect(await manifests(lab)).toEqual(['manifest'])
    expect(await textOf(lab)).toBe(`file://${lab.lake}/s/t/${file}\n`)
    expect(await rowsByManifest(lab)).toEqual(loadedRows)
    await sound(lab)
  })

  test('follow each commit, while the superseded file stays for whoever reads it', async ({ lab }) => {
    await loaded(lab)
    await change(lab, 1, [
      ['U', 1, 'a', 'changed'],
      ['D', 2, null, null],
    ])
    expect(await rowsByManifest(lab)).toEqual([{ id: 1, p: 'a', v: 'changed' }])
    expect(await dataFiles(lab)).toHaveLength(2)
    await sound(lab)
  })

  test('go without the superseded files where the operator keeps none', async ({ lab }) => {
    await loaded(lab, { retain: '0' })
    await change(lab, 1, [['U', 1, 'a', 'changed']])
    expect(await dataFiles(lab)).toHaveLength(1)
    expect(await rowsByManifest(lab)).toEqual([{ id: 1, p: 'a', v: 'changed' }, loadedRows[1]])
    await sound(lab)
  })

  test('of a table that ends up empty: one, that names nothing', async ({ lab }) => {
    await loaded(lab)
    await change(lab, 1, [
      ['D', 1, null, null],
      ['D', 2, null, null],
    ])
    expect(await textOf(lab)).toBe('')
    expect(await rowsByManifest(lab)).toEqual([])
    await sound(lab)
  })

  test('of partitions: one in each folder, and only those that changed are put', async ({ lab }) => {
    await loaded(lab, { partitionKey: 'p' })
    expect(await manifests(lab)).toEqual(['p=a/manifest', 'p=b/manifest'])
    const before = await textOf(lab, 'p=b/manifest')
    await change(lab, 1, [
      ['U', 1, 'a', 'changed'],
      ['I', 3, null, 'new'],
    ])
    expect(await manifests(lab)).toEqual(['p=__HIVE_DEFAULT_PARTITION__/manifest', 'p=a/manifest', 'p=b/manifest'])
    expect(await textOf(lab, 'p=b/manifest')).toBe(before)
    expect(await rowsByManifest(lab)).toEqual([
      { id: 1, p: 'a', v: 'changed' },
      loadedRows[1],
      { id: 3, p: null, v: 'new' },
    ])
    await sound(lab)
  })

  test('write folders as they are called, not encoded once more', async ({ lab }) => {
    await loaded(lab, { partitionKey: 'p' })
    await change(lab, 1, [['I', 3, 'x/y ü#', 'new']])
    const text = await textOf(lab, 'p=x%2Fy ü%23/manifest')
    expect(text).toMatch(/^file:\/\/.*\/s\/t\/p=x%2Fy ü%23\/part-[^/]*\.parquet\n$/u)
    await sound(lab)
  })

  test('of a folder that every row has left name nothing', async ({ lab }) => {
    await loaded(lab, { partitionKey: 'p' })
    await change(lab, 1, [['U', 2, 'a', 'moved']])
    expect(await textOf(lab, 'p=b/manifest')).toBe('')
    expect(await rowsByManifest(lab)).toEqual([loadedRows[0], { id: 2, p: 'a', v: 'moved' }])
    await sound(lab)
  })

  test('go along with another partition key', async ({ lab }) => {
    await loaded(lab)
    await lab.set('s.t', { partitionKey: 'p' })
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await textOf(lab)).toBe('')
    expect(await rowsByManifest(lab)).toEqual(loadedRows)
    await sound(lab)
  })

  test('switched on late show the head, although nothing new has landed', async ({ lab }) => {
    await loaded(lab, { publish: '' })
    await change(lab, 1, [['U', 1, 'a', 'changed']])
    await lab.set('s.t', { publish: 'manifest' })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await rowsByManifest(lab)).toEqual([{ id: 1, p: 'a', v: 'changed' }, loadedRows[1]])
    await sound(lab)
  })

  test('taken off go, and the stale files with them, although nothing new has landed', async ({ lab }) => {
    await loaded(lab, { partitionKey: 'p' })
    await change(lab, 1, [['U', 1, 'a', 'changed']])
    expect(await dataFiles(lab)).toHaveLength(3)
    await lab.set('s.t', { publish: '' })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await filesBelow(`${lab.lake}/s/t`)).toHaveLength(2)
    expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1, v: 'changed' }, { id: 2 }])
    await sound(lab)
  })

  test('taken off beside a Delta view leave it its superseded files', async ({ lab }) => {
    await loaded(lab, { publish: 'delta,manifest' })
    await change(lab, 1, [['U', 1, 'a', 'changed']])
    await lab.set('s.t', { publish: 'delta' })
    await lab.runOne('s.t')
    expect(await manifests(lab)).toEqual([])
    expect(await dataFiles(lab)).toHaveLength(2)
    expect(await filesBelow(`${lab.lake}/s/t/_delta_log`)).toHaveLength(2)
    await sound(lab)
  })

  test('that do not say what the log says are told by verify', async ({ lab }) => {
    await loaded(lab)
    await lab.sql(
      `copy (select 'file:///elsewhere') to ${literal(join(folder(lab), 'manifest'))} (format csv, header false)`,
    )
    expect(await lab.verify()).toMatchObject([
      { ok: false, problems: [{ kind: 'damaged', path: expect.stringMatching(/manifest$/u) }] },
    ])
  })
})
