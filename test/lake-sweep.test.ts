import { describe, expect, test } from 'vitest'
import { noProgress, type Progress } from '../src/domain.ts'
import type { CommitResult } from '../src/lake/commit.ts'
import { deleteKey, stagedKey } from '../src/lake/keys.ts'
import { discardStaged, sweepStaging } from '../src/lake/perform.ts'
import { orphanedKeys, sweepMachine } from '../src/lake/sweep.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { bytes, dataFile, growTable, keysOf, newStore, place } from './support/lake-fixtures.ts'

const own = stagedKey(place, 'OWN', 'part-1.parquet')
const stray = stagedKey(place, 'DEAD', 'day=a b/part-1.parquet')
const won: CommitResult = { kind: 'won', version: 1 }

const remembering = (...names: string[]): Progress => ({
  ...noProgress,
  remembered: {
    sequenceColumn: 'scn',
    files: names.map((name) => ({ name, sizeBytes: 1, rows: 1, sha256: 'ab'.repeat(32), newestMs: 0 })),
  },
})

async function stage(store: ObjectStore, ...keys: string[]) {
  for (const key of keys) await store.put(key, bytes('x'), { kind: 'any' })
}

describe('sweep', () => {
  test('neither what the head lists nor what the run itself staged is without an owner', async () => {
    const head = await growTable(newStore(), 1)
    const listed = stagedKey(place, 'T0', 'part-T0.parquet')
    const left = stagedKey(place, 'T0', 'part-other.parquet')
    const keys = [listed, left, own, stray]
    expect(orphanedKeys({ place, head, ownTxnId: 'OWN' }, keys)).toEqual([left, stray])
    expect(orphanedKeys({ place, head: null, ownTxnId: 'OWN' }, keys)).toEqual([listed, left, stray])
  })

  test('deletions that the head remembers have an owner, those of a dead attempt have none', async () => {
    const store = newStore()
    const table = await growTable(store, 1)
    const head = { ...table, progress: remembering('T0.parquet') }
    const keys = ['T0.parquet', 'DEAD.parquet', 'OWN.parquet'].map((name) => deleteKey(place, name))
    expect(orphanedKeys({ place, head, ownTxnId: 'OWN' }, keys)).toEqual([keys[1]])
    await stage(store, ...keys)
    await sweepStaging({ store, commit: async () => won }, { place, head, ownTxnId: 'OWN' })
    expect(await keysOf(store, `${place.ownPrefix}deletes/`)).toEqual([keys[2], keys[0]])
  })

  test('deletes only what was listed before a commit that was won', async () => {
    const store = newStore()
    const head = await growTable(store, 1)
    await stage(store, own, stray)
    const late = stagedKey(place, 'LATER', 'part-2.parquet')
    const commit = async () => {
      expect(await keysOf(store, stray)).toEqual([stray])
      await stage(store, late)
      return won
    }
    const result = await sweepStaging({ store, commit }, { place, head, ownTxnId: 'OWN' })
    expect(result).toEqual({ kind: 'swept', version: 1, keys: [stray] })
    expect(await keysOf(store, `${place.ownPrefix}staging/`)).toEqual(
      [late, own, stagedKey(place, 'T0', 'part-T0.parquet')].sort(),
    )
  })

  test.each<CommitResult>([{ kind: 'lost', version: 1 }, { kind: 'unknown' }, { kind: 'expired' }])(
    'a commit that is $kind makes the list void: nothing is deleted',
    async (result) => {
      const store = newStore()
      await stage(store, stray)
      const swept = await sweepStaging({ store, commit: async () => result }, { place, head: null, ownTxnId: 'OWN' })
      expect(swept).toEqual({ kind: 'void', result })
      expect(await keysOf(store)).toEqual([stray])
    },
  )

  test('without anything to sweep there is no commit', () => {
    const machine = sweepMachine({ place, head: null, ownTxnId: 'OWN' })
    const start = machine.start
    expect(start).toMatchObject({ kind: 'call', call: { kind: 'list-staging' } })
    if (start.kind !== 'call') return
    expect(machine.next(start.state, { kind: 'listed', keys: [own] })).toEqual({
      kind: 'done',
      result: { kind: 'clean' },
    })
  })

  test('a lost attempt takes its own files away, and leaves what others listed', async () => {
    const store = newStore()
    const [ofOwn, ofOthers] = [deleteKey(place, 'OWN.parquet'), deleteKey(place, 'T0.parquet')]
    await stage(store, own, stray, ofOwn, ofOthers)
    await discardStaged(store, place, {
      txnId: 'OWN',
      add: [dataFile('part-1.parquet', 'OWN')],
      progress: remembering('T0.parquet', 'OWN.parquet'),
    })
    expect(await keysOf(store)).toEqual([ofOthers, stray].sort())
  })
})
