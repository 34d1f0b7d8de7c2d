import { describe, expect, test as plainTest } from 'vitest'
import { planTables } from '../src/controller/plan-tables.ts'
import type { DataFile } from '../src/domain.ts'
import { type Arrival, filesToMerge, liveBytes, mergedBytesMax, smallFileBytes } from '../src/lake/small-files.ts'
import { dataFileBytesTarget } from '../src/lake/write-data.ts'
import { defaultWriteCosts } from '../src/load-incremental/choose-write.ts'
import type { SetOptions } from '../src/state/row.ts'
import { eagerMerges, type Lab } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { dataFile } from './support/lake-fixtures.ts'

const { smallFilesMax } = defaultWriteCosts
const toMerge = (files: readonly DataFile[], arrivals: readonly Arrival[]) =>
  filesToMerge(files, arrivals, defaultWriteCosts)
const sixtyFourth = dataFileBytesTarget / 64
const fileOf = (name: string, sizeBytes: number, more: Partial<DataFile> = {}) =>
  dataFile(`part-${name}.parquet`, 'T', { sizeBytes, ...more })
const some = (count: number, sizeBytes: number, more: Partial<DataFile> = {}) =>
  Array.from({ length: count }, (_, at) =>
    fileOf(`${JSON.stringify(more.partition ?? '')}${String(at)}`, sizeBytes, more),
  )
const whole = { partition: {}, bytes: sixtyFourth }

describe('which small files a commit merges', () => {
  plainTest('none while a partition has few', () => {
    expect(toMerge(some(smallFilesMax - 1, sixtyFourth), [whole])).toEqual([])
    expect(toMerge(some(smallFilesMax, sixtyFourth), [{ ...whole, bytes: 0 }])).toEqual([])
  })

  plainTest('equal ones together, with what arrives', () => {
    expect(toMerge(some(smallFilesMax, sixtyFourth), [whole])).toHaveLength(smallFilesMax)
  })

  plainTest('none that is much larger than those before it together', () => {
    const files = [
      ...some(3, sixtyFourth),
      fileOf('large', 6 * sixtyFourth),
      ...some(smallFilesMax - 4, 20 * sixtyFourth),
    ]
    expect(toMerge(files, [whole])).toEqual(files.slice(0, 3))
  })

  plainTest('two at least', () => {
    const files = Array.from({ length: smallFilesMax }, (_, at) => fileOf(String(at), 10_000 * 2 ** at))
    expect(toMerge(files, [{ ...whole, bytes: 1 }])).toEqual([files[0]])
    expect(toMerge([...files, fileOf('x', 1)], [{ ...whole, bytes: 0 }])).toHaveLength(2)
  })

  plainTest('none that is large, dead bytes not counted', () => {
    expect(toMerge(some(2 * smallFilesMax, smallFileBytes), [whole])).toEqual([])
    const half = { deadBytes: 1, segments: [] }
    expect(toMerge(some(2 * smallFilesMax, smallFileBytes, half), [whole]).length).toBeGreaterThan(0)
  })

  plainTest('no more than one file may hold', () => {
    const merged = toMerge(some(20, 10 * sixtyFourth), [whole])
    expect(merged).toHaveLength(6)
    expect(merged.reduce((total, file) => total + liveBytes(file), 0)).toBeLessThanOrEqual(dataFileBytesTarget)
  })

  plainTest('only in partitions that the commit touches, the fullest first, up to the bytes of one commit', () => {
    const partitions = ['a', 'b', 'c', 'd'].map((p) => ({ p }))
    const files = partitions.flatMap((partition, at) => some(smallFilesMax + at + 1, 5 * sixtyFourth, { partition }))
    const arrivals = partitions.slice(0, 3).map((partition) => ({ partition, bytes: 0 }))
    const merged = toMerge(files, arrivals)
    expect(new Set(merged.map(({ partition }) => partition.p))).toEqual(new Set(['b', 'c']))
    expect(merged.reduce((total, file) => total + liveBytes(file), 0)).toBeLessThanOrEqual(mergedBytesMax)
  })
})

