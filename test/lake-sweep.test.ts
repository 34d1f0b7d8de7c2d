import { describe, expect, test } from 'vitest'
import type { CommitResult } from '../src/lake/commit.ts'
import { stagedKey } from '../src/lake/keys.ts'
import { discardStaged, sweepStaging } from '../src/lake/perform.ts'
import { orphanedKeys, sweepMachine } from '../src/lake/sweep.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { bytes, growTable, keysOf, newStore, place } from './support/lake-fixtures.ts'

const own = stagedKey(place, 'OWN', 'part-1.parquet')
const stray = stagedKey(place, 'DEAD', 'day=a b/part-1.parquet')
const won: CommitResult = { kind: 'won', version: 1 }

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

  test('a lost attempt takes its own staged files away', async () => {
    const store = newStore()
    await stage(store, own, stray)
    await discardStaged(store, place, [{ txnId: 'OWN', path: 'part-1.parquet' }])
    expect(await keysOf(store)).toEqual([stray])
  })
})
