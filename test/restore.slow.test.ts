import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { historyText } from '../src/render.ts'
import type { SetOptions } from '../src/state/row.ts'
import { catalogAtHand } from './support/catalog-at-hand.ts'
import { type Lab, openLab } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { makeOriginalRow, writeOriginal } from './support/original-lake.ts'
import { id, nameOf } from './support/plain-table.ts'
import {
  expectProven,
  goOn,
  kept,
  landChanges,
  landLoad,
  loaded,
  loadRows,
  operations,
  restore,
  row,
  run,
} from './support/restored-table.ts'
import { cursorTo, readRow } from './support/row-file.ts'

const columnsOf = async (lab: Lab) => Object.keys((await lab.rows('s.t'))[0] ?? {})

const shapes: readonly { readonly name: string; readonly options: SetOptions }[] = [
  { name: 'with a key', options: kept },
  { name: 'without a key', options: { retain: '7d' } },
  { name: 'with partitions', options: { ...kept, partitionKey: 'p' } },
  { name: 'read through a Delta view', options: { primaryKey: 'id', publish: 'delta' } },
  { name: 'read through manifests', options: { primaryKey: 'id', partitionKey: 'p', publish: 'manifest' } },
]

describe('restore brings back rows and progress of a version, sets the table inactive, and the later files are taken again', () => {
  for (const { name, options } of shapes)
    test(name, async ({ lab }) => {
      const seen: unknown[] = []
      const rowAt: Record<string, unknown>[] = []
      await loaded(lab, options, async () => {
        seen.push(await liveRows(lab))
        rowAt.push(await readRow(lab))
      })
      for (const version of [1, 0, 2]) {
        const made = await restore(lab, version)
        expect(await liveRows(lab)).toEqual(seen[version])
        await expectProven(lab)
        const { LastIncrementalFile, LastFullLoadDate } = rowAt[version] ?? {}
        const expected = { ActiveFlag: 'false', Version: made, LastIncrementalFile, LastFullLoadDate }
        expect(await readRow(lab)).toMatchObject(expected)
        expect(await lab.runOne('s.t')).toMatchObject({ status: 'inactive' })
        await goOn(lab)
        expect(await liveRows(lab)).toEqual(seen[3])
      }
    })
})

describe('restore, with the progress kept', () => {
  for (const [name, options] of [['with a key', kept] as const, ['without a key', { retain: '7d' }] as const])
    test(`${name}: leaves the changes between out for good, and history says so`, async ({ lab }) => {
      let before: unknown
      await loaded(lab, options, async () => {
        before ??= await lab.rows('s.t')
      })
      await restore(lab, 0, { keepProgress: true })
      expect(await lab.rows('s.t')).toEqual(before)
      expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', ...(await cursorTo(lab, nameOf(3))) })
      await lab.set('s.t', { active: true })
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', error: null })
      await landChanges(lab, 4, [['I', 5, 'd', 'four']])
      await goOn(lab)
      expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1, v: 'load' }, { id: 2 }, { id: 5 }])
      const [entry] = (await tableHistory(lab.ports, id)).filter(({ operation }) => operation === 'RESTORE')
      const passedOver = [1, 2, 3].map((day) => ({ key: nameOf(day), why: 'restored to version 0' }))
      expect(entry?.receipt).toMatchObject({ restored: { version: 0, progressKept: true }, passedOver })
      expect(historyText(await tableHistory(lab.ports, id))).toContain(
        `version 4 passed over ${nameOf(1)}, ${nameOf(2)}, ${nameOf(3)}: restored to version 0`,
      )
      expect(entry?.receipt?.note).toContain('3 change files taken since then are left out for good')
    })

  test('a file that comes late brings none of them back, whether it comes before or between them', async ({ lab }) => {
    await loaded(lab, { ...kept, lookBack: '7d' })
    await restore(lab, 1, { keepProgress: true })
    await lab.land(
      's/t/20240101-120000000.parquet',
      rowsOf({ Op: 'varchar', ...row }, [
        ['U', 2, 'b', 'late'],
        ['U', 3, 'a', 'late'],
      ]),
    )
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, v: 'one' },
      { id: 2, v: 'late' },
      { id: 3, v: 'late' },
    ])
  })

  for (const [name, options] of [['with a key', kept] as const, ['without a key', { retain: '7d' }] as const])
    test(`${name}: of a version that a restore had taken back, what it is made of is not taken twice`, async ({
      lab,
    }) => {
      const seen: unknown[] = []
      await loaded(lab, options, async () => seen.push(await lab.rows('s.t')))
      await restore(lab, 0)
      await restore(lab, 1, { keepProgress: true })
      expect(await lab.rows('s.t')).toEqual(seen[1])
      await goOn(lab)
      expect(await lab.rows('s.t')).toEqual(seen[3])
    })

  test('replay takes them again after all', async ({ lab }) => {
    await loaded(lab)
    const before = await lab.rows('s.t')
    await restore(lab, 0, { keepProgress: true })
    await replayFile(lab.ports, id, nameOf(1))
    await goOn(lab)
    expect(await lab.rows('s.t')).toEqual(before)
  })
})

