import { beforeEach, describe, expect, test } from 'vitest'
import type { Snapshot } from '../src/domain.ts'
import { DmscdcError } from '../src/errors.ts'
import { type FinishAnswer, type FinishInput, type FinishResult, finishMachine } from '../src/lake/finish.ts'
import type { FinishCall } from '../src/lake/finish-agenda.ts'
import {
  dataKey,
  deltaViewPrefix,
  entryKey,
  lastCheckpointKey,
  logPrefix,
  retainedKey,
  stagedKey,
} from '../src/lake/keys.ts'
import { openSnapshot } from '../src/lake/open-snapshot.ts'
import { finishTable } from '../src/lake/perform.ts'
import { viewRetainMs } from '../src/lake/retention.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import {
  bytes,
  commitTo,
  dataFile,
  growTable,
  keysOf,
  newStore,
  place,
  staged,
  startMs,
  textEngine,
} from './support/lake-fixtures.ts'

const engine = textEngine()
let store: ObjectStore
beforeEach(() => {
  store = newStore()
})

const readHead = () => openSnapshot({ store, place, knownVersion: null, readCheckpoint: engine.readCheckpoint })

function input(head: Snapshot, more: Partial<FinishInput> = {}): FinishInput {
  const mirroredVersion = head.version === 0 ? null : head.version - 1
  const nowMs = startMs + 10_000
  return { place, head, mirroredVersion, publish: [], published: [], retainMs: null, nowMs, placedBefore: [], ...more }
}

const finish = (head: Snapshot, more: Partial<FinishInput> = {}) =>
  finishTable({ store, engine, readHead }, input(head, more))

/** Answers each call by kind; the calls made, and the result. */
function script(of: FinishInput, answer: (call: FinishCall, at: number) => FinishAnswer) {
  const machine = finishMachine(of)
  const calls: FinishCall[] = []
  let step = machine.start
  while (step.kind === 'call') {
    calls.push(step.call)
    if (calls.length > 50) throw new Error('does not end')
    step = machine.next(step.state, answer(step.call, calls.length - 1))
  }
  return { calls, kinds: calls.map(({ kind }) => kind), result: step.result as FinishResult }
}

function fine(call: FinishCall): FinishAnswer {
  if (call.kind === 'place') return { kind: 'placed', missing: [] }
  return call.kind === 'check' ? { kind: 'checked', missing: [] } : { kind: 'performed' }
}

const dataKeys = async () => (await keysOf(store, place.dataPrefix)).map((key) => key.slice(place.dataPrefix.length))
const ownKeys = async (folder: string) => keysOf(store, `${place.ownPrefix}${folder}/`)

describe('what a head asks for', () => {
  test('a finished head asks for nothing', async () => {
    const head = await growTable(store, 3)
    expect(script(input(head, { mirroredVersion: 2 }), fine).calls).toEqual([])
  })

  test('only files added after the mirrored version are placed, all of them when nobody knows', async () => {
    const head = await growTable(store, 3)
    const placed = (mirroredVersion: number | null) => {
      const call = script(input(head, { mirroredVersion }), fine).calls[0]
      return call?.kind === 'place' ? call.files.map(({ path }) => path) : []
    }
    expect(placed(1)).toEqual(['part-T2.parquet'])
    expect(placed(null)).toEqual(['part-T0.parquet', 'part-T1.parquet', 'part-T2.parquet'])
  })

  test('what a checkpoint holds is in place', async () => {
    const { addedVersion: _, ...file } = (await growTable(store, 1)).files[0]!
    const head = { ...(await growTable(newStore(), 1)), files: [file] }
    expect(script(input(head), fine).calls).toEqual([])
  })

  test('large partitions go one after another, new files in and stale ones out', async () => {
    const files = (txnId: string) =>
      ['b', 'a'].flatMap((day) => Array.from({ length: 20 }, (_, at) => dataFile(`day=${day}/p${at}-${txnId}`, txnId)))
    const base = await commitTo(store, staged(null, 'T0', { add: files('T0') }))
    const head = await commitTo(store, staged(base, 'T1', { add: files('T1'), remove: base.files }))
    const { calls, kinds } = script(input(head), fine)
    expect(kinds).toEqual(['place', 'delete', 'place', 'delete'])
    expect(JSON.stringify(calls.slice(0, 2))).not.toContain('day=b')
    const last = calls[3]?.kind === 'delete' ? calls[3].keys : []
    expect(last.filter((key) => key.includes('/staging/'))).toHaveLength(40)
    expect(last.filter((key) => key.startsWith(place.dataPrefix))).toHaveLength(20)
  })

  test('a run whose lease was lost takes back what it placed and the head does not list', async () => {
    const head = await growTable(store, 2)
    const placedBefore = ['part-T1.parquet', 'part-OLD.parquet']
    const { calls } = script(input(head, { mirroredVersion: 1, placedBefore }), fine)
    expect(calls).toEqual([{ kind: 'delete', keys: [dataKey(place, 'part-OLD.parquet')] }])
    const viewed = script(
      input(head, { mirroredVersion: 1, placedBefore, publish: ['delta'], published: ['delta'] }),
      fine,
    )
    expect(viewed.calls[0]).toMatchObject({
      kind: 'delete',
      keys: expect.arrayContaining([dataKey(place, 'part-OLD.parquet')]),
    })
  })
})

