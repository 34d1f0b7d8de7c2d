import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DataFile, Snapshot } from '../src/domain.ts'
import { writeCheckpoint } from '../src/lake/checkpoint.ts'
import { deltaViewPrefix, entryKey, stagedKey } from '../src/lake/keys.ts'
import { openSnapshot } from '../src/lake/open-snapshot.ts'
import { partitionFolder } from '../src/lake/partition-path.ts'
import { finishTable } from '../src/lake/perform.ts'
import { listAll, type ObjectStore } from '../src/objects/object-store.ts'
import { commitTo, dataFile, newScratch, newStore, place, staged, startMs } from './support/lake-fixtures.ts'
import { type DuckDb, openDuckDb } from './support/lake-parquet.ts'
import { pythonReaders, readWith } from './support/python.ts'

const values = ['07094', 'a b', 'a/b=c%d', "q'#?+{[\\&,;~", 'ü😀', null]

let duckdb: DuckDb
let store: ObjectStore
let python: string | null
beforeAll(async () => {
  duckdb = await openDuckDb()
  store = newStore()
  python = await pythonReaders()
})
afterAll(() => duckdb.close())

/** One row, its id beyond what a JavaScript number holds. */
async function newFile(day: string | null, at: number, txnId: string): Promise<DataFile> {
  const local = join(newScratch(), 'data.parquet')
  const id = 9_007_199_254_740_993n + BigInt(at)
  await duckdb.rows(`copy (select ${id}::bigint as id) to '${local}' (format parquet, field_ids {id: 1})`)
  const path = `${partitionFolder(['day'], { day })}part-${txnId}-${at}.parquet`
  await store.put(stagedKey(place, txnId, path), await readFile(local), { kind: 'any' })
  const stats = `{"numRecords":1,"minValues":{"id":${id}},"maxValues":{"id":${id}},"nullCount":{"id":0}}`
  const sizeBytes = (await stat(local)).size
  return dataFile(path, txnId, { partition: { day }, rows: 1, stats, sizeBytes, fieldIds: [1] })
}

/** `commitTo` stages a placeholder for each file: the real content is put again behind it. */
async function commitFiles(base: Snapshot | null, txnId: string, add: DataFile[], remove: readonly DataFile[] = []) {
  const keys = add.map(({ path }) => stagedKey(place, txnId, path))
  const bodies = await Promise.all(keys.map(async (key) => (await store.get(key))!.body))
  const head = await commitTo(store, staged(base, txnId, { add, remove, timestampMs: startMs }))
  await Promise.all(keys.map((key, at) => store.put(key, bodies[at]!, { kind: 'any' })))
  return finish(head)
}

async function finish(head: Snapshot): Promise<Snapshot> {
  const readHead = () =>
    openSnapshot({ store, place, knownVersion: null, readCheckpoint: duckdb.engine.readCheckpoint })
  const rest = { mirroredVersion: head.version === 0 ? null : head.version - 1, retainMs: null, placedBefore: [] }
  await finishTable(
    { store, engine: duckdb.engine, readHead },
    { place, head, publish: ['delta'], published: head.version === 0 ? [] : ['delta'], nowMs: startMs, ...rest },
  )
  return head
}

async function onDisk(): Promise<string> {
  const root = newScratch()
  for await (const page of listAll(store, { prefix: place.dataPrefix })) {
    for (const { key } of page.objects) {
      const path = join(root, key)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, (await store.get(key))!.body)
    }
  }
  return join(root, place.dataPrefix)
}

describe('the published Delta view', () => {
  let head: Snapshot
  const expected = (from: number) => {
    const rows = values.map((day, at) => ({ day, id: String(9_007_199_254_740_993n + BigInt(at)) })).slice(from)
    return rows.map((row) => JSON.stringify(row)).sort()
  }
  const read = async (engine: 'duckdb' | 'polars' | 'delta-rs') => {
    const rows = (await readWith(engine, 'delta', await onDisk())) as { day: string | null; id: string }[]
    return rows.map(({ day, id }) => JSON.stringify({ day, id })).sort()
  }

  test('from the log alone, from a checkpoint alone and from both: every engine reads the same rows', async ({
    skip,
  }) => {
    skip(python === null, 'no python readers')
    const engines = ['duckdb', 'polars', 'delta-rs'] as const
    const files = await Promise.all(values.map((day, at) => newFile(day, at, 'T0')))
    head = await commitFiles(null, 'T0', files)
    for (const engine of engines) expect(await read(engine)).toEqual(expected(0))

    head = await commitFiles(head, 'T1', [], head.files.slice(0, 1))
    const request = { store, engine: duckdb.engine, place, publish: ['delta'], retainMs: null, nowMs: startMs } as const
    head = await writeCheckpoint({ ...request, snapshot: head })
    await store.deleteMany([entryKey(deltaViewPrefix(place), 0)])
    for (const engine of engines) expect(await read(engine)).toEqual(expected(1))

    head = await commitFiles(head, 'T2', [], head.files.slice(0, 1))
    for (const engine of engines) expect(await read(engine)).toEqual(expected(2))
  })
})
