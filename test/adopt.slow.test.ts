import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { listTables } from '../src/controller/list-tables.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { tablesText } from '../src/render.ts'
import { type Lab, redate } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { makeOriginalRow, sparkFile, writeOriginal, writeOriginalBytes } from './support/original-lake.ts'
import { id, nameOf, type Rows, row } from './support/plain-table.ts'
import { cursorTo, readRow } from './support/row-file.ts'

const lakeRow = { Op: 'varchar', ...row }
const load = 'LOAD00000001.parquet'
const partName = (number: number) =>
  `part-0000${String(number)}-6f1c7d64-1f2e-4c53-9d0a-1d2b3c4d5e6f-c000.snappy.parquet`

/** What DMS wrote and the original merged: a load of 1 January, changes of 2 and 3 January. */
async function originalLanding(lab: Lab): Promise<void> {
  await redate(
    await lab.land(
      `s/t/${load}`,
      rowsOf(row, [
        [1, 'load'],
        [2, 'load'],
      ]),
    ),
    '2024-01-01T00:00:00.700Z',
  )
  for (const day of [2, 3]) await landChanges(lab, day, [['U', 1, `day ${String(day)}`]])
}

async function landChanges(lab: Lab, day: number, rows: Rows): Promise<void> {
  const path = await lab.land(`s/t/${nameOf(day)}`, rowsOf({ Op: 'varchar', ...row }, rows))
  await redate(path, `2024-01-0${String(day)}T00:01:00Z`)
}

const originalRows: Rows = [
  ['U', 1, 'day 3'],
  ['I', 2, 'load'],
]

/** The original's table as it stands after its last run. */
async function original(lab: Lab, options: Parameters<typeof makeOriginalRow>[2] = {}, rows = originalRows) {
  await originalLanding(lab)
  await writeOriginal(lab, partName(0), rowsOf(lakeRow, rows.slice(0, 1)))
  await writeOriginal(lab, partName(1), rowsOf(lakeRow, rows.slice(1)))
  await lab.set('s.t', {})
  await makeOriginalRow(lab, { file: nameOf(3), date: '2024-01-01 00:00:00' }, options)
}

async function values(lab: Lab): Promise<Record<string, unknown>> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  return Object.fromEntries(
    (await lab.rows('s.t')).map((one) => [String(one.id), `${String(one.Op)} ${String(one.v)}`]),
  )
}