describe('files that are not where they were staged', () => {
  const path = 'part-T0.parquet'
  const lostSource: FinishAnswer = { kind: 'placed', missing: [path] }

  test('one that lies in its place was placed by another run', async () => {
    const head = await growTable(store, 1)
    const { kinds, result } = script(input(head), (call) => (call.kind === 'place' ? lostSource : fine(call)))
    expect(kinds).toEqual(['place', 'check'])
    expect(result).toMatchObject({ kind: 'finished', placed: [] })
  })

  test('one that lies nowhere, and the head stands: the lake is corrupt', async () => {
    const head = await growTable(store, 1)
    const { kinds, result } = script(input(head), (call) => {
      if (call.kind === 'place') return lostSource
      if (call.kind === 'check') return { kind: 'checked', missing: [path] }
      return call.kind === 're-read-head' ? { kind: 'head', head } : fine(call)
    })
    expect(kinds).toEqual(['place', 'check', 're-read-head'])
    expect(result).toEqual({ kind: 'file-lost', version: 0, path })
  })

  test('one that lies nowhere, and the head moved on: the new head is finished instead', async () => {
    const head = await growTable(store, 1)
    const newer = await commitTo(
      store,
      staged(head, 'T1', { add: [dataFile('part-T1.parquet', 'T1')], remove: head.files }),
    )
    const { calls, kinds, result } = script(input(head), (call, at) => {
      if (at === 0) return lostSource
      if (call.kind === 'check') return { kind: 'checked', missing: [path] }
      return call.kind === 're-read-head' ? { kind: 'head', head: newer } : fine(call)
    })
    expect(kinds).toEqual(['place', 'check', 're-read-head', 'place', 'delete'])
    expect(calls[4]).toEqual({
      kind: 'delete',
      keys: [dataKey(place, path), stagedKey(place, 'T1', 'part-T1.parquet')],
    })
    expect(result).toMatchObject({ kind: 'finished', head: { version: 1 }, placed: ['part-T1.parquet'] })
  })

  test('what was placed for a head that moved on is taken back', async () => {
    const two = [dataFile(path, 'T0'), dataFile('part-T0b.parquet', 'T0')]
    const head = await commitTo(store, staged(null, 'T0', { add: two }))
    const newer = { ...(await growTable(newStore(), 2)), files: [], tombstones: [] }
    const { calls } = script(input(head), (call, at) => {
      if (at === 0) return lostSource
      if (call.kind === 'check') return { kind: 'checked', missing: [path] }
      return call.kind === 're-read-head' ? { kind: 'head', head: newer } : fine(call)
    })
    expect(calls.at(-1)).toEqual({
      kind: 'delete',
      keys: [dataKey(place, 'part-T0b.parquet'), stagedKey(place, 'T0', 'part-T0b.parquet')],
    })
  })

  test('a log that is gone is not taken for an empty table', async () => {
    const { result } = script(input(await growTable(store, 1)), (call) => {
      if (call.kind === 'place') return lostSource
      return call.kind === 'check' ? { kind: 'checked', missing: [path] } : { kind: 'head', head: null }
    })
    expect(result).toEqual({ kind: 'log-lost' })
  })
})

