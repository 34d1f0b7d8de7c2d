import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { restoreTable } from '../src/controller/restore-table.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import type { Ports } from '../src/ports.ts'
import { historyText } from '../src/render.ts'
import type { SetOptions } from '../src/state/row.ts'
import { isCommit } from './faults/schedule.ts'
import { catalogAtHand } from './support/catalog-at-hand.ts'
import { asProcess, faultyPorts, interceptPorts, startTestProcess } from './support/faulty-ports.ts'
import { type Lab, openLab } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'
import { makeOriginalRow, writeOriginal } from './support/original-lake.ts'
import { cursorTo, editRow, readRow } from './support/row-file.ts'

const id = { schema: 's', table: 't' }
const row = { id: 'integer', p: 'varchar', v: 'varchar' }
const loadRows: readonly (readonly Cell[])[] = [
  [1, 'a', 'load'],
  [2, 'b', 'load'],
]
const changesOf: readonly (readonly (readonly Cell[])[])[] = [
  [
    ['U', 1, 'b', 'one'],
    ['I', 3, 'a', 'one'],
  ],
  [
    ['D', 2, null, null],
    ['U', 3, 'a', 'two'],
  ],
  [['I', 4, 'c', 'three']],
]
const kept = { primaryKey: 'id', retain: '7d' }

const nameOf = (day: number) => `202401${String(day).padStart(2, '0')}-000000000.parquet`
const landLoad = (lab: Lab, rows = loadRows) => lab.land('s/t/LOAD00000001.parquet', rowsOf(row, rows))
const landChanges = (lab: Lab, day: number, rows: readonly (readonly Cell[])[]) =>
  lab.land(`s/t/${nameOf(day)}`, rowsOf({ Op: 'varchar', ...row }, rows))

/** A load and three change files, a commit each. `after` is called after each. */
async function loaded(lab: Lab, options: SetOptions = kept, after: () => Promise<unknown> = async () => {}) {
  await landLoad(lab)
  await lab.set('s.t', { active: true, ...options })
  await run(lab)
  await after()
  for (const [at, rows] of changesOf.entries()) {
    await landChanges(lab, at + 1, rows)
    await run(lab)
    await after()
  }
}

async function run(lab: Lab): Promise<void> {
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

const restore = (lab: Lab, version: number, options: { readonly keepProgress?: true; readonly ports?: Ports } = {}) =>
  restoreTable(options.ports ?? lab.ports, id, { version, keepProgress: options.keepProgress === true })

async function expectProven(lab: Lab): Promise<void> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  expect(await readRow(lab)).not.toHaveProperty('Lease')
}

async function goOn(lab: Lab): Promise<void> {
  await lab.set('s.t', { active: true })
  await run(lab)
  await expectProven(lab)
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
}

const operations = async (lab: Lab) => (await tableHistory(lab.ports, id)).map(({ operation }) => operation).reverse()
const retained = (lab: Lab) => join(lab.lake, '_dmscdc/s/t/retained')
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

