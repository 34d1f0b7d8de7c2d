import { readFileSync, writeFileSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Lab, openLab } from '../support/lab.ts'
import { pythonReaders, type ReaderEngine, type ReaderKind, readWith } from '../support/python.ts'
import { filesBelow, type Places, runJson, stdoutOf, verifyJson } from './process.ts'
import { printedRandom } from './seeded-random.ts'

const python = await pythonReaders()

let lab: Lab
let places: Pick<Places, 'environment'>
beforeEach(async () => {
  lab = await openLab()
  places = { environment: { DMSCDC_LANDING: lab.landing, DMSCDC_LAKE: lab.lake, DMSCDC_STATE: lab.state } }
})
afterEach(() => lab.close())

describe('a log of two hundred commits', () => {
  const commits = 200

  test('needs nothing that is older than its last checkpoint, and neither does its published view', async () => {
    const tables = ['s.plain', 's.viewed']
    for (const table of tables) {
      await lab.land(load(table), `select range as id, 'v' || range as v, range % 3 as part from range(20)`)
      await lab.set(table, { active: true, primaryKey: 'id' })
    }
    await lab.set('s.viewed', { publish: 'delta' })
    await lab.run()
    for (let commit = 1; commit <= commits; commit++) {
      for (const table of tables) await lab.land(change(table, commit), smallChange(commit))
      expect((await lab.run({ concurrency: 2 })).map(({ status, version }) => [status, version])).toEqual([
        ['incremental', commit],
        ['incremental', commit],
      ])
    }
    const logs = [
      `${lab.lake}/_dmscdc/s/plain/_delta_log`,
      `${lab.lake}/_dmscdc/s/viewed/_delta_log`,
      `${lab.lake}/s/viewed/_delta_log`,
    ]
    for (const log of logs) expect(await moveAwayOldEntries(log)).toBeGreaterThan(commits - 20)

    for (const table of tables) await lab.land(change(table, commits + 1), smallChange(commits + 1))
    const report = await runJson(places as Places)
    expect(report.tables.map(({ status, version }) => [status, version])).toEqual(
      Array(2).fill(['incremental', commits + 1]),
    )
    const expected = expectedRows(commits + 1)
    expect(await lab.sql(`select id, v, part from ${folder('s.plain')} order by id`)).toEqual(expected)
    expect((await verifyJson(places as Places)).ok).toBe(true)
    if (python === null) return
    for (const engine of ['delta-rs', 'duckdb', 'polars'] as const)
      expect(await readTexts(engine, 'delta', 's.viewed'), engine).toEqual(expected.map(texts).sort(byText))
  }, 300_000)

  /** Every commit adds one row and changes one of the first twenty; every tenth deletes the row added before. */
  function smallChange(commit: number): string {
    const gone = commit % 10 === 0 ? `, ('D', ${1000 + commit - 1}, null, null)` : ''
    return `select * from (values ('I', ${1000 + commit}::bigint, 'new', ${commit % 3}::bigint), ('U', ${commit % 20}, 'w${commit}', 0)${gone}) as c("Op", id, v, part)`
  }

  function expectedRows(upTo: number): Record<string, unknown>[] {
    const rows = new Map<number, { id: string; v: string; part: string }>()
    for (let id = 0; id < 20; id++) rows.set(id, { id: String(id), v: `v${id}`, part: String(id % 3) })
    for (let commit = 1; commit <= upTo; commit++) {
      rows.set(1000 + commit, { id: String(1000 + commit), v: 'new', part: String(commit % 3) })
      rows.set(commit % 20, { id: String(commit % 20), v: `w${commit}`, part: '0' })
      if (commit % 10 === 0) rows.delete(1000 + commit - 1)
    }
    return [...rows].sort(([a], [b]) => a - b).map(([, row]) => row)
  }

  /** Moves the JSON before the last checkpoint out of the log; returns how many. */
  async function moveAwayOldEntries(log: string): Promise<number> {
    const { version } = JSON.parse(await readFile(join(log, '_last_checkpoint'), 'utf8')) as { version: number }
    const old = (await readdir(log)).filter(
      (name) => /^\d{20}\.json$/u.test(name) && Number(name.slice(0, 20)) < version,
    )
    const away = join(lab.folder, `away-${log.replaceAll('/', '-')}`)
    await mkdir(away)
    for (const name of old) await rename(join(log, name), join(away, name))
    return old.length
  }
})