describe('the original’s table', () => {
  test('is adopted in place: its files stay, nothing is loaded twice, and tables says so', async ({ lab }) => {
    await original(lab)
    const before = await filesBelow(join(lab.lake, 's/t'))
    expect(await listTables(lab.ports)).toMatchObject([{ status: 'ready', pending: 0, version: null, adopted: null }])
    const [plan] = await planTables(lab.ports, [])
    expect(plan).toMatchObject({ work: 'incremental', inputs: [] })
    const report = await lab.runOne('s.t')
    expect(plan).toMatchObject({ requests: report.requests, bytesToRead: report.bytesRead })
    expect(report).toMatchObject({ status: 'incremental', version: 0, files: 0, filesRewritten: 0, error: null })
    expect(await filesBelow(join(lab.lake, 's/t'))).toEqual(before)
    expect(await values(lab)).toEqual({ 1: 'U day 3', 2: 'I load' })
    expect(await tableHistory(lab.ports, id)).toMatchObject([
      { operation: 'ADOPT', receipt: { rowsAfter: 2, bytesWritten: 0 } },
    ])
    const lines = await listTables(lab.ports)
    expect(lines).toMatchObject([{ version: 0, rows: 2, files: 2, pending: 0, adopted: { files: 2, rows: 2 } }])
    expect(tablesText(lines)).toContain('s.t was adopted in place: 2 data files with 2 rows')
    expect(await readRow(lab)).toMatchObject({
      LastFullLoadDate: '2024-01-01 00:00:00',
      ...(await cursorTo(lab, nameOf(3))),
    })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', version: 0 })
  })

  test('goes on with what lands after its cursor, and keeps Op, as its files have it', async ({ lab }) => {
    await original(lab)
    await landChanges(lab, 4, [
      ['U', 2, 'day 4'],
      ['I', 3, 'day 4'],
      ['D', 1, null],
    ])
    expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'incremental' }])
    expect(await lab.runOne('s.t')).toMatchObject({
      files: 1,
      changes: { inserted: 1, updated: 1, deleted: 1 },
      error: null,
    })
    expect(await values(lab)).toEqual({ 2: 'U day 4', 3: 'I day 4' })
    expect(await filesBelow(join(lab.lake, 's/t'))).not.toContain(partName(0))
  })

  test('with cursors that hold s3:// or names as the console shows them', async ({ lab }) => {
    await original(lab)
    const path = String((await readRow(lab)).path)
    await makeOriginalRow(
      lab,
      { file: nameOf(3), date: '2024-01-01 00:00:00' },
      { LastIncrementalFile: `s3://${path}${nameOf(3)}` },
    )
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await values(lab)).toMatchObject({ 1: 'U day 3' })
  })

  test('with markers beside its files: they are nobody’s to judge', async ({ lab }) => {
    await original(lab)
    for (const name of ['_SUCCESS', '._SUCCESS.crc', '_temporary/0/part-0.parquet', 'part_$folder$'])
      await writeOriginalBytes(lab, name, '')
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await listTables(lab.ports)).toMatchObject([{ files: 2 }])
  })

  test('in its old place: a row without out_path has its lake right below the lake', async ({ lab }) => {
    await originalLanding(lab)
    await writeOriginal(lab, partName(0), rowsOf(lakeRow, originalRows), 't')
    await lab.set('s.t', {})
    await makeOriginalRow(lab, { file: nameOf(3), date: '2024-01-01 00:00:00' }, { out_path: undefined })
    await landChanges(lab, 4, [['I', 3, 'day 4']])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, error: null })
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: 3 }])
    expect(await filesBelow(join(lab.lake, 't'))).toContain(partName(0))
  })

  test('whose landing files are gone in part goes on, and they are not missed', async ({ lab }) => {
    await original(lab)
    for (const name of [load, nameOf(2)]) await rm(join(lab.landing, 's/t', name))
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await values(lab)).toMatchObject({ 1: 'U day 3' })
    await redate(await lab.land(`s/t/${load}`, rowsOf(row, [[9, 'reload']])), '2024-01-05T00:00:00Z')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await values(lab)).toEqual({ 9: 'I reload' })
  })

  test('with a full load newer than its date takes that one, as the original would have', async ({ lab }) => {
    await original(lab)
    await redate(await lab.land(`s/t/${load}`, rowsOf(row, [[9, 'reload']])), '2024-01-05T00:00:00Z')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 1, error: null })
    expect(await values(lab)).toEqual({ 9: 'I reload' })
    expect(await listTables(lab.ports)).toMatchObject([{ adopted: null }])
  })

  test('without a key is adopted too, and later files are appended', async ({ lab }) => {
    await original(lab, { PrimaryKey: 'null' })
    await landChanges(lab, 4, [['I', 2, 'load']])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, changes: { inserted: 1 }, error: null })
    expect(await lab.rows('s.t')).toHaveLength(3)
    expect(await lab.verify()).toMatchObject([{ ok: true }])
  })

  test('without a key is never made anew of less than it was made of', async ({ lab }) => {
    await original(lab, { PrimaryKey: 'null' })
    await rm(join(lab.landing, 's/t', load))
    await lab.run()
    await expect(replayFile(lab.ports, id, nameOf(3))).rejects.toMatchObject({ kind: 'bad-landing' })
    expect(await lab.rows('s.t')).toHaveLength(2)
  })

  test('a file that comes late after the adoption is replayed through those that it had', async ({ lab }) => {
    await original(lab)
    await lab.run()
    await lab.land(
      's/t/20240102-120000000.parquet',
      rowsOf({ Op: 'varchar', ...row }, [
        ['U', 1, 'late'],
        ['U', 2, 'late'],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 2 })
    expect(await values(lab)).toMatchObject({ 1: 'U day 3', 2: 'U late' })
  })
})