describe('restore takes the files of the version', () => {
  test('that are still listed as they lie, and stages the others under new names', async ({ lab }) => {
    await landLoad(lab)
    await lab.set('s.t', { active: true })
    await run(lab)
    const [first] = await filesBelow(join(lab.lake, 's/t'))
    await landChanges(lab, 1, [['I', 3, 'a', 'one']])
    await run(lab)
    await restore(lab, 0)
    expect(await filesBelow(join(lab.lake, 's/t'))).toEqual([first])
    await goOn(lab)
    const names = await filesBelow(join(lab.lake, 's/t'))
    await restore(lab, 1).catch((thrown: unknown) => expect(String(thrown)).toContain('are gone'))
    expect(await filesBelow(join(lab.lake, 's/t'))).toEqual(names)
  })

  test('also where their time is over but no commit has come since', async ({ lab }) => {
    let first: unknown
    await loaded(lab, { primaryKey: 'id', retain: '1h' }, async () => {
      first ??= await lab.rows('s.t')
    })
    const later = laterBy(lab.ports, 2 * 3_600_000)
    await restore(lab, 0, { ports: later })
    expect(await lab.rows('s.t')).toEqual(first)
    await expectProven(lab)
    expect(await filesBelow(retained(lab))).toHaveLength(2)
  })

  test('and refuses what is gone by name, saying what would have kept it; nothing has changed then', async ({
    lab,
  }) => {
    await loaded(lab, { primaryKey: 'id' })
    const before = { row: await readRow(lab), rows: await lab.rows('s.t') }
    const refused = restore(lab, 1)
    await expect(refused).rejects.toThrow(
      /^s\.t cannot go back to version 1: 1 of its 1 data files are gone, part-\w+\.parquet first; .*Retain is 0/u,
    )
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('dmscdc set s.t --retain 7d') })
    expect({ row: await readRow(lab), rows: await lab.rows('s.t') }).toMatchObject({
      row: { ActiveFlag: before.row.ActiveFlag, Version: before.row.Version },
      rows: before.rows,
    })
    await expectProven(lab)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('and none whose bytes are not what the log says', async ({ lab }) => {
    await loaded(lab)
    const [first = ''] = await filesBelow(retained(lab))
    const path = join(retained(lab), first)
    const bytes = await readFile(path)
    bytes[40] = (bytes[40] ?? 0) ^ 1
    await rm(path)
    await writeFile(path, bytes)
    await expect(restore(lab, 0)).rejects.toMatchObject({ kind: 'corrupt-lake' })
    await expectProven(lab)
    expect(await operations(lab)).not.toContain('RESTORE')
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'true' })
  })
})

describe('restore refuses', () => {
  test('a table without a log, its own version, and one that there never was', async ({ lab }) => {
    await landLoad(lab)
    await lab.run()
    await expect(restore(lab, 0)).rejects.toThrow('was not loaded yet')
    await lab.set('s.t', { active: true, ...kept })
    await run(lab)
    await expect(restore(lab, 0)).rejects.toThrow('stands at version 0')
    await expect(restore(lab, 7)).rejects.toThrow('has no version 7, the newest is 0')
    await expect(
      restoreTable(lab.ports, { schema: 's', table: 'x' }, { version: 0, keepProgress: false }),
    ).rejects.toThrow('there is no table s.x')
  })

  test('where landing files that would have to be taken again are gone, unless the progress is kept', async ({
    lab,
  }) => {
    await loaded(lab)
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await expect(restore(lab, 1)).rejects.toThrow(
      `1 landing files that were taken since that version are gone, ${nameOf(2)} first`,
    )
    await restore(lab, 1, { keepProgress: true })
    await expectProven(lab)
  })
})

describe('after a restore', () => {
  test('the same command makes no second one, and sets the table inactive again', async ({ lab }) => {
    await loaded(lab)
    expect(await restore(lab, 1)).toBe(4)
    await lab.set('s.t', { active: true })
    expect(await restore(lab, 1)).toBe(4)
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', Version: 4 })
    expect(await operations(lab)).toEqual(['INITIAL', 'MERGE', 'MERGE', 'MERGE', 'RESTORE'])
  })

  test('what it took back counts for nothing: replay asks for none of those files, verify for all of them', async ({
    lab,
  }) => {
    await loaded(lab)
    await restore(lab, 1)
    await rm(join(lab.landing, 's/t', nameOf(3)))
    await replayFile(lab.ports, id, nameOf(1))
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, v: 'one' },
      { id: 3, v: 'two' },
    ])
  })

  test('Landed takes away no file that only a commit took which it took back', async ({ lab }) => {
    await loaded(lab, { ...kept, lookBack: '1h' })
    const late = '20231231-000000000.parquet'
    await lab.land(`s/t/${late}`, rowsOf({ Op: 'varchar', ...row }, [['U', 2, 'b', 'late']]))
    await replayFile(lab.ports, id, late)
    await run(lab)
    await restore(lab, 3)
    await lab.set('s.t', { active: true, landed: 'delete' })
    await run(lab)
    expect(await filesBelow(join(lab.landing, 's/t'))).toEqual([late, nameOf(3), 'LOAD00000001.parquet'])
    expect(await lab.verify()).toMatchObject([{ problems: [{ kind: 'untaken', path: `s/t/${late}` }] }])
  })

  test('a cursor that was edited before it is void, one edited under it is obeyed', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    await restore(lab, 0)
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 3 }, { id: 4 }])
    expect(await operations(lab)).not.toContain('REPLAY')

    const edit = await cursorTo(lab, nameOf(3))
    const edited = interceptPorts(lab.ports, async (call, proceed) => {
      if (isCommit(call)) await editRow(lab, edit)
      return proceed()
    })
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    await restore(lab, 0, { ports: edited })
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', ...edit })
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, v: 'load' },
      { id: 2, v: 'load' },
    ])
  })
})