describe.skipIf(python === null)('a bare folder', () => {
  test('gives DuckDB, pyarrow and polars the same rows: plain, in partitions, and with columns that came later', async () => {
    const row = (id: number) =>
      `${id}::bigint as id, 9007199254740993 + ${id} as big, (${id} / 3)::decimal(18,4) as amount, date '2024-02-29' + ${id} as day,
       timestamp '1969-12-31 23:59:59.123' + interval ${id} hour as at, 'Crème 😀 ${id}' as name, 'x${id}'::blob as raw, ${id} % 2 = 0 as flag, ${id} / 7.0::double as ratio`
    const country = (id: number) => `[null, '', '07094', 'a b', 'x=y/z', 'Ä%41'][${id % 6} + 1] as country`
    for (const table of ['s.plain', 's.parted', 's.grown']) {
      const rows = Array.from({ length: 30 }, (_, id) => `select ${row(id)}, ${country(id)}`)
      await lab.land(load(table), rows.join(' union all '))
      await lab.set(table, { active: true, primaryKey: 'id' })
    }
    await lab.set('s.parted', { partitionKey: 'country' })
    await lab.run()
    for (const table of ['s.plain', 's.parted']) {
      await lab.land(
        change(table, 1),
        `select 'U' as "Op", ${row(4)}, 'moved' as country union all select 'D', ${row(5)}, ''`,
      )
      await lab.land(change(table, 2), `select 'I' as "Op", ${row(99)}, null::varchar as country`)
    }
    await lab.land(change('s.grown', 1), `select 'I' as "Op", ${row(100)}, 'c' as country, 'r' as remark`)
    await lab.land(
      change('s.grown', 2),
      `select 'I' as "Op", ${row(101)}, 'c' as country, 's' as remark, 7::integer as stars`,
    )
    expect((await lab.run()).map(({ status, error }) => [status, error])).toEqual(Array(3).fill(['incremental', null]))
    const rows = { 's.plain': 30, 's.parted': 30, 's.grown': 32 }
    for (const [table, count] of Object.entries(rows)) {
      const [duckdb, pyarrow, polars] = await Promise.all(
        (['duckdb', 'pyarrow', 'polars'] as const).map((engine) => readTexts(engine, 'folder', table)),
      )
      expect(duckdb?.length, table).toBe(count)
      expect(pyarrow, table).toEqual(duckdb)
      expect(polars, table).toEqual(duckdb)
    }
    expect(new Set((await readTexts('duckdb', 'folder', 's.parted')).map(({ country }) => country))).toEqual(
      new Set([null, '07094', 'a b', 'x=y/z', 'Ä%41', 'moved']),
    )
    const grown = await readTexts('polars', 'folder', 's.grown')
    expect(grown.filter(({ stars }) => stars !== null).map(({ id, remark }) => [id, remark])).toEqual([['101', 's']])
  }, 120_000)
})

describe('verify', () => {
  const flips = 50

  test('finds any single flipped bit of a data file, a file that is gone, and one that somebody added', async () => {
    await lab.land(load('s.t'), `select range as id, md5(range::varchar) as v, range % 4 as part from range(4000)`)
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'part' })
    await lab.run()
    expect(await verifyJson(places as Places)).toMatchObject({
      ok: true,
      tables: [{ rows: 4000, files: 4, problems: [] }],
    })
    const files = [...filesBelow(join(lab.lake, 's/t')).keys()].map((name) => join(lab.lake, 's/t', name))
    const random = printedRandom('flipped bits')
    for (let flip = 0; flip < flips; flip++) {
      const file = random.pick(files)
      const { length } = readFileSync(file)
      const at = flip === 0 ? 0 : flip === 1 ? length - 1 : random.below(length)
      const bit = 1 << random.below(8)
      flipBit(file, at, bit)
      const where = `${file} byte ${String(at)} of ${String(length)}, bit ${String(bit)}`
      expect((await verifyJson(places as Places, 1)).tables[0], where).toMatchObject({
        ok: false,
        problems: [{ kind: 'damaged', path: file.slice(lab.lake.length + 1) }],
      })
      flipBit(file, at, bit)
    }
    expect((await verifyJson(places as Places)).ok).toBe(true)

    const [first, second] = files as [string, string]
    const [name, other] = [first, second].map((path) => path.slice(lab.lake.length + 1))
    await rename(first, join(lab.folder, 'kept'))
    expect(await verifyJson(places as Places, 1)).toMatchObject({
      ok: false,
      tables: [{ problems: [{ kind: 'missing', path: name }] }],
    })
    await rename(join(lab.folder, 'kept'), first)
    const added = second.replace('.parquet', '-copy.parquet')
    await copyFile(second, added)
    expect(await verifyJson(places as Places, 1)).toMatchObject({
      ok: false,
      tables: [{ problems: [{ kind: 'unlisted', path: other?.replace('.parquet', '-copy.parquet') }] }],
    })
    expect(await stdoutOf(['verify'], places.environment, 1)).toContain('unlisted')
    await rm(added)
    expect((await verifyJson(places as Places)).ok).toBe(true)
  }, 240_000)
})

const load = (table: string) => `${table.replace('.', '/')}/LOAD00000001.parquet`
const change = (table: string, number: number) =>
  `${table.replace('.', '/')}/20240101-${String(number).padStart(9, '0')}.parquet`
const folder = (table: string) => `read_parquet('${lab.lake}/${table.replace('.', '/')}/**/*.parquet')`

type Texts = Readonly<Record<string, string | null>>

/** Numbers and texts of numbers are one thing here: engines differ in what they print, not in what they read. */
function texts(row: unknown): Texts {
  const entries = Object.entries(row as Record<string, unknown>)
  return Object.fromEntries(entries.map(([name, value]) => [name, value === null ? null : String(value)]))
}

const byText = (a: Texts, b: Texts) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

async function readTexts(engine: ReaderEngine, kind: ReaderKind, table: string): Promise<readonly Texts[]> {
  const rows = (await readWith(engine, kind, join(lab.lake, table.replace('.', '/')))).map(texts)
  const inOrder = rows.map((row) => Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
  return inOrder.sort(byText)
}

function flipBit(path: string, at: number, bit: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ bit
  writeFileSync(path, bytes)
}
