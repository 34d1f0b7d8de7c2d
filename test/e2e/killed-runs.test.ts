import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect } from 'vitest'
import { modelTables } from './model-tables.ts'
import { test } from './places-test.ts'
import { leaseOf, once, type Places, runJson, type Started, stagedIn, start, verifyJson } from './process.ts'
import { printedRandom, type Random } from './seeded-random.ts'
import { openSql } from './table-rows.ts'

const killedRuns = 20
/** Before a run takes its first lease. */
const startUpMs = 350
/** From its first staged file to the last deletion behind its commit, about. */
const commitMs = 30
/** A third of a lease: who waited for one to end would take longer. */
const cleanRunMsMax = 20_000
const rows = { 'shop.large': 400_000, 'shop.middle': 20_000, 'shop.small': 300 }

const runArguments = ['--concurrency', '2']

type Moment = 'ended' | 'without a lease' | 'with a lease' | 'with staged files'

const sql = await openSql()
afterAll(() => sql.close())

describe('a run that is killed at any moment', () => {
  test('leaves a lake that the next run ends right, at once, with nothing lying about', async ({ places }) => {
    const random = printedRandom('killed runs')
    const tables = modelTables(sql, places, { rows, published: 'shop.middle' })
    await tables.load()
    await cleanRun(places)
    await tables.change(random)
    const workMs = (await cleanRun(places)) - startUpMs
    const moments: Record<Moment, number> = {
      ended: 0,
      'without a lease': 0,
      'with a lease': 0,
      'with staged files': 0,
    }
    for (let attempt = 1; attempt <= killedRuns; attempt++) {
      await tables.change(random)
      const killed = start(['run', '--json', ...runArguments], places.environment)
      await somewhereIn(places, killed, { way: attempt % 3, workMs, random })
      killed.kill('SIGKILL')
      moments[momentOf(places, (await killed.ended).signal)] += 1
      const when = `attempt ${String(attempt)}, seed ${String(random.seed)}`
      expect(await cleanRun(places), when).toBeLessThan(cleanRunMsMax)
      expect(await tables.differences(), when).toEqual({})
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
  await once(() => (way === 1 ? leased(places) : stagedIn(places.lake).length > 0), run)
  await sleep((way === 1 ? workMs : commitMs) * random.fraction())
}

function momentOf(places: Places, signal: NodeJS.Signals | null): Moment {
  if (signal === null) return 'ended'
  if (stagedIn(places.lake).length > 0) return 'with staged files'
  return leased(places) ? 'with a lease' : 'without a lease'
}

const leased = (places: Places) => Object.keys(rows).some((table) => leaseOf(places, table) !== null)
