import { beforeEach, describe, expect, test } from 'vitest'
import type { Snapshot } from '../src/domain.ts'
import { DmscdcError } from '../src/errors.ts'
import { entryKey, logPrefix, manifestKey } from '../src/lake/keys.ts'
import { manifestsOf, putManifests } from '../src/lake/manifest.ts'
import { openSnapshot } from '../src/lake/open-snapshot.ts'
import { finishTable } from '../src/lake/perform.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { commitTo, dataFile, growTable, newStore, place, staged, startMs, textEngine } from './support/lake-fixtures.ts'

const engine = textEngine()
let store: ObjectStore
beforeEach(() => {
  store = newStore()
})

const manifest = manifestKey(place, '')
const textOf = async (key = manifest) => Buffer.from((await store.get(key))?.body ?? []).toString()
const names = async (key?: string) => (await textOf(key)).split('\n').map((line) => line.split('/').at(-1))

function put(head: Snapshot, through = store) {
  const manifests = manifestsOf(head, null)
  return putManifests({ store: through, place, version: head.version, manifests, whole: true })
}

function finish(
  head: Snapshot,
  { through = store, mirroredVersion }: { through?: ObjectStore; mirroredVersion: number },
) {
  const readHead = () => openSnapshot({ store, place, knownVersion: null, readCheckpoint: engine.readCheckpoint })
  const views = { publish: ['manifest'], published: ['manifest'] } as const
  const more = { mirroredVersion, retainMs: null, nowMs: startMs, placedBefore: [] }
  return finishTable({ store: through, engine, readHead }, { place, head, ...views, ...more })
}

/** Does `work` once, just before the first put of a manifest. */
function beforePut(work: () => Promise<unknown>): ObjectStore {
  let done = false
  return {
    ...store,
    async put(key, body, condition) {
      if (!done && key.endsWith('manifest')) {
        done = true
        await work()
      }
      return store.put(key, body, condition)
    },
  }
}

describe('a manifest', () => {
  test('is made of what changed since the row was mirrored, and of folders that were left', async () => {
    const files = (txnId: string, days: readonly string[]) =>
      days.map((day) => dataFile(`day=${day}/part-${txnId}.parquet`, txnId))
    const base = await commitTo(store, staged(null, 'T0', { add: files('T0', ['a', 'b', 'c']) }))
    const head = await commitTo(
      store,
      staged(base, 'T1', {
        add: files('T1', ['b']),
        remove: base.files.filter(({ path }) => !path.startsWith('day=c')),
      }),
    )
    expect(manifestsOf(head, 0)).toEqual([
      { folder: 'day=b/', paths: ['day=b/part-T1.parquet'] },
      { folder: 'day=a/', paths: [] },
    ])
    expect(manifestsOf(head, 1)).toEqual([])
    expect(manifestsOf(head, null).map(({ folder }) => folder)).toEqual(['day=c/', 'day=b/'])
  })

  test('that says what it should is not put again', async () => {
    const head = await growTable(store, 1)
    await put(head)
    const before = await store.head(manifest)
    const refuse = () => Promise.reject(new Error('no put was expected'))
    expect(await put(head, beforePut(refuse))).toBe('performed')
    expect(await store.head(manifest)).toEqual(before)
  })

  test('is not put back by a run that slept before it put the first one', async () => {
    const base = await growTable(store, 1)
    const asleep = beforePut(async () => put(await growTable(store, 1, base)))
    expect(await put(base, asleep)).toBe('overtaken')
    expect(await names()).toEqual(['part-T0.parquet', 'part-T1.parquet', ''])
  })

  test('is not put back by a run that slept before it put a later one', async () => {
    const base = await growTable(store, 1)
    await put(base)
    const second = await growTable(store, 1, base)
    const asleep = beforePut(async () => put(await growTable(store, 1, second)))
    expect(await put(second, asleep)).toBe('overtaken')
    expect(await names()).toEqual(['part-T0.parquet', 'part-T1.parquet', 'part-T2.parquet', ''])
  })

  test('is not put by a run that slept until there was a newer head', async () => {
    const base = await growTable(store, 1)
    await growTable(store, 1, base)
    expect(await put(base)).toBe('overtaken')
    expect(await textOf()).toBe('')
  })

  test('follows the newer head, if the run that was overtaken finishes first', async () => {
    const base = await growTable(store, 1)
    await finish(base, { mirroredVersion: -1 })
    const second = await growTable(store, 1, base)
    const through = beforePut(() => growTable(store, 1, second))
    expect(await finish(second, { through, mirroredVersion: 0 })).toMatchObject({ head: { version: 1 } })
    expect(await names()).toEqual(['part-T0.parquet', 'part-T1.parquet', ''])
    expect(await finish(second, { mirroredVersion: 0 })).toMatchObject({ head: { version: 1 } })
  })

  test('whose put was applied and its answer lost counts as put', async () => {
    const lost = new DmscdcError('unavailable', 'test: the answer was lost', { hint: 'none', maybeApplied: true })
    const deaf: ObjectStore = { ...store, put: (...args) => store.put(...args).then(() => Promise.reject(lost)) }
    expect(await put(await growTable(store, 1), deaf)).toBe('performed')
    expect(await names()).toEqual(['part-T0.parquet', ''])
  })

  test('that another program changes again and again ends the run with a conflict', async () => {
    const head = await growTable(store, 1)
    let round = 0
    const meddled: ObjectStore = {
      ...store,
      async put(key, body, condition) {
        await store.put(manifest, Buffer.from(`file:///${String(round++)}\n`), { kind: 'any' })
        return store.put(key, body, condition)
      },
    }
    await expect(put(head, meddled)).rejects.toMatchObject({ kind: 'conflict' })
    expect(await store.head(entryKey(logPrefix(place), 0))).not.toBeNull()
  })
})