describe('a restore whose run dies after its commit', () => {
  for (const { name, active } of [
    { name: 'is finished by the next run, which sets the table inactive', active: true },
    { name: 'of a table that was inactive already is finished by the next run too', active: false },
  ])
    test(name, async ({ lab }) => {
      let first: unknown
      await loaded(lab, { ...kept, partitionKey: 'p' }, async () => {
        first ??= await lab.rows('s.t')
      })
      await lab.set('s.t', { active })
      const { ports } = faultyPorts(lab.ports, { at: isCommit, kind: 'die-after' })
      await asProcess(ports, (own) => expect(restore(lab, 0, { ports: own })).rejects.toThrow())
      expect(await readRow(lab)).toMatchObject({ ActiveFlag: String(active), Version: 3 })
      expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'inactive', inputs: [] }])
      await asProcess(lab.ports, async (own) =>
        expect(await lab.runOne('s.t', { ports: own })).toMatchObject({ status: 'inactive', error: null, files: 0 }),
      )
      expect(await lab.rows('s.t')).toEqual(first)
      expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', Version: 4 })
      await expectProven(lab)
      await goOn(lab)
      expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 3 }, { id: 4 }])
    })
})

describe('a run that read the row before a restore', () => {
  test('takes nothing again, also where its own commit is the one that came too late', async ({ lab }) => {
    let first: unknown
    await loaded(lab, kept, async () => {
      first ??= await lab.rows('s.t')
    })
    await landChanges(lab, 4, [['I', 5, 'd', 'four']])
    const sleeper = startTestProcess()
    const asleep = interceptPorts({ ...lab.ports, holder: sleeper.holder }, async (call, proceed) => {
      if (isCommit(call) && call.target.endsWith('4.json')) {
        sleeper.end()
        await asProcess(lab.ports, (own) => restore(lab, 0, { ports: own }))
      }
      return proceed()
    })
    expect(await lab.runOne('s.t', { ports: asleep })).toMatchObject({ status: 'inactive', error: null, files: 0 })
    expect(await operations(lab)).toEqual(['INITIAL', 'MERGE', 'MERGE', 'MERGE', 'RESTORE'])
    expect(await lab.rows('s.t')).toEqual(first)
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', Version: 4 })
    await expectProven(lab)
  })

  for (const active of [true, false])
    test(`works by the row as it is when its lease is taken: ${active ? 'set active again' : 'inactive'}`, async ({
      lab,
    }) => {
      await loaded(lab)
      let restored = false
      const late = interceptPorts(lab.ports, async (call, proceed) => {
        if (call.port === 'landing' && call.verb === 'list' && call.target === 's/t/' && !restored) {
          restored = true
          await restore(lab, 0)
          await lab.set('s.t', { active })
        }
        return proceed()
      })
      await landChanges(lab, 4, [['I', 5, 'd', 'four']])
      const expected = active ? { status: 'incremental', files: 4 } : { status: 'inactive', files: 0 }
      expect(await lab.runOne('s.t', { ports: late })).toMatchObject({ error: null, ...expected })
      const { LastIncrementalFile, MirroredIncrementalFile, ActiveFlag } = await readRow(lab)
      expect([ActiveFlag, MirroredIncrementalFile]).toEqual([String(active), LastIncrementalFile])
      await goOn(lab)
      expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 3 }, { id: 4 }, { id: 5 }])
    })
})

function laterBy(ports: Ports, ms: number): Ports {
  return { ...ports, clock: { ...ports.clock, nowMs: () => ports.clock.nowMs() + ms } }
}

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