describe('over thousands of commits that only insert', () => {
  plainTest.each([
    [1_000, 5_000],
    [1_000, 500_000],
    [1_000, 5_000_000],
    [20_000, 5_000],
    [20_000, 500_000],
  ])('%i of %i bytes leave few files, and write each row a few times', (commits, bytes) => {
    let files: readonly DataFile[] = []
    let [written, filesMost] = [0, 0]
    for (let commit = 0; commit < commits; commit++) {
      const arriving = bytes * (0.2 + 1.6 * fraction(commit))
      const merged = toMerge(files, [{ partition: {}, bytes: arriving }])
      const size = merged.reduce((total, file) => total + liveBytes(file), arriving)
      files = [...files.filter((file) => !merged.includes(file)), fileOf(String(commit), size)]
      written += size
      filesMost = Math.max(filesMost, files.length - (2 * totalOf(files)) / dataFileBytesTarget)
    }
    expect(filesMost).toBeLessThanOrEqual(10)
    expect(written / totalOf(files)).toBeLessThan(10)
  })
})

const totalOf = (files: readonly DataFile[]) => files.reduce((total, file) => total + liveBytes(file), 0)
/** As good as random, from 0 to 1. */
const fraction = (at: number) => (at * 0.618_033_988_75) % 1

describe('a table that gets a few rows each hour', () => {
  const types = { Op: 'varchar', id: 'integer', p: 'varchar', v: 'integer' }
  const nameOf = (hour: number) => `20240101-${String(hour).padStart(2, '0')}0000000.parquet`
  const rowOf = (hour: number, id: number) => ['I', id, 'abc'[hour % 2] ?? null, hour]

  async function live(lab: Lab, options: SetOptions, hours: number): Promise<readonly number[]> {
    const counts: number[] = []
    await lab.land(`s/t/${nameOf(0)}`, rowsOf(types, [rowOf(0, 0)]))
    await lab.set('s.t', { active: true, ...options })
    for (let hour = 0; hour < hours; hour++) {
      await lab.land(`s/t/${nameOf(hour)}`, rowsOf(types, [rowOf(hour, 2 * hour), rowOf(hour, 2 * hour + 1)]))
      const [planned] = hour > smallFilesMax ? await planTables(lab.ports, [{ schema: 's', table: 't' }]) : []
      const report = await lab.runOne('s.t')
      expect(report).toMatchObject({ error: null, changes: { inserted: 2 } })
      if (planned !== undefined) expect(planned.filesToRewrite).toBe(report.filesRewritten)
      counts.push((await filesBelow(`${lab.lake}/s/t`)).length)
    }
    const all = Array.from({ length: 2 * hours }, (_, id) => rowOf(Math.floor(id / 2), id).slice(1))
    expect((await lab.rows('s.t', 'id')).map(({ id, p, v }) => [id, p, v])).toEqual(all)
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
    return counts
  }

  test('has few files with a key', async ({ lab }) => {
    const counts = await live(lab, { primaryKey: 'id' }, 14)
    expect(Math.max(...counts)).toBe(smallFilesMax)
  })

  test('has few files without a key', async ({ lab }) => {
    const counts = await live(lab, {}, 14)
    expect(Math.max(...counts)).toBe(smallFilesMax)
  })

  test.for([{ primaryKey: 'id' }, {}])('has few files in each partition: %j', async (options, { lab }) => {
    const counts = await live(lab, { ...options, partitionKey: 'p' }, 24)
    expect(Math.max(...counts)).toBe(2 * smallFilesMax)
  })

  test('merges files that lose, get and change rows in the same commit', async ({ lab }) => {
    await live(lab, { primaryKey: 'id' }, 3)
    const changes = [
      ['U', 0, 'a', 100],
      ['D', 2, null, null],
      ['I', 9, 'c', 9],
    ]
    await lab.land(`s/t/${nameOf(3)}`, rowsOf(types, changes))
    const report = await lab.runOne('s.t', { ports: { ...lab.ports, writeCosts: eagerMerges } })
    expect(report).toMatchObject({
      error: null,
      changes: { inserted: 1, updated: 1, deleted: 1 },
      filesRewritten: 3,
      filesAdded: 1,
    })
    expect((await lab.rows('s.t', 'id')).map(({ id, v }) => [id, v])).toEqual([
      [0, 100],
      [1, 0],
      [3, 1],
      [4, 2],
      [5, 2],
      [9, 9],
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })
})
