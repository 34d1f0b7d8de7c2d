import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunReport } from '../../src/controller/run-cycle.ts'
import { dmscdc, type Ended, filesBelow, stdoutOf } from './process.ts'
import { folderOf, openSql } from './table-rows.ts'

const linesMax = 60
const sql = await openSql()
let temp: string
let told: Ended
let environment: Record<string, string>
beforeAll(async () => {
  temp = mkdtempSync(join(tmpdir(), 'dmscdc-demo-test-'))
  told = await dmscdc(['demo'], { TMPDIR: temp })
  environment = variablesIn(told.stdout)
})
afterAll(() => {
  sql.close()
  rmSync(temp, { recursive: true, force: true })
})

describe('dmscdc demo', () => {
  test('tells the whole job on one screen, and leaves the lake as the database is', async () => {
    expect({ code: told.code, stderr: told.stderr }).toEqual({ code: 0, stderr: '' })
    expect(told.stdout.split('\n').length).toBeLessThanOrEqual(linesMax)
    for (const text of ['8 inserted', '25 inserted', '8,425 inserted']) expect(told.stdout).toContain(text)
    expect(told.stdout).toContain('product 24, productorder 9,770, store 9')
    expect(await rowsOf('store', 'product', 'productorder')).toEqual([9, 24, 9770])
    expect(await sql.rows(`select name, dept from ${folder('product')} where id in (1001, 1002)`)).toEqual([
      ['Crème Brûlée Torch, refillable', 'Hardware'],
    ])
  })

  test('leaves commands that work: tables, history and verify say what was done', async () => {
    expect(told.stdout).toContain('bin/dmscdc verify')
    expect(JSON.parse(await stdoutOf(['verify', '--json'], environment))).toMatchObject({ ok: true })
    const { commits } = JSON.parse(await stdoutOf(['history', 'sampledb.product', '--json'], environment))
    expect(commits).toMatchObject([
      { version: 1, operation: 'MERGE' },
      { version: 0, operation: 'INITIAL' },
    ])
    const { tables } = JSON.parse(await stdoutOf(['tables', '--json'], environment))
    expect(tables.map(({ rows, pending }: { rows: number; pending: number }) => [rows, pending])).toEqual([
      [24, 0],
      [9770, 0],
      [9, 0],
    ])
  })

  test('ends with a landing on which another run is idle and writes nothing', async () => {
    const lake = environment.DMSCDC_LAKE as string
    const before = filesBelow(lake)
    const again = JSON.parse(await stdoutOf(['run', '--json'], environment)) as RunReport
    expect(again.tables.map(({ status, bytesWritten }) => [status, bytesWritten])).toEqual(Array(3).fill(['idle', 0]))
    expect(filesBelow(lake)).toEqual(before)
    expect(before.size).toBeGreaterThan(3 * 3)
  })

  test('with --json prints one JSON document: what the three runs did, with new orders added and no file rewritten', async () => {
    const { code, stdout, stderr } = await dmscdc(['demo', '--json'], { TMPDIR: temp })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { ok, runs } = JSON.parse(stdout) as { ok: boolean; runs: RunReport[] }
    expect(ok).toBe(true)
    expect(runs.map(statuses)).toEqual([
      ['initial', 'initial', 'initial'],
      ['incremental', 'incremental', 'incremental'],
      ['idle', 'idle', 'idle'],
    ])
    expect(runs[0]?.tables.map(({ changes }) => changes.inserted)).toEqual([25, 8425, 8])
    expect(runs[1]?.tables[0]).toMatchObject({ filesRewritten: 1, filesAdded: 1, filesRemoved: 1 })
    expect(runs[1]?.tables[1]).toMatchObject({
      table: 'sampledb.productorder',
      files: 4,
      changes: { inserted: 1345, updated: 0, deleted: 0, unchanged: 0, ignored: 0 },
      filesRewritten: 0,
      filesAdded: 1,
      filesRemoved: 0,
    })
  })
})

const statuses = ({ tables }: RunReport) => tables.map(({ status }) => status)
const folder = (table: string) => folderOf(environment.DMSCDC_LAKE as string, `sampledb.${table}`)

function rowsOf(...tables: readonly string[]): Promise<readonly number[]> {
  return Promise.all(
    tables.map(async (table) => Number((await sql.rows(`select count(*) from ${folder(table)}`))[0]?.[0])),
  )
}

/** What the afterword says to export. */
function variablesIn(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(DMSCDC_\w+)=(\S+)/gu)].map(([, name, value]) => [name, value]))
}