describe('finishing a plain table', () => {
  test('places the new, deletes the superseded and the staging, and again changes nothing', async () => {
    const base = await growTable(store, 2)
    await finish(base, { mirroredVersion: null })
    const head = await commitTo(
      store,
      staged(base, 'T2', { add: [dataFile('part-T2.parquet', 'T2')], remove: base.files.slice(0, 1) }),
    )
    expect(await dataKeys()).toEqual(['part-T0.parquet', 'part-T1.parquet'])
    const result = await finish(head)
    expect(result).toMatchObject({ placed: ['part-T2.parquet'], published: [] })
    expect(await dataKeys()).toEqual(['part-T1.parquet', 'part-T2.parquet'])
    expect(await ownKeys('staging')).toEqual([])
    for (const mirroredVersion of [null, 1])
      expect(await finish(head, { mirroredVersion })).toMatchObject({ placed: [] })
    expect(await dataKeys()).toEqual(['part-T1.parquet', 'part-T2.parquet'])
  })

  test('a crash between any two calls, and then again from the start, ends the same', async () => {
    const end = async (crashAfter: number) => {
      store = newStore()
      const base = await growTable(store, 2)
      await finish(base, { mirroredVersion: null })
      const add = [dataFile('part-T2.parquet', 'T2'), dataFile('part-T2b.parquet', 'T2')]
      const head = await commitTo(store, staged(base, 'T2', { add, remove: base.files }))
      let left = crashAfter
      const crashing = <A extends unknown[], R>(of: (...args: A) => Promise<R>) => {
        return (...args: A) => (left-- > 0 ? of(...args) : Promise.reject(new Error('crash')))
      }
      const { copy, deleteMany, put, head: look } = store
      const broken = {
        ...store,
        copy: crashing(copy),
        deleteMany: crashing(deleteMany),
        put: crashing(put),
        head: crashing(look),
      }
      const options = input(head, { publish: ['delta'], published: ['delta'] })
      const crashed = await finishTable({ store: broken, engine, readHead }, options).then(
        () => false,
        () => true,
      )
      await finish(head, { publish: ['delta'], published: ['delta'] })
      return { crashed, keys: await keysOf(store) }
    }
    const whole = await end(1_000)
    expect(whole.crashed).toBe(false)
    for (let calls = 0; ; calls++) {
      const { crashed, keys } = await end(calls)
      expect(keys).toEqual(whole.keys)
      if (!crashed) break
    }
  })

  test('with a retention superseded files move aside, and go when their time is over', async () => {
    const base = await growTable(store, 1)
    await finish(base)
    const head = await commitTo(store, staged(base, 'T1', { remove: base.files }))
    const removedMs = head.tombstones[0]!.deletedAtMs
    await finish(head, { retainMs: 5_000, nowMs: removedMs + 1 })
    expect(await dataKeys()).toEqual([])
    expect(await ownKeys('retained')).toEqual([retainedKey(place, 'part-T0.parquet')])
    await finish(head, { retainMs: 5_000, nowMs: removedMs + 1 })
    expect(await ownKeys('retained')).toHaveLength(1)
    await finish(head, { mirroredVersion: 1, retainMs: 5_000, nowMs: removedMs + 5_000 })
    expect(await ownKeys('retained')).toEqual([])
  })

  test('files that may have been retained go at once where nothing is retained any more', async () => {
    const base = await growTable(store, 1)
    await finish(base)
    const removed = await commitTo(store, staged(base, 'T1', { remove: base.files }))
    await finish(removed, { retainMs: 5_000, nowMs: startMs })
    const head = await commitTo(store, staged(removed, 'T2', {}))
    await finish(head, { mirroredVersion: 1, retainMs: 0 })
    expect(await ownKeys('retained')).toHaveLength(1)
    await finish(head, { mirroredVersion: 1, retainMs: 0, retainedBefore: true })
    expect(await ownKeys('retained')).toEqual([])
  })

  test('what has expired stays before a command that may need it', async () => {
    const base = await growTable(store, 1)
    await finish(base)
    const head = await commitTo(store, staged(base, 'T1', { remove: base.files }))
    await finish(head, { retainMs: 5_000, nowMs: startMs })
    const later = { mirroredVersion: 1, retainMs: 5_000, nowMs: startMs + 1e9 }
    await finish(head, { ...later, keepExpired: true })
    expect(await ownKeys('retained')).toHaveLength(1)
    await finish(head, later)
    expect(await ownKeys('retained')).toEqual([])
  })

  test('a stale file whose removal the log has forgotten is deleted, not retained', async () => {
    const head = await growTable(store, 1)
    await finish(head)
    await store.put(dataKey(place, 'part-old.parquet'), bytes('x'), { kind: 'any' })
    await finish(head, { retainMs: 5_000, placedBefore: ['part-old.parquet'] })
    expect(await dataKeys()).toEqual(['part-T0.parquet'])
    expect(await ownKeys('retained')).toEqual([])
  })

  test('files retained before the operator took the retention away go before a checkpoint forgets them', async () => {
    const base = await growTable(store, 1)
    await finish(base)
    const removed = await commitTo(store, staged(base, 'T1', { remove: base.files }))
    await finish(removed, { retainMs: 5_000, nowMs: startMs })
    const head = await growTable(store, 6, removed)
    await finish(head, { mirroredVersion: 1, retainMs: 0 })
    expect(await ownKeys('retained')).toEqual([])
  })

  test('a listed file that is gone is named', async () => {
    const head = await growTable(store, 1)
    await store.deleteMany([stagedKey(place, 'T0', 'part-T0.parquet')])
    const error = await finish(head).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DmscdcError)
    expect(error).toMatchObject({
      kind: 'corrupt-lake',
      message: expect.stringContaining('sales/orders/part-T0.parquet'),
    })
  })
})

