import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Snapshot, View } from '../src/domain.ts'
import { commitBody } from '../src/lake/commit-body.ts'
import { deltaViewPrefix, entryKey, logPrefix, stagedKey } from '../src/lake/keys.ts'
import { openSnapshot } from '../src/lake/open-snapshot.ts'
import { commitEntry, discardStaged, finishTable } from '../src/lake/perform.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import {
  bytes,
  commitTo,
  dataFile,
  keysOf,
  newStore,
  place,
  staged,
  startMs,
  textEngine,
} from './support/lake-fixtures.ts'

const engine = textEngine()
const clock = { nowMs: () => startMs, sleep: async () => {} }

/** Every request of a run waits until the scheduler lets it go; a copy reads at one time and writes at another. */
function slowed(store: ObjectStore, scheduler: fc.Scheduler): ObjectStore {
  const slow = <A extends unknown[], R>(of: (...args: A) => Promise<R>) => scheduler.scheduleFunction(of)
  const { head, deleteMany, list } = store
  const [get, put] = [slow(store.get), slow(store.put)]
  return {
    ...store,
    get,
    put,
    copy: async (from, to) => {
      const found = await get(from)
      if (found === null) return 'missing'
      await put(to, found.body, { kind: 'any' })
      return 'copied'
    },
    head: slow(head),
    deleteMany: slow(deleteMany),
    list: slow(list),
  }
}

const openHead = (store: ObjectStore) =>
  openSnapshot({ store, place, knownVersion: null, readCheckpoint: engine.readCheckpoint })

type Run = { readonly store: ObjectStore; readonly name: string; readonly publish: readonly View[] }

/** A run without a lease, the worst case: finish, rewrite the whole table a few times, and at the end take back its own. */
async function work({ store, name, publish }: Run, commits: number): Promise<number> {
  const placed: string[] = []
  const readHead = () => openHead(store)
  const finish = async (head: Snapshot) => {
    const published = head.version === 0 ? [] : publish
    const mirroredVersion = head.version === 0 ? null : head.version - 1
    const rest = { place, mirroredVersion, publish, published, retainMs: null, nowMs: startMs, placedBefore: placed }
    const finished = await finishTable({ store, engine, readHead }, { head, ...rest })
    placed.push(...finished.placed)
    return finished.head
  }
  let won = 0
  for (let attempt = 0; attempt < commits; attempt++) {
    const base = await finish((await readHead()) as Snapshot)
    const txnId = `${name}${attempt}`
    const add = [1, 2].map((at) => dataFile(`part-${txnId}-${at}.parquet`, txnId))
    for (const { path } of add) await store.put(stagedKey(place, txnId, path), bytes(path), { kind: 'any' })
    const body = commitBody(staged(base, txnId, { add, remove: base.files }), '0.1.0')
    const version = base.version + 1
    const result = await commitEntry({ store, clock }, { place, version, body, txnId, notAfterMs: startMs })
    if (result.kind === 'won') won++
    else await discardStaged(store, place, { add, progress: base.progress, txnId })
  }
  // A release fails when another run took over meanwhile: then finish again, until the head stands still.
  for (let head = await finish((await readHead()) as Snapshot); ; ) {
    const newer = (await readHead()) as Snapshot
    if (newer.version === head.version) return won
    head = await finish(newer)
  }
}

function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((given) => {
    resolve = given
  })
  return { promise, resolve: () => resolve() }
}

/** A table of one file that is committed and not placed yet. */
async function committedTable(): Promise<ObjectStore> {
  const store = newStore()
  await commitTo(store, staged(null, 'T0', { add: [dataFile('part-0.parquet', 'T0')] }))
  return store
}

async function raced(scheduler: fc.Scheduler, publish: readonly View[]) {
  const store = await committedTable()
  const runs = ['A', 'B'].map((name) => work({ store: slowed(store, scheduler), name, publish }, 2))
  const [wonByA, wonByB] = await scheduler.waitFor(Promise.all(runs))
  const head = (await openHead(store)) as Snapshot
  return { store, head, won: (wonByA as number) + (wonByB as number) }
}

test('however two runs without a lease interleave, folder and staging end as the head says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { store, head, won } = await raced(scheduler, [])
      expect(head.version).toBe(won)
      const listed = head.files.map(({ path }) => `${place.dataPrefix}${path}`).sort()
      expect(await keysOf(store, place.dataPrefix)).toEqual(listed)
      expect(await keysOf(store, `${place.ownPrefix}staging/`)).toEqual([])
    }),
    { numRuns: 200 },
  )
})

test('a copy that lands long after its file was superseded is taken back by the run that asked for it', async () => {
  const store = await committedTable()
  const asked = signal()
  const landed = signal()
  const stalled: ObjectStore = {
    ...store,
    copy: async (from, to) => {
      const found = await store.get(from)
      if (found === null) return 'missing'
      asked.resolve()
      await landed.promise
      await store.put(to, found.body, { kind: 'any' })
      return 'copied'
    },
  }
  const stalledRun = work({ store: stalled, name: 'A', publish: [] }, 0)
  await asked.promise
  expect(await work({ store, name: 'B', publish: [] }, 2)).toBe(2)
  expect(await keysOf(store, `${place.dataPrefix}part-0`)).toEqual([])
  landed.resolve()
  await stalledRun
  expect(await keysOf(store, place.dataPrefix)).toHaveLength(2)
  expect(await keysOf(store, `${place.dataPrefix}part-B1`)).toHaveLength(2)
})

test('however two runs interleave, the Delta view is the log without a gap', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { store, head } = await raced(scheduler, ['delta'])
      const view = (await keysOf(store, deltaViewPrefix(place))).length
      expect(view).toBe(head.version + 1)
      for (let version = 0; version <= head.version; version++) {
        const shown = await store.get(entryKey(deltaViewPrefix(place), version))
        expect(shown?.body).toEqual((await store.get(entryKey(logPrefix(place), version)))?.body)
      }
    }),
    { numRuns: 50 },
  )
})
