import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Lab, openLab } from '../support/lab.ts'
import { dmscdc } from './process.ts'

/** Stands in keys, values, partitions and damaged text. */
const marker = 'ROWVALUE7351'

describe('the log of a run', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())

  const places = () => ({ DMSCDC_LANDING: lab.landing, DMSCDC_LAKE: lab.lake, DMSCDC_STATE: lab.state })

  test('has the ids of run and table in its lines, and no row value in any, whatever goes wrong', async () => {
    const row = (id: string, extra = '1 as n') => `select 'I' as "Op", '${id}' as id, '${marker}v' as v, ${extra}`
    await lab.land('s/good/LOAD00000001.parquet', row(`${marker}a`))
    await lab.land('s/good/20240101-000000000.parquet', row(`${marker}b`))
    await lab.land('s/parts/LOAD00000001.parquet', row(`${marker}a`))
    await lab.land('s/twice/LOAD00000001.parquet', `${row(marker)} union all ${row(marker)}`)
    await lab.land('s/types/LOAD00000001.parquet', row(marker))
    await lab.land('s/types/20240101-000000000.parquet', row(marker, `'${marker}' as n`))
    await lab.landBytes('s/csv/LOAD00000001.csv', `${marker},x\n`)
    await lab.landBytes('s/torn/LOAD00000001.parquet', `PAR1${marker}`)
    await lab.land('s/op/LOAD00000001.parquet', row(marker))
    await lab.land('s/op/20240101-000000000.parquet', `select '${marker}' as "Op", '1' as id, 'x' as v, 1 as n`)
    await lab.run()
    for (const table of ['good', 'twice', 'types', 'torn', 'op'])
      await lab.set(`s.${table}`, { active: true, primaryKey: 'id' })
    await lab.set('s.parts', { active: true, primaryKey: 'id', partitionKey: 'v' })
    await lab.set('s.csv', { active: true, primaryKey: 'id', csvColumns: 'id bigint, v string' })

    const ended = await dmscdc(['run', '--verbose', '--metrics', 'emf'], places())
    expect(ended.code).toBe(1)
    const lines = ended.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const runs = new Set(lines.map(({ run }) => run))
    expect([...runs]).toEqual([expect.stringMatching(/^[0-9A-Z]{26}$/u)])
    const ends = lines.filter(({ status }) => status !== undefined)
    expect(Object.fromEntries(ends.map(({ table, status }) => [table, status]))).toEqual({
      ...{ 's.good': 'initial', 's.parts': 'initial', 's.twice': 'held', 's.types': 'held' },
      ...{ 's.csv': 'held', 's.torn': 'held', 's.op': 'held' },
    })
    expect(lines.find(({ Runs }) => Runs === 1)).toMatchObject({
      TablesHeld: 5,
      TablesFailed: 0,
      RowsChanged: expect.any(Number),
    })
    expect(lines.find(({ Table }) => Table === 's.good')).toMatchObject({ FreshnessSeconds: expect.any(Number) })
    expect(`${ended.stdout}${ended.stderr}`).not.toContain(marker)
  })

  test('has the metrics of a run that could not even begin, and none where nobody asked', async () => {
    const nowhere = { ...places(), DMSCDC_STATE: `${lab.landing}/../file` }
    await lab.land('s/t/LOAD00000001.parquet', 'select 1 as id')
    await lab.landBytes('../file', '')
    const [failed, silent] = await Promise.all([
      dmscdc(['run'], { ...nowhere, DMSCDC_METRICS: 'emf' }),
      dmscdc(['run'], nowhere),
    ])
    expect([failed.code, silent.code]).toEqual([1, 1])
    expect(JSON.parse(failed.stderr.split('\n')[0] ?? '')).toMatchObject({ RunsFailed: 1, Runs: 1 })
    expect(silent.stderr).not.toContain('_aws')
  })
})

test('a deadline, a concurrency or a kind of metrics that is none is wrong use', async () => {
  const lab = await openLab()
  const at = ['--landing', lab.landing, '--lake', lab.lake, '--state', lab.state]
  for (const wrong of [
    ['--deadline', '0m'],
    ['--deadline', '5'],
    ['--concurrency', '0'],
    ['--metrics', 'statsd'],
  ]) {
    const ended = await dmscdc(['run', ...at, ...wrong])
    expect([wrong, ended.code]).toEqual([wrong, 2])
    expect(ended.stderr).toMatch(new RegExp(`^error: ${wrong[0] ?? ''}: found .*\nTry: dmscdc run`, 'u'))
  }
  await lab.close()
})
