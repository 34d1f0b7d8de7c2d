import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { literal } from '../../src/engine/sql.ts'
import { openPlaces, type Places, runJson, type Started, stagedIn, start, stdoutOf, verifyJson } from './process.ts'
import { printedRandom, type Random } from './seeded-random.ts'
import { difference, folderOf, openSql, viewOf } from './table-rows.ts'

const killedRuns = 20
/** Before a run takes its first lease. */
const startUpMs = 350
/** From its first staged file to the last deletion behind its commit, about. */
const commitMs = 30
const cleanRunMsMax = 10_000
const tables: Readonly<Record<string, number>> = { 'shop.large': 400_000, 'shop.middle': 20_000, 'shop.small': 300 }
const published = 'shop.middle'
const columns = ['id', 'v', 'note', 'day']

const runArguments = ['--concurrency', '2']

type Moment = 'ended' | 'without a lease' | 'with a lease' | 'with staged files'

const sql = await openSql()
afterAll(() => sql.close())

/** What each table must hold is kept beside, in a table of the test's own DuckDB, by two plain statements per change file. */
describe('a run that is killed at any moment', () => {
  let places: Places
  beforeEach(() => {
    places = openPlaces()
  })
  afterEach(() => places.remove())

  test('leaves a lake that the next run ends right, at once, with nothing lying about', async () => {
    const random = printedRandom('killed runs')
    await loadTables(places)
    await cleanRun(places)
    await landAll(places, random, 0)
    const workMs = (await cleanRun(places)) - startUpMs
    const moments: Record<Moment, number> = {
      ended: 0,
      'without a lease': 0,
      'with a lease': 0,
      'with staged files': 0,
    }
    for (let attempt = 1; attempt <= killedRuns; attempt++) {
      await landAll(places, random, attempt)
      const killed = start(['run', '--json', ...runArguments], places.environment)
      await somewhereIn(places, killed, { way: attempt % 3, workMs, random })
      killed.kill('SIGKILL')
      moments[momentOf(places, (await killed.ended).signal)] += 1
      const when = `attempt ${String(attempt)}, seed ${String(random.seed)}`
      expect(await cleanRun(places), when).toBeLessThan(cleanRunMsMax)
      expect(await differences(places), when).toEqual({})
      expect(stagedIn(places.lake), when).toEqual([])
      expect(
        (await verifyJson(places)).tables.flatMap(({ problems }) => problems),
        when,
      ).toEqual([])
    }
    process.stdout.write(`killed runs died: ${JSON.stringify(moments)}\n`)
    expect(moments['with a lease'] + moments['with staged files']).toBeGreaterThanOrEqual(killedRuns / 4)
    expect((await verifyJson(places)).tables.flatMap(({ problems }) => problems)).toEqual([])
  }, 400_000)
})

async function loadTables(places: Places): Promise<void> {
  for (const [table, rows] of Object.entries(tables)) {
    const model = modelOf(table)
    await sql.run(
      `create or replace table ${model} as select range::bigint as id, 'v' || range as v, md5(range::varchar) || md5(range::varchar || 'b') as note, (range % 5)::integer as day from range(${String(rows)})`,
    )
    await land(places, `${table.replace('.', '/')}/LOAD00000001.parquet`, `from ${model}`)
  }
  await stdoutOf(['tables'], places.environment)
  await stdoutOf(['set', 'shop.*', '--active', '--primary-key', 'id'], places.environment)
  await stdoutOf(['set', published, '--partition-key', 'day', '--publish', 'delta'], places.environment)
}

async function landAll(places: Places, random: Random, attempt: number): Promise<void> {
  for (const table of Object.keys(tables)) await landChanges(places, random, table, attempt)
}

/** One change per key and file, so that the model needs no order within a file. */
async function landChanges(places: Places, random: Random, table: string, attempt: number): Promise<void> {
  const model = modelOf(table)
  const rows = tables[table] as number
  for (let file = 0; file < 2; file++) {
    const salt = `${String(random.seed)} ${table} ${String(attempt)} ${String(file)}`
    const number = (text: string, below: number) => `(hash(${literal(`${salt} ${text} `)} || range) % ${String(below)})`
    await sql.run(
      `create or replace temp table batch as select distinct on (id) * from (
         select ['I', 'U', 'U', 'D'][1 + ${number('op', 4)}::integer] as "Op", ${number('id', rows + rows / 10)}::bigint as id, 'w' || ${number('v', 1000)} as v,
           md5(range || ${literal(salt)}) as note, ${number('day', 5)}::integer as day from range(${String(Math.ceil(rows / 200))})) order by id`,
    )
    const name = `20240101-${String(attempt * 10 + file).padStart(9, '0')}.parquet`
    await land(places, `${table.replace('.', '/')}/${name}`, 'from batch')
    await sql.run(`delete from ${model} where id in (select id from batch)`)
    await sql.run(`insert into ${model} select id, v, note, day from batch where "Op" <> 'D'`)
  }
}

async function land(places: Places, key: string, select: string): Promise<void> {
  const path = join(places.landing, key)
  await mkdir(dirname(path), { recursive: true })
  await sql.run(`copy (${select}) to ${literal(path)} (format parquet)`)
}

/** Returns how many ms it took. */
async function cleanRun(places: Places): Promise<number> {
  const startedMs = performance.now()
  expect((await runJson(places, runArguments)).ok).toBe(true)
  return performance.now() - startedMs
}

/** At any moment of its life; while it holds tables; or about its commit, which lasts the shortest and matters the most. */
async function somewhereIn(
  places: Places,
  run: Started,
  { way, workMs, random }: { readonly way: number; readonly workMs: number; readonly random: Random },
): Promise<void> {
  if (way === 0) return sleep((startUpMs + workMs) * random.fraction())
  await once(() => (way === 1 ? leaseIn(places) : stagedIn(places.lake).length > 0), run)
  await sleep((way === 1 ? workMs : commitMs) * random.fraction())
}

/** Waits until something is so, or the run has ended. */
async function once(isSo: () => boolean, run: Started): Promise<void> {
  let ended = false
  const watched = run.ended.finally(() => {
    ended = true
  })
  while (!ended && !isSo()) await Promise.race([sleep(1), watched])
}

function momentOf(places: Places, signal: NodeJS.Signals | null): Moment {
  if (signal === null) return 'ended'
  if (stagedIn(places.lake).length > 0) return 'with staged files'
  return leaseIn(places) ? 'with a lease' : 'without a lease'
}

function leaseIn(places: Places): boolean {
  return Object.keys(tables).some((table) => {
    const row = join(places.state, `${table.replace('.', '/')}.json`)
    return existsSync(row) && readFileSync(row, 'utf8').includes('"Lease":')
  })
}

async function differences(places: Places): Promise<Record<string, unknown>> {
  const wrong: Record<string, unknown> = {}
  for (const table of Object.keys(tables)) {
    const found = table === published ? viewOf(places.lake, table) : folderOf(places.lake, table)
    const rows = await difference(sql, { found, expected: modelOf(table) }, columns)
    if (rows.length > 0) wrong[table] = rows
  }
  return wrong
}

const modelOf = (table: string) => table.replace('.', '_')