describe('rows that the original doubled', () => {
  const doubled: Rows = [
    ['U', 1, 'day 3'],
    ['I', 1, 'load'],
    ['I', 2, 'load'],
  ]

  test('hold the table and name the way out, which then works', async ({ lab }) => {
    await original(lab, {}, doubled)
    const held = await lab.runOne('s.t')
    expect(held).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
    expect(held.error?.hint).toContain(`dmscdc replay s.t --from ${load}`)
    expect(await lab.rows('s.t')).toHaveLength(3)
    expect(await listTables(lab.ports)).toMatchObject([{ status: 'held', adopted: { rows: 3 } }])
    await replayFile(lab.ports, id, load)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 3, error: null })
    expect(await values(lab)).toEqual({ 1: 'U day 3', 2: 'I load' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
    expect(await listTables(lab.ports)).toMatchObject([{ status: 'ready', held: null, adopted: null }])
  })

  test('are found across files', async ({ lab }) => {
    await original(lab, {}, [doubled[0] ?? [], doubled[1] ?? []])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
  })
})

describe('files as Spark writes them', () => {
  test('INT96 timestamps and decimals of fixed bytes are read as they are, and merged', async ({ lab }) => {
    await lab.land(
      `s/t/${nameOf(3)}`,
      `select 'U' as "Op", 1::integer as id, 9.75::decimal(9,2) as price, timestamp '2024-05-01 10:00:00' as at, 'new' as name`,
    )
    await writeOriginalBytes(lab, partName(0), sparkFile)
    await lab.set('s.t', {})
    await makeOriginalRow(lab, { file: nameOf(2), date: '2024-01-01 00:00:00' })
    const [before] = [await lab.rows('s.t')]
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, changes: { updated: 1 }, error: null })
    expect(await lab.verify()).toMatchObject([{ ok: true }])
    const [first, ...others] = await lab.rows('s.t', 'id')
    expect(first).toMatchObject({ Op: 'U', id: 1, price: '9.75', name: 'new' })
    const text = (rows: Record<string, unknown>[]) =>
      rows.map((one) => ({ ...one, at: String(one.at).replace('+00', '') }))
    expect(text(others)).toEqual(text(before.slice(1)))
  })

  test('partition folders: values as the landing types them, NULL, escapes', async ({ lab }) => {
    const columns = { id: 'integer', v: 'varchar', p: 'varchar' }
    await lab.land(
      `s/t/${nameOf(4)}`,
      rowsOf({ Op: 'varchar', ...columns }, [
        ['U', 1, 'x', '07094'],
        ['U', 2, 'x', 'a/b'],
        ['U', 3, 'moved', '07094'],
      ]),
    )
    const part = { Op: 'varchar', ...row }
    for (const [at, folder] of ['p=07094', 'p=a%2Fb', 'p=__HIVE_DEFAULT_PARTITION__'].entries())
      await writeOriginal(lab, `${folder}/${partName(at)}`, rowsOf(part, [['I', at + 1, 'load']]))
    await lab.set('s.t', {})
    await makeOriginalRow(lab, { file: nameOf(3), date: '2024-01-01 00:00:00' }, { PartitionKey: 'p' })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, changes: { updated: 3 }, error: null })
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: 3 }])
    const folders = (await filesBelow(join(lab.lake, 's/t'))).map((key) => key.split('/')[0])
    expect([...new Set(folders)].sort()).toEqual(['p=07094', 'p=a%2Fb'])
  })

  test('another partition key than its folders have: the table is laid out anew', async ({ lab }) => {
    await lab.land(`s/t/${nameOf(3)}`, rowsOf({ Op: 'varchar', id: 'integer', v: 'varchar', p: 'integer' }, []))
    await writeOriginal(lab, `p=7/${partName(0)}`, rowsOf(lakeRow, originalRows))
    await lab.set('s.t', {})
    await makeOriginalRow(lab, { file: nameOf(3), date: '2024-01-01 00:00:00' })
    expect(await lab.runOne('s.t')).toMatchObject({ version: 1, filesAdded: 2, error: null })
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, p: 7 },
      { id: 2, p: 7 },
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true }])
  })

  test('narrower types in some files: those are written anew', async ({ lab }) => {
    await originalLanding(lab)
    await writeOriginal(lab, partName(0), rowsOf(lakeRow, originalRows.slice(0, 1)))
    await writeOriginal(
      lab,
      partName(1),
      rowsOf({ ...lakeRow, id: 'bigint', more: 'integer' }, [['I', 4_000_000_000, 'x', 5]]),
    )
    await lab.set('s.t', {})
    await makeOriginalRow(lab, { file: nameOf(3), date: '2024-01-01 00:00:00' })
    expect(await lab.runOne('s.t')).toMatchObject({ version: 1, filesRewritten: 2, error: null })
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: '1', more: null },
      { id: '4000000000', more: 5 },
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true }])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test.for([
    ['a nested column', `select 'I' as "Op", 1 as id, [1, 2] as v`, 'column "v"'],
    ['types without a common one', `select 'I' as "Op", 'x' as id, 'y' as v`, 'column "id"'],
    ['names that differ by case', `select 'I' as "Op", 1 as "ID", 'y' as v`, 'column "ID"'],
  ] as const)(
    '%s holds the table, names the file and the column, and nothing is touched',
    async ([, select, what], { lab }) => {
      await original(lab)
      await writeOriginal(lab, partName(2), select)
      const before = await filesBelow(lab.lake)
      const held = await lab.runOne('s.t')
      expect(held).toMatchObject({ status: 'held', error: { kind: 'corrupt-lake' } })
      expect(held.error?.message).toContain(partName(2))
      expect(held.error?.message).toContain(what)
      expect(await filesBelow(lab.lake)).toEqual(before)
    },
  )

  test('a damaged file holds the table', async ({ lab }) => {
    await original(lab)
    await writeOriginalBytes(lab, partName(2), 'no parquet')
    const held = await lab.runOne('s.t')
    expect(held).toMatchObject({ status: 'held', error: { kind: 'corrupt-lake' } })
    expect(held.error?.message).toContain(partName(2))
  })
})