describe('restore goes back across', () => {
  test('a wider type, which comes again with the file that brought it', async ({ lab }) => {
    await landLoad(lab)
    await lab.set('s.t', { active: true, ...kept })
    await run(lab)
    await lab.land(
      `s/t/${nameOf(1)}`,
      rowsOf({ Op: 'varchar', ...row, id: 'bigint', more: 'varchar' }, [['I', 4_000_000_000, 'a', 'wide', 'x']]),
    )
    await run(lab)
    const wide = await lab.rows('s.t')
    await restore(lab, 0)
    const file = `${lab.lake}/s/t/*.parquet`
    expect(await lab.sql(`select distinct typeof(id) as type from '${file}'`)).toEqual([{ type: 'INTEGER' }])
    expect(await columnsOf(lab)).toEqual(['id', 'p', 'v'])
    await goOn(lab)
    expect(await lab.rows('s.t')).toEqual(wide)
  })

  test('a full load that dropped a column and changed a type; it is loaded again', async ({ lab }) => {
    let before: unknown
    await loaded(lab, kept, async () => {
      before = await lab.rows('s.t')
    })
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'bigint', p: 'integer', w: 'varchar' }, [[9, 9, 'new']]))
    await run(lab)
    const reloaded = await lab.rows('s.t')
    await restore(lab, 3)
    expect(await lab.rows('s.t')).toEqual(before)
    await expectProven(lab)
    expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'inactive' }])
    await goOn(lab)
    expect(await lab.rows('s.t')).toEqual(reloaded)
  })

  test('another partition key, which the row still asks for', async ({ lab }) => {
    await loaded(lab, kept)
    await lab.set('s.t', { partitionKey: 'p' })
    await run(lab)
    expect(await filesBelow(join(lab.lake, 's/t'))).toEqual(expect.arrayContaining([expect.stringMatching(/^p=a\//u)]))
    const rows = await lab.rows('s.t', 'id')
    await restore(lab, 3)
    expect((await filesBelow(join(lab.lake, 's/t'))).filter((key) => key.includes('/'))).toEqual([])
    expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 3 }, { id: 4 }])
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toEqual(rows)
  })

  test('an adoption: to the files of the job before, under names of ours', async ({ lab }) => {
    await landLoad(lab)
    await lab.set('s.t', { active: true, ...kept })
    await landChanges(lab, 1, [['I', 3, 'a', 'one']])
    await landChanges(lab, 2, [
      ['U', 1, 'z', 'two'],
      ['U', 3, 'z', 'two'],
    ])
    const lake = rowsOf(
      { Op: 'varchar', ...row },
      [...loadRows, [3, 'a', 'one']].map((cells) => ['I', ...cells]),
    )
    await writeOriginal(lab, 'part-00000-a.snappy.parquet', lake)
    const adopted = await lab.rows('s.t')
    await makeOriginalRow(lab, { file: nameOf(1), date: '2099-01-01 00:00:00' })
    await lab.set('s.t', { retain: '7d' })
    await run(lab)
    expect(await operations(lab)).toEqual(['ADOPT', 'MERGE'])
    const merged = await lab.rows('s.t')
    await restore(lab, 0)
    expect(await lab.rows('s.t')).toEqual(adopted)
    expect(await filesBelow(join(lab.lake, 's/t'))).toEqual([expect.stringMatching(/^part-[0-9A-Z]{26}\.parquet$/u)])
    await goOn(lab)
    expect(await lab.rows('s.t')).toEqual(merged)
  })

  test('checkpoints, and with a pointer to the newest of them that is lost', async ({ lab }) => {
    await landLoad(lab)
    await lab.set('s.t', { active: true, ...kept })
    await run(lab)
    const seen = [await lab.rows('s.t')]
    for (let day = 1; day <= 18; day++) {
      await landChanges(lab, day, [['U', 1, 'a', String(day)]])
      await run(lab)
      seen.push(await lab.rows('s.t'))
    }
    const log = join(lab.lake, '_dmscdc/s/t/_delta_log')
    expect(await filesBelow(log)).toEqual(expect.arrayContaining([expect.stringContaining('.checkpoint.parquet')]))
    await restore(lab, 3)
    expect(await lab.rows('s.t')).toEqual(seen[3])
    await rm(join(log, '_last_checkpoint'))
    await restore(lab, 11)
    expect(await lab.rows('s.t')).toEqual(seen[11])
    await goOn(lab)
    expect(await lab.rows('s.t')).toEqual(seen[18])
  })
})

test('restore shows the catalog the columns and partitions of the version', async () => {
  const catalog = catalogAtHand()
  const lab = await openLab({ catalog })
  const name = { database: 's', table: 't' }
  try {
    const described: unknown[] = []
    await loaded(lab, { primaryKey: 'id', partitionKey: 'p', publish: 'manifest,glue' }, async () => {
      described.push(await catalog.describe(name))
    })
    await lab.land(`s/t/${nameOf(4)}`, rowsOf({ Op: 'varchar', ...row, w: 'varchar' }, [['I', 5, 'z', 'four', 'w']]))
    await run(lab)
    expect(await catalog.describe(name)).not.toEqual(described[1])
    await restore(lab, 1)
    expect(await catalog.describe(name)).toEqual(described[1])
    await expectProven(lab)
  } finally {
    await lab.close()
  }
})

/** The rows of the files that the log lists, where a view lets superseded ones stay beside them. */
async function liveRows(lab: Lab): Promise<unknown> {
  const { Published } = await readRow(lab)
  if (!Array.isArray(Published) || Published.length === 0) return lab.rows('s.t')
  const log = join(lab.lake, '_dmscdc/s/t/_delta_log')
  const live = new Set<string>()
  for (const entry of (await filesBelow(log)).filter((name) => name.endsWith('.json')))
    for (const line of (await readFile(join(log, entry), 'utf8')).trimEnd().split('\n')) {
      const { add, remove } = JSON.parse(line) as { add?: { path: string }; remove?: { path: string } }
      if (add) live.add(decodeURIComponent(add.path))
      if (remove) live.delete(decodeURIComponent(remove.path))
    }
  const files = [...live].map((path) => `'${lab.lake}/s/t/${path}'`).join(', ')
  return lab.sql(`select * from read_parquet([${files}], hive_partitioning = true, union_by_name = true) order by all`)
}
