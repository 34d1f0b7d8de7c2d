import { describe, expect, test } from 'vitest'
import { checkpointDue, checkpointLines, outdatedLogKeys, writeCheckpoint } from '../src/lake/checkpoint.ts'
import { readHistory } from '../src/lake/history.ts'
import { checkpointKey, deltaViewPrefix, entryKey, lastCheckpointKey, logPrefix } from '../src/lake/keys.ts'
import { type OpenRequest, openSnapshot } from '../src/lake/open-snapshot.ts'
import { parseEntry } from '../src/lake/parse-actions.ts'
import { viewRetainMs } from '../src/lake/retention.ts'
import { replay, replayAll } from '../src/lake/snapshot.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import {
  bytes,
  commitTo,
  dataFile,
  growTable,
  keysOf,
  newStore,
  place,
  receipt,
  staged,
  startMs,
  textEngine,
  withoutVersions,
} from './support/lake-fixtures.ts'

const log = logPrefix(place)
const engine = textEngine()

function open(store: ObjectStore, more: Partial<OpenRequest> = {}) {
  return openSnapshot({ store, place, knownVersion: null, readCheckpoint: engine.readCheckpoint, ...more })
}

function checkpoint(store: ObjectStore, snapshot: NonNullable<Awaited<ReturnType<typeof open>>>, nowMs = startMs) {
  return writeCheckpoint({ store, engine, place, snapshot, publish: [], retainMs: null, nowMs })
}

/** Counts what is asked of the store. */
function counted(store: ObjectStore) {
  const counts = { get: 0, list: 0, fetch: 0, head: 0 }
  const counting =
    <A extends unknown[], R>(verb: keyof typeof counts, of: (...args: A) => R) =>
    (...args: A) => {
      counts[verb]++
      return of(...args)
    }
  const counted: ObjectStore = {
    ...store,
    get: counting('get', store.get),
    list: counting('list', store.list),
    fetch: counting('fetch', store.fetch),
    head: counting('head', store.head),
  }
  return { store: counted, counts }
}

