import { readFile, writeFile } from 'node:fs/promises'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect } from 'vitest'
import { compactTables } from '../src/controller/compact-tables.ts'
import { restoreTable } from '../src/controller/restore-table.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { whyKey } from '../src/controller/why-key.ts'
import { UsageError } from '../src/errors.ts'
import { compactText, historyText } from '../src/render.ts'
import type { SetOptions } from '../src/state/row.ts'
import { eagerSplices, type Lab } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { readRow } from './support/row-file.ts'

const id = { schema: 's', table: 't' }
const types = { Op: 'varchar', id: 'integer', p: 'varchar', v: 'varchar' }
const nameOf = (hour: number) => `20240101-${String(hour).padStart(2, '0')}0000000.parquet`
const compact = (lab: Lab, options: { readonly clusterByKey?: true } = {}) =>
  compactTables(lab.ports, [id], { clusterByKey: options.clusterByKey === true })
const files = (lab: Lab) => filesBelow(`${lab.lake}/s/t`)
const operations = async (lab: Lab) => (await tableHistory(lab.ports, id)).map(({ operation }) => operation)

/** Hour after hour two rows in partitions of their own, the keys from high to low. */
async function loaded(lab: Lab, hours: number, options: SetOptions = { primaryKey: 'id' }): Promise<void> {
  for (let hour = 0; hour < hours; hour++) {
    const key = 100 - 2 * hour
    const rows = [
      ['I', key, 'a', `a${String(hour)}`],
      ['I', key + 1, 'b', `b${String(hour)}`],
    ]
    await lab.land(`s/t/${nameOf(hour)}`, rowsOf(types, rows))
    if (hour === 0) await lab.set('s.t', { active: true, ...options })
    await run(lab)
  }
}

async function run(lab: Lab): Promise<void> {
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

async function expectProven(lab: Lab): Promise<void> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  expect(await readRow(lab)).not.toHaveProperty('Lease')
  await run(lab)
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', bytesWritten: 0 })
}

