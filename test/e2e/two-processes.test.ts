import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect } from 'vitest'
import type { RunReport } from '../../src/controller/run-cycle.ts'
import { modelTables } from './model-tables.ts'
import { test } from './places-test.ts'
import { type Ended, filesBelow, leaseOf, once, type Places, runJson, stagedIn, start, verifyJson } from './process.ts'
import { printedRandom } from './seeded-random.ts'
import { openSql } from './table-rows.ts'

const sql = await openSql()
afterAll(() => sql.close())

describe('two runs at once', () => {
  test('both end well, each change is taken by one of them, and the lake is right', async ({ places }) => {
    const rounds = 4
    const random = printedRandom('two runs at once')
    const rows = { 'shop.a': 60_000, 'shop.b': 100, 'shop.c': 5_000, 'shop.d': 30_000 }
    const tables = modelTables(sql, places, { rows, published: 'shop.c' })
    await tables.load()
    for (let round = 0; round < rounds; round++) {
      const arguments_ = ['run', '--json', '--concurrency', String(1 + (round % 3))]
      const first = start(arguments_, places.environment)
      await sleep(random.below(150))
      const second = start(arguments_, places.environment)
      const reports = [await first.ended, await second.ended].map(reportOf)
      const when = `round ${String(round)}, seed ${String(random.seed)}`
      for (const [at, table] of Object.keys(rows).entries()) {
        const pair = reports.map((report) => report.tables[at] as RunReport['tables'][number])
        expect(pair.map(({ files }) => files).sort(), `${when}, ${table}`).toEqual([0, round === 0 ? 1 : 2])
        for (const { status, warnings } of pair)
          if (warnings.length > 0)
            expect({ status, warnings }).toEqual({
              status: 'idle',
              warnings: [expect.stringMatching(/holds the table/u)],
            })
      }
      expect(await tables.differences(), when).toEqual({})
      expect(stagedIn(places.lake)).toEqual([])
      await tables.change(random)
    }
    expect((await runJson(places)).ok).toBe(true)
    expect(await tables.differences()).toEqual({})
    expect((await verifyJson(places)).tables.flatMap(({ problems }) => problems)).toEqual([])
  }, 120_000)

  test('a run that stood still is named, then taken over when its lease ends, and does no harm when it goes on', async ({
    places,
  }) => {
    const random = printedRandom('a run that stood still')
    const rows = { 'shop.large': 400_000, 'shop.middle': 5_000, 'shop.small': 300 }
    const tables = modelTables(sql, places, { rows, published: 'shop.middle' })
    await tables.load()
    await runJson(places)
    await tables.change(random)

    const still = start(['run', '--json', '--concurrency', '1'], places.environment)
    await once(() => leaseOf(places, 'shop.large') !== null && isWriting(places), still)
    still.kill('SIGSTOP')
    const lease = leaseOf(places, 'shop.large')
    expect(lease).toMatchObject({ pid: still.pid })
    const next = await runJson(places)
    expect(next.tables[0]).toMatchObject({ status: 'idle', files: 0 })
    expect(next.tables[0]?.warnings).toEqual([expect.stringContaining(`process ${String(still.pid)}, holds the table`)])
    expect(next.tables.slice(1).map(({ status, files }) => [status, files])).toEqual(Array(2).fill(['incremental', 2]))

    await tables.change(random)
    await sleep(Math.max(0, (lease?.expiresMs ?? 0) - Date.now() + 500))
    const heir = await runJson(places)
    expect(heir.tables.map(({ status, files }) => [status, files])).toEqual([
      ['incremental', 4],
      ['incremental', 2],
      ['incremental', 2],
    ])
    expect(await tables.differences()).toEqual({})

    still.kill('SIGCONT')
    const goneOn = reportOf(await still.ended)
    // None where it was stopped behind its look at the clock: then its commit is lost to the other, and it finds no more to do.
    for (const warning of goneOn.tables[0]?.warnings ?? []) expect(warning).toContain('stood still longer than')
    expect(goneOn.tables.map(({ files }) => files)).toEqual([0, 0, 0])
    expect(await tables.differences()).toEqual({})
    expect(stagedIn(places.lake)).toEqual([])
    expect((await verifyJson(places)).tables.flatMap(({ problems }) => problems)).toEqual([])
    expect((await runJson(places)).tables.map(({ status }) => status)).toEqual(['idle', 'idle', 'idle'])
  }, 120_000)
})

function reportOf({ code, stdout, stderr }: Ended): RunReport {
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as RunReport
}

/** Whether the one run that there is has begun a data file in its work folder. */
function isWriting(places: Places): boolean {
  return [...filesBelow(places.temp).keys()].some((path) => path.endsWith('-out/data.parquet'))
}
