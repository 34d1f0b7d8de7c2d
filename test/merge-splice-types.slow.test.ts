import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect } from 'vitest'
import { boundsIn } from '../src/lake/statistics.ts'
import { eagerSplices, type Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'
import { pythonReaders, readWith } from './support/python.ts'

const python = await pythonReaders()
const boundsScript = fileURLToPath(new URL('support/bounds.py', import.meta.url))
const textColumns = ['s', 'long_text', 'none_at_first']
const exactColumns = ['id', 'ti', 'sm', 'i', 'l', 'dt', 'ts', 'd9', 'd18', 'd38', ...textColumns]
const floatColumns = ['f', 'd']

/** `n` grows with the distance from the first bounds: what is greater and what is less comes with the later steps. */
const rowsOf = (
  ids: string,
  n: string,
) => `select id::bigint as id, id % 2 = 0 as yes, (${n} % 120)::tinyint as ti, (-(${n}))::smallint as sm,
  (${n} * 70001)::integer as i, (9007199254740993 + ${n})::bigint as l, ((${n}) / 2)::float as f, (-(${n}) / 4)::double as d,
  'ü' || lpad((${n})::varchar, 5, '0') as s, repeat('long ', 8) || (${n}) as long_text, encode('b' || (${n})) as bin,
  (date '1969-12-01' + (${n})::integer) as dt, (timestamp '1969-12-31 23:59:59.999001' + to_microseconds((${n}) * 1001)) as ts,
  (-(${n}) / 4)::decimal(9,2) as d9, ((${n}) * 12345678901 / 4)::decimal(18,4) as d18,
  ('-12345678901234567890123456' || (${n} % 10) || '.000001')::decimal(38,6) as d38,
  case when ${n} > 2000 then 'now ' || ${n} end as none_at_first
  from (select range as id from range(${ids}))`

async function land(lab: Lab): Promise<void> {
  for (const table of ['spliced', 'whole']) {
    await lab.land(`s/${table}/LOAD00000001.parquet`, rowsOf('0, 1000', '(id + 1000)'))
    await lab.set(`s.${table}`, { active: true, primaryKey: 'id', publish: 'delta' })
  }
  await runBoth(lab)
  const steps = [
    rowsOf('10, 900, 100', '(id + 2500)'),
    rowsOf('15, 900, 100', '(id - 10)'),
    rowsOf('998, 1010', '(id * 3)'),
  ]
  for (const [at, step] of steps.entries()) {
    for (const table of ['spliced', 'whole'])
      await lab.land(`s/${table}/20240101-00000${String(at)}000.parquet`, `select 'U' as "Op", * from (${step})`)
    await runBoth(lab)
  }
}

async function runBoth(lab: Lab): Promise<void> {
  for (const [table, writeCosts] of [
    ['spliced', eagerSplices],
    ['whole', lab.ports.writeCosts],
  ] as const) {
    const [report] = await lab.run({ ports: { ...lab.ports, writeCosts }, tables: [{ schema: 's', table }] })
    expect(report).toMatchObject({ error: null })
  }
}

/** The statistics of the one file that the newest version lists. */
async function newestStats(lab: Lab, table: string): Promise<{ path: string; stats: string; dead: number }> {
  const log = join(lab.lake, '_dmscdc/s', table, '_delta_log')
  const newest = (await filesBelow(log)).filter((key) => key.endsWith('.json')).at(-1) as string
  const adds = (await readFile(join(log, newest), 'utf8')).split('\n').filter((line) => line.startsWith('{"add"'))
  expect(adds).toHaveLength(1)
  const { path, stats, tags } = JSON.parse(adds[0] as string).add
  return { path, stats, dead: Number(tags['dmscdc.dead'] ?? 0) }
}

describe('a file that was spliced three times, of every type', () => {
  test('has the statistics that it would have if it had been written whole', async ({ lab }) => {
    await land(lab)
    const [spliced, whole] = [await newestStats(lab, 'spliced'), await newestStats(lab, 'whole')]
    expect([spliced.dead > 0, whole.dead]).toEqual([true, 0])
    for (const column of exactColumns) {
      expect(boundsIn(whole.stats, column).min).not.toBe(null)
      expect([column, boundsIn(spliced.stats, column)]).toEqual([column, boundsIn(whole.stats, column)])
    }
    for (const column of floatColumns) {
      const numbers = ({ min, max, nullCount }: ReturnType<typeof boundsIn>) => [Number(min), Number(max), nullCount]
      expect(numbers(boundsIn(spliced.stats, column))).toEqual(numbers(boundsIn(whole.stats, column)))
    }
  })

  test.skipIf(python === null)(
    'reads the same in every engine, and is found by the bounds of every column',
    async ({ lab }) => {
      await land(lab)
      const folder = (table: string) => join(lab.lake, 's', table)
      const expected = await readWith('duckdb', 'delta', folder('whole'))
      expect(expected).toHaveLength(1_010)
      for (const engine of ['duckdb', 'delta-rs', 'polars'] as const)
        expect(await readWith(engine, 'delta', folder('spliced'))).toEqual(
          await readWith(engine, 'delta', folder('whole')),
        )
      const { path } = await newestStats(lab, 'spliced')
      const { stdout } = await promisify(execFile)(python as string, [boundsScript, folder('spliced'), path])
      const { asked, wrong } = JSON.parse(stdout)
      expect(wrong).toEqual([])
      expect(asked).toBeGreaterThan(100)
    },
  )
})