describe('the way back', () => {
  test('the row holds what the original goes on from, and a second adoption takes what it did since', async ({
    lab,
  }) => {
    await original(lab)
    await landChanges(lab, 4, [['U', 2, 'day 4']])
    await lab.run()
    const { path, ...mirrored } = await readRow(lab)
    expect(mirrored).toMatchObject({
      LastIncrementalFile: `${String(path)}${nameOf(4)}`,
      LastFullLoadDate: '2024-01-01 00:00:00',
      PrimaryKey: 'id',
      ActiveFlag: 'true',
    })
    await landChanges(lab, 5, [['U', 2, 'day 5']])
    await rm(join(lab.lake, 's/t'), { recursive: true })
    await writeOriginal(lab, partName(7), rowsOf(lakeRow, [['U', 2, 'day 5']]))
    await rm(join(lab.lake, '_dmscdc/s/t'), { recursive: true })
    await makeOriginalRow(lab, { file: nameOf(5), date: '2024-01-01 00:00:00' })
    await landChanges(lab, 6, [['I', 6, 'day 6']])
    expect(await lab.runOne('s.t')).toMatchObject({ files: 1, version: 1, error: null })
    expect(await values(lab)).toEqual({ 2: 'U day 5', 6: 'I day 6' })
  })
})

test('two rows of the original that share a folder are both held', async ({ lab }) => {
  for (const schema of ['a', 'b']) {
    await lab.land(`${schema}/t/${nameOf(1)}`, rowsOf({ Op: 'varchar', ...row }, []))
    await lab.set(`${schema}.t`, { active: true })
  }
  const { readFile, writeFile } = await import('node:fs/promises')
  for (const schema of ['a', 'b']) {
    const path = join(lab.state, schema, 't.json')
    const { out_path: _, ...others } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await writeFile(path, JSON.stringify(others))
  }
  expect(await lab.run()).toMatchObject([{ status: 'held' }, { status: 'held' }])
})