describe('compact', () => {
  test.for([
    [{ primaryKey: 'id' }, 1],
    [{ primaryKey: 'id', partitionKey: 'p' }, 2],
    [{}, 1],
  ] as const)('leaves one small file in each partition, and every row: %j', async ([options, partitions], { lab }) => {
    await loaded(lab, 4, options)
    const before = await lab.rows('s.t', 'id')
    expect(await files(lab)).toHaveLength(4 * partitions)
    const [compacted] = await compact(lab)
    expect(compacted).toMatchObject({
      table: 's.t',
      version: 4,
      partitions,
      rows: 8,
      filesRemoved: 4 * partitions,
      filesAdded: partitions,
      deadBytes: 0,
      error: null,
    })
    expect(await files(lab)).toHaveLength(partitions)
    expect(await lab.rows('s.t', 'id')).toEqual(before)
    await expectProven(lab)
  })

  test('is a commit that changes no data to those who follow changes, and no progress', async ({ lab }) => {
    await loaded(lab, 3)
    const log = `${lab.lake}/_dmscdc/s/t/_delta_log`
    const entry = async (version: number) => {
      const lines = (await readFile(`${log}/${String(version).padStart(20, '0')}.json`, 'utf8')).trim().split('\n')
      const actions = lines.map((line) => JSON.parse(line))
      return { actions, progress: actions.find(({ domainMetadata }) => domainMetadata !== undefined) }
    }
    const progressOf = ({ progress }: Awaited<ReturnType<typeof entry>>) => {
      const { txnId: _, ...rest } = JSON.parse(progress.domainMetadata.configuration)
      return rest
    }
    await compact(lab)
    const [before, after] = [await entry(2), await entry(3)]
    expect(progressOf(after)).toEqual(progressOf(before))
    const changes = after.actions.flatMap(({ add, remove }) => add ?? remove ?? [])
    expect(changes.map(({ dataChange }) => dataChange)).toEqual([false, false, false, false])
    expect(after.actions.some(({ metaData }) => metaData !== undefined)).toBe(false)
  })

  test('stands in the history, and is no turn in the story of a key', async ({ lab }) => {
    await loaded(lab, 3)
    await compact(lab)
    expect(await operations(lab)).toEqual(['COMPACT', 'MERGE', 'MERGE', 'MERGE'])
    expect(historyText(await tableHistory(lab.ports, id))).toContain('version 3: 3 data files became 1')
    expect(await whyKey(lab.ports, id, ['100'])).toMatchObject({ row: { version: 3 }, turns: [] })
  })

  test('commits nothing where there is nothing to gain', async ({ lab }) => {
    await loaded(lab, 2)
    await compact(lab)
    expect(await compact(lab)).toMatchObject([{ version: 2, filesRemoved: 0, filesAdded: 0, bytesWritten: 0 }])
    expect(await operations(lab)).toEqual(['COMPACT', 'MERGE', 'MERGE'])
  })

  test('drops the dead bytes of a spliced file', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', `select range as id, 'x' || hash(range) as v from range(200000)`)
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await run(lab)
    await lab.land(`s/t/${nameOf(1)}`, `select 'U' as Op, range as id, 'new' as v from range(0, 200000, 1000)`)
    expect(await lab.runOne('s.t', { ports: { ...lab.ports, writeCosts: eagerSplices } })).toMatchObject({
      error: null,
    })
    const before = await lab.rows('s.t', 'id')
    const [compacted] = await compact(lab)
    expect(compacted).toMatchObject({ filesRemoved: 1, filesAdded: 1 })
    expect(compacted?.version !== null && compacted?.deadBytes).toBeGreaterThan(1_000)
    expect(await lab.rows('s.t', 'id')).toEqual(before)
    expect(await compact(lab)).toMatchObject([{ version: 2, filesRemoved: 0 }])
    await expectProven(lab)
  })

  test('sorts the rows of each partition by the key, once', async ({ lab }) => {
    await loaded(lab, 5, { primaryKey: 'id', partitionKey: 'p' })
    const before = await lab.rows('s.t', 'id')
    expect(await compact(lab, { clusterByKey: true })).toMatchObject([{ filesRemoved: 10, filesAdded: 2, error: null }])
    for (const ids of await idsByFile(lab)) expect(ids).toEqual([...ids].sort((a, b) => a - b))
    expect(await lab.rows('s.t', 'id')).toEqual(before)
    expect(await compact(lab, { clusterByKey: true })).toMatchObject([{ version: 5, filesRemoved: 0 }])
    await expectProven(lab)
  })

  test('sorts also what a compaction without sorting left in one file', async ({ lab }) => {
    await loaded(lab, 3)
    await compact(lab)
    expect(await compact(lab, { clusterByKey: true })).toMatchObject([{ version: 4, filesRemoved: 1, filesAdded: 1 }])
    expect(await idsByFile(lab)).toEqual([[96, 97, 98, 99, 100, 101]])
    await expectProven(lab)
  })

  test.for(['delta', 'manifest'])('takes the view %s with it', async (publish, { lab }) => {
    await loaded(lab, 3, { primaryKey: 'id', publish, retain: '0s' })
    await compact(lab)
    await expectProven(lab)
    const [file, ...others] = (await files(lab)).filter((key) => key.endsWith('.parquet') && !key.startsWith('_'))
    expect(others).toEqual([])
    const view = publish === 'delta' ? `_delta_log/${'3'.padStart(20, '0')}.json` : '_symlink_format_manifest/manifest'
    expect(await readFile(`${lab.lake}/s/t/${view}`, 'utf8')).toContain(String(file))
  })

  test('can be taken back by a restore, and goes on from there', async ({ lab }) => {
    await loaded(lab, 3, { primaryKey: 'id', retain: '7d' })
    const before = await lab.rows('s.t', 'id')
    await compact(lab)
    await restoreTable(lab.ports, id, { version: 2, keepProgress: false })
    expect(await files(lab)).toHaveLength(3)
    await lab.set('s.t', { active: true })
    await run(lab)
    await compact(lab)
    expect(await files(lab)).toHaveLength(1)
    expect(await lab.rows('s.t', 'id')).toEqual(before)
    await expectProven(lab)
  })

  test('refuses what cannot be done, and commits nothing', async ({ lab }) => {
    await loaded(lab, 2, {})
    await expect(compact(lab, { clusterByKey: true })).rejects.toThrow('s.t has no key to sort its rows by')
    const unknown = { schema: 's', table: 'unknown' }
    await expect(compactTables(lab.ports, [unknown], { clusterByKey: false })).rejects.toThrow(UsageError)
    await lab.land(`s/new/${nameOf(0)}`, rowsOf(types, [['I', 1, 'a', 'x']]))
    await lab.set('s.new', { primaryKey: 'id' })
    await expect(compactTables(lab.ports, [{ schema: 's', table: 'new' }], { clusterByKey: false })).rejects.toThrow(
      's.new was not loaded yet',
    )
    expect(await operations(lab)).toEqual(['APPEND', 'APPEND'])
  })

  test('goes through all that were loaded, sorts those with a key, and says what is wrong with one', async ({
    lab,
  }) => {
    await loaded(lab, 2)
    for (const hour of [0, 1]) {
      await lab.land(`s/broken/${nameOf(hour)}`, rowsOf(types, [['I', 1, 'a', 'x']]))
      await lab.land(`s/keyless/${nameOf(hour)}`, rowsOf(types, [['I', 1, 'a', 'x']]))
      await lab.set('s.*', { active: true })
      await lab.run()
    }
    await lab.land(`s/new/${nameOf(0)}`, rowsOf(types, [['I', 1, 'a', 'x']]))
    await lab.run()
    const [damaged] = await filesBelow(`${lab.lake}/s/broken`)
    await writeFile(`${lab.lake}/s/broken/${String(damaged)}`, 'nothing')
    const compacted = await compactTables(lab.ports, [], { clusterByKey: true })
    expect(compacted).toMatchObject([
      { table: 's.broken', version: null, error: { kind: 'corrupt-lake' } },
      { table: 's.keyless', version: 2, filesAdded: 1, error: null },
      { table: 's.t', version: 2, filesAdded: 1, error: null },
    ])
    expect(stripVTControlCharacters(compactText(compacted))).toMatch(
      /s\.broken +failed.*2 became 1.*error: s\.broken: lake file/su,
    )
  })
})

const idsByFile = async (lab: Lab) =>
  Promise.all(
    (await files(lab)).map(async (file) =>
      (await lab.sql(`select id from read_parquet('${lab.lake}/s/t/${file}')`)).map((row) => Number(row.id)),
    ),
  )
