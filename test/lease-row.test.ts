import { describe, expect, it } from 'vitest'
import { mirrorChange, release, renewal } from '../src/state/lease-row.ts'
import { memoryState } from '../src/state/memory-state.ts'
import type { StateRow } from '../src/state/state-store.ts'
import { id, mine, theirs } from './support/lease-script.ts'

describe('the writes of a lease', () => {
  it('renew it, and may name the next attempt, if it is as last written', () => {
    const lease = mine(3, 0)
    const plain = renewal(lease, 20_000, 60_000)
    expect(plain).toEqual({
      lease: { ...lease, expiresMs: 80_000 },
      change: { set: { Lease: { ...lease, expiresMs: 80_000 } } },
      condition: { Lease: lease },
    })
    expect(renewal(plain.lease, 30_000, 60_000, 'txn-2')).toMatchObject({
      lease: { txnId: 'txn-2', runId: 'me', epoch: 3, expiresMs: 90_000 },
      condition: { Lease: plain.lease },
    })
  })

  it('release it, if it is as last written, and keep the epoch', () => {
    expect(release(mine(3, 0))).toEqual({ change: { remove: ['Lease'] }, condition: { Lease: mine(3, 0) } })
  })
})

describe('mirroring the log into the row', () => {
  const lease = mine(1, 0)
  const read = {
    LastIncrementalFile: 'p/1.parquet',
    LastFullLoadDate: '1900-01-01 00:00:00',
    ActiveFlag: 'true',
    Lease: lease,
  }
  const mirrored = {
    version: 2,
    lastIncrementalFile: 'p/9.parquet',
    lastFullLoadDate: '2024-01-01 00:00:00',
    digest: 'd',
    window: null,
    published: ['delta'] as const,
  }
  const apply = async (stored: StateRow) => {
    const state = memoryState({ landingPlace: 'l/' })
    await state.register(id, stored)
    const { full, twinsOnly } = mirrorChange(read, mirrored, lease)
    const first = await state.update(id, full.change, full.condition)
    const second = first === 'updated' ? null : await state.update(id, twinsOnly.change, twinsOnly.condition)
    return { outcomes: [first, second], row: (await state.get(id))?.row }
  }

  it('writes cursors, twins and all the rest where nobody edited', async () => {
    expect(await apply(read)).toEqual({
      outcomes: ['updated', null],
      row: {
        ...read,
        LastIncrementalFile: 'p/9.parquet',
        LastFullLoadDate: '2024-01-01 00:00:00',
        MirroredIncrementalFile: 'p/9.parquet',
        MirroredFullLoadDate: '2024-01-01 00:00:00',
        Version: 2,
        Digest: 'd',
        Published: ['delta'],
      },
    })
  })

  it('writes only twins and Version where a cursor was edited under the run: the edit stands', async () => {
    const edited = { ...read, LastIncrementalFile: 'p/0.parquet', Digest: 'old' }
    expect(await apply(edited)).toEqual({
      outcomes: ['condition-failed', 'updated'],
      row: {
        ...edited,
        MirroredIncrementalFile: 'p/9.parquet',
        MirroredFullLoadDate: '2024-01-01 00:00:00',
        Version: 2,
      },
    })
  })

  it('writes nothing where another run took over', async () => {
    const taken = { ...read, Lease: theirs }
    expect(await apply(taken)).toEqual({ outcomes: ['condition-failed', 'condition-failed'], row: taken })
  })

  it('removes the digest where the run has none', () => {
    expect(mirrorChange(read, { ...mirrored, digest: null }, lease).full.change).toMatchObject({ remove: ['Digest'] })
  })
})