describe('finishing a table that is published as Delta', () => {
  const view = deltaViewPrefix(place)
  const delta = { publish: ['delta'], published: ['delta'] } as const
  const viewNames = async () => (await keysOf(store, view)).map((key) => key.slice(view.length))

  test('a view that is on from the start is the log, byte by byte', async () => {
    let head = await growTable(store, 1)
    await finish(head, { publish: ['delta'] })
    for (let at = 1; at < 4; at++) {
      head = await growTable(store, 1, head)
      expect(await finish(head, delta)).toMatchObject({ published: ['delta'] })
    }
    const entries = (await keysOf(store, logPrefix(place))).map((key) => key.slice(logPrefix(place).length))
    expect(await viewNames()).toEqual(entries)
    for (const name of entries) {
      expect((await store.get(`${view}${name}`))?.body).toEqual((await store.get(`${logPrefix(place)}${name}`))?.body)
    }
  })

  test('files are in place before the entry that lists them is published', async () => {
    const head = await growTable(store, 1)
    expect(script(input(head, { publish: ['delta'] }), fine).kinds).toEqual(['place', 'mirror-log', 'delete'])
  })

  test('a view that is switched on late begins with a checkpoint of the head', async () => {
    const head = await growTable(store, 3)
    await finish(head, { mirroredVersion: null })
    await finish(head, { mirroredVersion: 2, publish: ['delta'] })
    const digits = '00000000000000000002'
    expect(await viewNames()).toEqual([`${digits}.checkpoint.parquet`, `${digits}.json`, '_last_checkpoint'])
    const pointer = new TextDecoder().decode((await store.get(lastCheckpointKey(view)))!.body)
    expect(JSON.parse(pointer)).toMatchObject({ version: 2, size: 7, numOfAddFiles: 3 })
    await finish(await growTable(store, 1, head), delta)
    expect(await viewNames()).toContain('00000000000000000003.json')
  })

  test('an entry that is gone from the log lets the view go on with a checkpoint', async () => {
    const head = await growTable(store, 4)
    await store.deleteMany([entryKey(logPrefix(place), 2)])
    await finish(head, { mirroredVersion: 1, ...delta })
    expect(await viewNames()).toContain('00000000000000000003.checkpoint.parquet')
  })

  test('superseded files stay for their readers until their time is over', async () => {
    const base = await growTable(store, 1)
    await finish(base, { publish: ['delta'] })
    const head = await commitTo(store, staged(base, 'T1', { remove: base.files }))
    const removedMs = head.tombstones[0]!.deletedAtMs
    await finish(head, { ...delta, nowMs: removedMs + viewRetainMs - 1 })
    expect(await dataKeys()).toContain('part-T0.parquet')
    await finish(head, { ...delta, mirroredVersion: 1, nowMs: removedMs + viewRetainMs })
    expect(await dataKeys()).not.toContain('part-T0.parquet')
  })

  test('taking the view off deletes its log and its stale files at once', async () => {
    const base = await growTable(store, 2)
    await finish(base, { mirroredVersion: null, publish: ['delta'] })
    const head = await commitTo(store, staged(base, 'T2', { remove: base.files.slice(0, 1) }))
    await finish(head, delta)
    expect(await finish(head, { mirroredVersion: 2, published: ['delta'] })).toMatchObject({ published: [] })
    expect(await dataKeys()).toEqual(['part-T1.parquet'])
  })

  test("another program's entry in the view is found, not overwritten", async () => {
    const head = await growTable(store, 2)
    await store.put(entryKey(view, 1), bytes('{}'), { kind: 'any' })
    await expect(finish(head, delta)).rejects.toThrow('another program wrote version 1 of the published Delta log')
    expect(new TextDecoder().decode((await store.get(entryKey(view, 1)))?.body)).toBe('{}')
  })
})