describe('replay', () => {
  test('entries one by one and all at once give the same table', async () => {
    const store = newStore()
    const grown = await growTable(store, 3)
    const head = await commitTo(store, staged(grown, 'T3', { remove: grown.files.slice(0, 2), operation: 'MERGE' }))
    const entries = await Promise.all(
      [0, 1, 2, 3].map(async (version) => {
        const { body } = (await store.get(entryKey(log, version)))!
        return { version, actions: parseEntry('x', body), sizeBytes: body.length }
      }),
    )
    expect(replayAll(null, entries)).toEqual(head)
    expect(entries.reduce<typeof head | null>((base, entry) => replay(base, entry), null)).toEqual(head)
    expect(head.files.map(({ path }) => path)).toEqual(['part-T2.parquet'])
    expect(head.tombstones.map(({ path, deletedVersion }) => [path, deletedVersion])).toEqual([
      ['part-T0.parquet', 3],
      ['part-T1.parquet', 3],
    ])
    expect(head.files[0]?.addedVersion).toBe(2)
    expect(head.logBytesSinceCheckpoint).toBe(entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  })

  test('a path stands among the files or among the tombstones, never in both', async () => {
    const base = await growTable(newStore(), 1)
    const file = base.files[0]!
    const tombstone = { path: file.path, partition: {}, sizeBytes: 1, deletedAtMs: startMs }
    const progress = { kind: 'progress', txnId: 'X', progress: base.progress } as const
    const gone = replay(base, { version: 1, actions: [{ kind: 'remove', tombstone }, progress], sizeBytes: 1 })
    expect([gone.files.length, gone.tombstones.length]).toEqual([0, 1])
    const back = replay(gone, { version: 2, actions: [{ kind: 'add', file }, progress], sizeBytes: 1 })
    expect([back.files.length, back.tombstones.length]).toEqual([1, 0])
  })

  test('entries out of order, and a table without its first entry, are a corrupt lake', async () => {
    const base = await growTable(newStore(), 1)
    const entry = { actions: [], sizeBytes: 0 }
    expect(() => replay(base, { version: 2, ...entry })).toThrow('lake log: found version 2, expected 1')
    expect(() => replay(null, { version: 0, ...entry })).toThrow('found no metaData')
  })
})

describe('open', () => {
  test('no log is no table, unless the state knows of a version', async () => {
    expect(await open(newStore())).toBeNull()
    await expect(open(newStore(), { knownVersion: 4 })).rejects.toThrow(
      'lake log of sales.orders: version 0 is missing, expected it (the log was known to reach version 4)',
    )
  })

  test('a table without a checkpoint is read from its start, with no LIST', async () => {
    const store = newStore()
    const head = await growTable(store, 5)
    const { store: counting, counts } = counted(store)
    expect(await open(counting, { knownVersion: 4 })).toEqual(head)
    expect(counts).toEqual({ get: 7, list: 0, fetch: 0, head: 0 })
  })

  test('versions after the known one are found', async () => {
    const store = newStore()
    const head = await growTable(store, 5)
    for (const knownVersion of [null, 0, 2, 4]) expect(await open(store, { knownVersion })).toEqual(head)
  })

  test('after a checkpoint only what follows it is read', async () => {
    const store = newStore()
    const head = await growTable(store, 3, await checkpoint(store, await growTable(store, 9)))
    const { store: counting, counts } = counted(store)
    const opened = await open(counting, { knownVersion: 11 })
    expect(counts).toEqual({ get: 5, list: 0, fetch: 1, head: 0 })
    expect(opened).toMatchObject({ version: 11, checkpointVersion: 8, checkpointBytes: head.checkpointBytes })
    expect(opened?.logBytesSinceCheckpoint).toBe(head.logBytesSinceCheckpoint)
    expect(withoutVersions(opened!)).toEqual(withoutVersions(head))
    expect(opened?.files.map(({ addedVersion }) => addedVersion)).toEqual([...Array(9).fill(undefined), 9, 10, 11])
  })

  test('a head that is a checkpoint needs no JSON at all, not even of its own version', async () => {
    const store = newStore()
    const head = await checkpoint(store, await growTable(store, 9))
    await store.deleteMany(Array.from({ length: 9 }, (_, version) => entryKey(log, version)))
    for (const knownVersion of [null, 3, 8]) {
      const opened = await open(store, { knownVersion })
      expect(withoutVersions(opened!)).toEqual(withoutVersions(head))
      expect(opened?.txnId).toBe('T8')
    }
  })

  test.each(['missing', 'garbage', 'of a missing checkpoint', 'of a damaged checkpoint'])(
    'a pointer that is %s costs a LIST, not the table',
    async (how) => {
      const store = newStore()
      const first = await checkpoint(store, await growTable(store, 9))
      const head = await checkpoint(store, await growTable(store, 9, first))
      await store.deleteMany(Array.from({ length: 9 }, (_, version) => entryKey(log, version)))
      if (how === 'missing') await store.deleteMany([lastCheckpointKey(log)])
      if (how === 'garbage') await store.put(lastCheckpointKey(log), bytes('{"ver'), { kind: 'any' })
      if (how === 'of a missing checkpoint') await store.deleteMany([checkpointKey(log, 17)])
      if (how === 'of a damaged checkpoint') await store.put(checkpointKey(log, 17), bytes('?'), { kind: 'any' })
      for (const knownVersion of [null, 8, 17]) {
        const opened = await open(store, { knownVersion })
        expect(withoutVersions(opened!)).toEqual(withoutVersions(head))
      }
    },
  )

  test('a missing entry that no checkpoint covers is a corrupt lake that names it', async () => {
    const store = newStore()
    await growTable(store, 3, await checkpoint(store, await growTable(store, 9)))
    await store.deleteMany([entryKey(log, 10)])
    await expect(open(store, { knownVersion: 11 })).rejects.toMatchObject({
      kind: 'corrupt-lake',
      message: expect.stringContaining('version 10 is missing'),
      hint: expect.stringContaining('_delta_log/00000000000000000010.json'),
    })
  })

  test('a missing entry of a table without a checkpoint is found as well', async () => {
    const store = newStore()
    await growTable(store, 4)
    await store.deleteMany([entryKey(log, 1)])
    for (const knownVersion of [null, 3])
      await expect(open(store, { knownVersion })).rejects.toThrow('version 1 is missing')
  })

  test('a damaged entry is a corrupt lake that names it', async () => {
    const store = newStore()
    await growTable(store, 3)
    await store.put(entryKey(log, 1), bytes('{"add":{}}'), { kind: 'any' })
    await expect(open(store, { knownVersion: 2 })).rejects.toThrow(entryKey(log, 1))
  })

  test('a store that fails is unavailable, not a table without a checkpoint', async () => {
    const store = newStore()
    await checkpoint(store, await growTable(store, 9))
    const failing: ObjectStore = { ...store, fetch: () => Promise.reject(new Error('down')) }
    await expect(open(failing, { knownVersion: 8 })).rejects.toThrow('down')
  })

  test('every older version can be opened, and only those there are', async () => {
    const store = newStore()
    const versions = [await growTable(store, 1)]
    for (let at = 1; at < 12; at++) {
      const grown = await growTable(store, 1, versions.at(-1)!)
      versions.push(at === 8 ? await checkpoint(store, grown) : grown)
    }
    for (const expected of versions) {
      const opened = await open(store, { knownVersion: 11, version: expected.version })
      expect(withoutVersions(opened!)).toEqual(withoutVersions(expected))
    }
    await expect(open(store, { knownVersion: 11, version: 12 })).rejects.toMatchObject({
      kind: 'invalid-config',
      message: 'sales.orders: found no version 12, the newest is 11',
    })
  })
})

describe('checkpoint', () => {
  test('is due after eight entries, or when they outweigh it', async () => {
    const store = newStore()
    const seven = await growTable(store, 7)
    expect(checkpointDue(seven)).toBe(false)
    const eight = await growTable(store, 1, seven)
    expect(checkpointDue(eight)).toBe(true)
    const written = await checkpoint(store, eight)
    expect(checkpointDue(written)).toBe(false)
    expect(checkpointDue({ ...written, version: 8, logBytesSinceCheckpoint: 2_000_000 })).toBe(true)
    expect(checkpointDue({ ...written, version: 8, logBytesSinceCheckpoint: 2_000_000, checkpointBytes: 3e6 })).toBe(
      false,
    )
  })

  test('holds no removes that have expired, and of the others no statistics', async () => {
    const base = await growTable(newStore(), 2)
    const head = await commitTo(newStore(), staged(base, 'T2', { remove: base.files }))
    const store = newStore()
    const write = (nowMs: number) =>
      writeCheckpoint({ store, engine, place, snapshot: head, publish: ['delta'], retainMs: null, nowMs })
    const removes = async () => {
      const { body } = (await store.get(checkpointKey(log, 2)))!
      return new TextDecoder()
        .decode(body)
        .split('\n')
        .filter((line) => line.startsWith('{"remove"'))
    }
    await write(startMs + viewRetainMs)
    expect(await removes()).toHaveLength(2)
    expect((await removes()).join()).not.toMatch(/stats|tags|"dataChange":true/u)
    await write(startMs + viewRetainMs + 2_000)
    expect(await removes()).toEqual([])
    expect(checkpointLines(head, []).join()).not.toContain('commitInfo')
  })

  test('is mirrored into a published Delta view, whose outdated entries go', async () => {
    const store = newStore()
    const view = deltaViewPrefix(place)
    const old = ['00000000000000000001.json', '00000000000000000003.json', '00000000000000000003.checkpoint.parquet']
    for (const name of old) await store.put(`${view}${name}`, bytes('x'), { kind: 'any' })
    const snapshot = await growTable(store, 9)
    const nowMs = startMs + viewRetainMs + 1_000
    await writeCheckpoint({ store, engine, place, snapshot, publish: ['delta'], retainMs: null, nowMs })
    const left = (await keysOf(store, view)).map((key) => key.slice(view.length))
    // The test store dates everything alike, so the new checkpoint counts as old enough.
    expect(left).toEqual(['00000000000000000008.checkpoint.parquet', '_last_checkpoint'])
    expect((await store.get(lastCheckpointKey(view)))?.body).toEqual((await store.get(lastCheckpointKey(log)))?.body)
    expect(await keysOf(store, entryKey(log, 0))).toHaveLength(1)
  })

  test('without a checkpoint that is old enough a view keeps everything', () => {
    const at = (version: number, modifiedMs: number) => [
      { key: entryKey(log, version), modifiedMs },
      { key: checkpointKey(log, version), modifiedMs },
    ]
    const objects = [...at(1, 10), ...at(2, 20), ...at(3, 30), { key: lastCheckpointKey(log), modifiedMs: 1 }]
    expect(outdatedLogKeys(log, objects, 10)).toEqual([])
    expect(outdatedLogKeys(log, objects, 25)).toEqual([entryKey(log, 1), checkpointKey(log, 1)])
  })
})

describe('history', () => {
  test('shows the commits newest first and passes over entries that are gone', async () => {
    const store = newStore()
    const base = await growTable(store, 3)
    await commitTo(store, staged(base, 'T3', { operation: 'FENCE', add: [dataFile('part-T3.parquet', 'T3')] }))
    await store.deleteMany([entryKey(log, 1)])
    const history = await readHistory(store, place, { head: 3 })
    expect(history.map(({ version, operation, txnId }) => [version, operation, txnId])).toEqual([
      [3, 'FENCE', 'T3'],
      [2, 'MERGE', 'T2'],
      [0, 'INITIAL', 'T0'],
    ])
    expect(history[0]).toEqual({
      ...{ version: 3, timestampMs: startMs + 3_000, operation: 'FENCE', txnId: 'T3', receipt },
      ...{ filesAdded: 1, filesRemoved: 0 },
    })
    expect(await readHistory(store, place, { head: 3, limit: 1 })).toEqual(history.slice(0, 1))
  })
})
