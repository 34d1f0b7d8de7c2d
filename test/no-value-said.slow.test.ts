import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { Lab } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { landChanges, loaded, undecodable, values } from './support/two-tables.ts'

describe('no value of a row', () => {
  const secret = 'tHeSeCrEt4711'
  const key = 471147114711
  const farDate = '300000-12-24'

  /** Runs over a landing made by `land`, and everything that the run says to anybody. */
  async function said(lab: Lab, land: () => Promise<void>): Promise<string> {
    const lines: string[] = []
    const record = (fields: object, message: string) => lines.push(JSON.stringify(fields), message)
    const ports = { ...lab.ports, log: { debug: record, info: record, warn: record } }
    await land()
    const reports = await lab.run({ ports })
    expect(reports.some(({ error }) => error !== null)).toBe(true)
    const rows = await Promise.all((await filesBelow(lab.state)).map((path) => readFile(join(lab.state, path), 'utf8')))
    return [...lines, JSON.stringify(reports), ...rows].join('\n')
  }

  const types = { id: 'bigint', v: 'varchar' }
  const change = { Op: 'varchar', ...types }
  const cases: [string, (lab: Lab) => Promise<unknown>][] = [
    [
      'an operation that is none',
      (lab) => lab.land('s/t/20240101-000000001.parquet', rowsOf(change, [[secret, key, secret]])),
    ],
    [
      'another type',
      (lab) => lab.land('s/t/20240101-000000001.parquet', rowsOf({ Op: 'varchar', id: 'varchar' }, [['I', secret]])),
    ],
    [
      'a key twice',
      (lab) =>
        lab.land(
          's/t/LOAD00000001.parquet',
          rowsOf(types, [
            [key, secret],
            [key, secret],
          ]),
        ),
    ],
    ['a CSV value that is no number', (lab) => lab.landBytes('s/t/20240101-000000001.csv', `U,${secret},x\n`)],
    [
      'a CSV line with a field too many',
      (lab) => lab.landBytes('s/t/20240101-000000001.csv', `U,1,x\nU,2,${secret},${secret}\n`),
    ],
    ['a CSV line with an open quote', (lab) => lab.landBytes('s/t/20240101-000000001.csv', `U,1,"${secret}\n`)],
    [
      'a date that no timestamp can hold',
      (lab) =>
        lab.land(
          's/t/20240101-000000001.parquet',
          rowsOf({ Op: 'varchar', id: 'bigint', at: 'date' }, [['U', key, farDate]]),
        ),
    ],
    [
      'a damaged page',
      async (lab) =>
        undecodable(lab, await lab.land('s/t/20240101-000000001.parquet', rowsOf(change, [['U', key, secret]]))),
    ],
  ]
  test('stands in the engine’s own errors: it cannot widen a date of the lake that no timestamp can hold', async ({
    lab,
  }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', at: 'date' }, [[1, farDate]]))
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    const change = rowsOf({ Op: 'varchar', id: 'integer', at: 'timestamp' }, [['U', 2, null]])
    const text = await said(lab, async () => {
      await lab.land('s/t/20240101-000000001.parquet', change)
    })
    expect(text).toMatch(/engine: [A-Z][A-Za-z ]* Error in /u)
    expect(text).not.toContain(farDate)
  })

  test.for(cases)('stands in a report, a log line or a state row: %s', async ([, land], { lab }) => {
    const load = rowsOf({ ...types, at: 'timestamp' }, [[key, secret, null]])
    await lab.land('s/t/LOAD00000001.parquet', load)
    await lab.set('s.t', { active: true, primaryKey: 'id', csvColumns: 'id bigint, v string' })
    await lab.run()
    const text = await said(lab, async () => {
      await land(lab)
    })
    expect(text).not.toContain(secret)
    expect(text).not.toContain(String(key))
    expect(text).not.toContain(farDate)
  })
})

test('a landing file that is gone before it is read is tried again at the next run', async ({ lab }) => {
  await loaded(lab)
  const path = await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
  const fetch = lab.ports.landing.fetch
  const landing = {
    ...lab.ports.landing,
    fetch: async (...args: Parameters<typeof fetch>) => {
      await rm(path, { force: true })
      return fetch(...args)
    },
  }
  expect(await lab.runOne('s.t', { ports: { ...lab.ports, landing } })).toMatchObject({
    status: 'failed',
    error: { kind: 'unavailable' },
  })
  expect(await values(lab)).toEqual({ 1: 'load', 2: 'load' })
  expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 0 })
})
