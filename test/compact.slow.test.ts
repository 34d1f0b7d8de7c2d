import { join } from 'node:path'
import { expect } from 'vitest'
import { compactTables } from '../src/controller/compact-tables.ts'
import { duckdbEngine } from '../src/engine/duckdb-engine.ts'
import { smallFileBytes } from '../src/lake/small-files.ts'
import type { Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'

const rows = 2_500_000
/** Less than the rows take. */
const memoryBytes = 256e6
const texts = [0, 1, 2].map((at) => `md5(range || '-${String(at)}') as t${String(at)}`)

test('a partition that does not fit in memory is sorted by its key into full files that do not overlap', async ({
  lab,
}) => {
  await lab.land(
    's/t/LOAD00000001.parquet',
    `select range as id, ${texts.join(', ')} from range(${String(rows)}) order by hash(range)`,
  )
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
  const before = await contents(lab)
  expect((await rangesByFile(lab)).length).toBeGreaterThan(1)
  const engine = await duckdbEngine({
    memoryBytes,
    threads: 2,
    temp: join(lab.folder, 'small'),
    readable: [lab.folder],
  })
  const ports = { ...lab.ports, engine: async () => engine }
  const [compacted] = await compactTables(ports, [{ schema: 's', table: 't' }], { clusterByKey: true })
  await engine.close()
  expect(compacted).toMatchObject({ rows, error: null })
  const ranges = await rangesByFile(lab)
  expect(ranges.length).toBeGreaterThan(1)
  for (const [at, { low }] of ranges.entries()) if (at > 0) expect(low).toBe((ranges[at - 1]?.high ?? 0) + 1)
  expect(ranges.filter(({ bytes }) => bytes < smallFileBytes).length).toBeLessThanOrEqual(1)
  expect(await contents(lab)).toEqual(before)
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
}, 600_000)

const contents = (lab: Lab) =>
  lab.sql(
    `select count(*) as total, sum(hash(t)::hugeint) as hashes from read_parquet('${lab.lake}/s/t/*.parquet') as t`,
  )

/** In the order of the keys. */
async function rangesByFile(lab: Lab) {
  const files = await filesBelow(`${lab.lake}/s/t`)
  const found = await Promise.all(
    files.map(async (file) => {
      const path = `'${lab.lake}/s/t/${file}'`
      const [row] = await lab.sql(
        `select min(id) as low, max(id) as high, (select size from read_blob(${path})) as bytes from read_parquet(${path})`,
      )
      return { low: Number(row?.low), high: Number(row?.high), bytes: Number(row?.bytes) }
    }),
  )
  return found.sort((a, b) => a.low - b.low)
}
