import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import type { ByteRange, ObjectStore } from '../src/objects/object-store.ts'
import type { Ports } from '../src/ports.ts'
import { sum } from '../src/sum.ts'
import { eagerProbes, type Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'
import { sparseFetches } from './support/sparse-fetches.ts'

const key = (n: string) => `md5((${n})::varchar)`
const columns = (n: string) => `${key(n)} as id, md5('a' || (${n})) || md5('b' || (${n})) || md5('c' || (${n})) as wide`

type Fetched = { readonly whole: string[]; readonly parts: string[]; readonly ranges: ByteRange[] }

/** The lab's ports on a lake that is elsewhere, and what of its data files is fetched. */
function watched(lab: Lab): { readonly ports: Ports; readonly fetched: Fetched } {
  const fetched: Fetched = { whole: [], parts: [], ranges: [] }
  const sparse = sparseFetches(lab.ports.lake, `${lab.folder}/sparse`)
  const lake: ObjectStore = {
    ...sparse,
    async fetch(name, options = {}) {
      if (name.endsWith('.parquet')) (options.ranges === undefined ? fetched.whole : fetched.parts).push(name)
      fetched.ranges.push(...(options.ranges ?? []))
      return sparse.fetch(name, options)
    },
  }
  return { ports: { ...lab.ports, lake, writeCosts: eagerProbes }, fetched }
}

/** Four files whose keys lie anywhere, so that each may hold any key; the first has two row groups. Row n is in file n mod 4. */
async function loadFour(lab: Lab): Promise<void> {
  for (let file = 0; file < 4; file++) {
    const rows = `from range(${file === 0 ? '130000' : '20000'}) as r(n)`
    const name = file === 0 ? 'LOAD00000001' : nameOf(file)
    const operation = file === 0 ? '' : `'I' as "Op", `
    await lab.land(`s/t/${name}.parquet`, `select ${operation}${columns(`n * 4 + ${String(file)}`)} ${rows}`)
    if (file === 0) await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.runOne('s.t')
  }
  expect((await filesBelow(`${lab.lake}/s/t`)).length).toBe(4)
}

const nameOf = (hour: number) => `20260101-${String(hour).padStart(9, '0')}`
const sizeOf = (lab: Lab) => sum(readdirSync(`${lab.lake}/s/t`).map((name) => statSync(`${lab.lake}/s/t/${name}`).size))

describe('the key columns of files that may hold a key of a batch', () => {
  test('are all that is fetched of those that hold none', async ({ lab }) => {
    await loadFour(lab)
    const { ports, fetched } = watched(lab)
    await lab.land(`s/t/${nameOf(5)}.parquet`, `select 'I' as "Op", ${columns('n + 9000000')} from range(30) as r(n)`)
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ changes: { inserted: 30 }, filesRewritten: 0 })
    expect([fetched.whole, new Set(fetched.parts).size]).toEqual([[], 4])
    expect(sum(fetched.ranges.map(({ length }) => length))).toBeLessThan(sizeOf(lab) * 0.3)
    expect(await lab.verify()).toMatchObject([{ ok: true }])
  })

  test('say which files are touched, and these are fetched whole', async ({ lab }) => {
    await loadFour(lab)
    const { ports, fetched } = watched(lab)
    await lab.land(
      `s/t/${nameOf(5)}.parquet`,
      `select o as "Op", ${key('n')} as id, 'changed' as wide from (values ('U', 4 * 129999), ('D', 5), ('D', 4)) as v(o, n)`,
    )
    const report = await lab.runOne('s.t', { ports })
    expect(report).toMatchObject({ changes: { updated: 1, deleted: 2 }, filesRewritten: 2 })
    expect([fetched.whole.length, new Set(fetched.parts).size]).toEqual([2, 4])
    expect(await lab.verify()).toMatchObject([{ ok: true }])
    expect(
      await lab.sql(`select count(*) as n from read_parquet('${lab.lake}/s/t/*.parquet') where wide = 'changed'`),
    ).toEqual([{ n: '1' }])
  })

  test('that are damaged are named by the hash of the whole file', async ({ lab }) => {
    await loadFour(lab)
    const { ports } = watched(lab)
    const [first = ''] = (await filesBelow(`${lab.lake}/s/t`)).map((name) => `${lab.lake}/s/t/${name}`)
    const bytes = readFileSync(first)
    bytes.fill(0xff, 4, 2_000)
    writeFileSync(first, bytes)
    await lab.land(`s/t/${nameOf(5)}.parquet`, `select 'I' as "Op", ${columns('n + 9000000')} from range(30) as r(n)`)
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ status: 'held', error: { kind: 'corrupt-lake' } })
  })

  test('are not asked for on their own where they are most of a file', async ({ lab }) => {
    await loadFour(lab)
    const { ports, fetched } = watched(lab)
    const writeCosts = { ...eagerProbes, probe: { ...eagerProbes.probe, shareMax: 0.1 } }
    await lab.land(`s/t/${nameOf(5)}.parquet`, `select 'I' as "Op", ${columns('n + 9000000')} from range(30) as r(n)`)
    await lab.runOne('s.t', { ports: { ...ports, writeCosts } })
    expect([fetched.whole.length, fetched.parts]).toEqual([4, []])
  })

  test('bring their bloom filters with them: one that is not there could let a row group be passed over, and double a row', async ({
    lab,
  }) => {
    const grouped = (n: string) => `md5((${n} % 500)::varchar) as grp, ${n} as nr`
    const wide = `md5('a' || n) || md5('b' || n) || md5('c' || n) as wide`
    await lab.land('s/t/LOAD00000001.parquet', `select ${grouped('n')}, ${wide} from range(20000) as r(n)`)
    await lab.run()
    await lab.set('s.t', { active: true, primaryKey: 'grp,nr' })
    await lab.runOne('s.t')
    const [file = ''] = await filesBelow(`${lab.lake}/s/t`)
    const [filter] = await lab.sql(
      `select bloom_filter_offset as start, bloom_filter_length as length from parquet_metadata('${lab.lake}/s/t/${file}') where path_in_schema = 'grp'`,
    )
    const [start, length] = [Number(filter?.start), Number(filter?.length)]
    expect(length).toBeGreaterThan(0)
    const { ports, fetched } = watched(lab)
    await lab.land(
      `s/t/${nameOf(5)}.parquet`,
      `select 'U' as "Op", ${grouped('n')}, 'changed' as wide from range(7, 8) as r(n)`,
    )
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ changes: { updated: 1, inserted: 0 } })
    const holds = (range: ByteRange) => range.start <= start && start + length <= range.start + range.length
    expect(fetched.ranges.filter(holds)).toHaveLength(1)
  })
})
