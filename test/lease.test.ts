import { describe, expect, it } from 'vitest'
import { acquireLease } from '../src/state/acquire-lease.ts'
import { processHolder } from '../src/state/holder.ts'
import type { LeaseAnswer } from '../src/state/lease.ts'
import { memoryState } from '../src/state/memory-state.ts'
import {
  conditionFailed,
  id,
  lost,
  mine,
  noRow,
  play,
  playWhole,
  probed,
  refused,
  row,
  slept,
  theirs,
  updated,
} from './support/lease-script.ts'

const resultOf = (...answers: LeaseAnswer[]) => play(answers).result
const lastCallOf = (...answers: LeaseAnswer[]) => play(answers).calls.at(-1)

describe('acquiring a lease', () => {
  it('takes the free one, if it is free still when the write comes', () => {
    expect(play([row(null), updated])).toEqual({
      calls: [
        { kind: 'read' },
        {
          kind: 'write',
          change: { set: { Lease: mine(1, 1_000), LeaseEpoch: 1 } },
          condition: { Lease: undefined, LeaseEpoch: undefined },
        },
      ],
      result: { kind: 'acquired', lease: mine(1, 1_000), previous: null },
    })
  })

  it('counts the epoch on, also over a release, and makes it part of the condition', () => {
    expect(lastCallOf(row(null, 1_000, { LeaseEpoch: 4 }))).toMatchObject({
      change: { set: { Lease: mine(5, 1_000), LeaseEpoch: 5 } },
      condition: { Lease: undefined, LeaseEpoch: 4 },
    })
    expect(lastCallOf(row({ ...theirs, expiresMs: 0 }, 1_000, { LeaseEpoch: 3 }))).toMatchObject({
      change: { set: { LeaseEpoch: 8 } },
    })
  })

  it('hands on the row as it was when it was taken, not as it was first seen', () => {
    const answers = [row(null, 1_000, { Version: 1 }), conditionFailed, row(null, 2_000, { Version: 2 }), updated]
    expect(playWhole(answers).result).toMatchObject({ kind: 'acquired', row: { Version: 2 } })
  })

  it('takes the free one where an operator wrote null', () => {
    expect(play([{ kind: 'row', row: { Lease: null }, nowMs: 1 }]).calls.at(-1)).toMatchObject({
      kind: 'write',
      condition: { Lease: null },
    })
  })

  it('takes an expired one without asking for its holder, and hands it on as unreleased', () => {
    const { calls, result } = play([row(theirs, 50_000), updated])
    expect(calls[1]).toMatchObject({ kind: 'write', condition: { Lease: theirs } })
    expect(result).toEqual({ kind: 'acquired', lease: mine(8, 50_000), previous: theirs })
  })

  it('takes that of a dead process at once', () => {
    const { calls, result } = play([row(theirs), probed('dead', 1_500), updated])
    expect(calls[1]).toEqual({ kind: 'probe', lease: theirs })
    expect(result).toEqual({ kind: 'acquired', lease: mine(8, 1_500), previous: theirs })
  })

  it('leaves that of a live process to it at once', () => {
    expect(resultOf(row(theirs), probed('alive'))).toEqual({ kind: 'held-by', lease: theirs })
  })

  it('waits for the expiry of another host, and takes it if nobody renewed', () => {
    const { calls, result } = play([
      row(theirs, 40_000),
      probed('unknown', 40_000),
      slept,
      row(theirs, 45_000),
      slept,
      row(theirs, 49_000),
      slept,
      row(theirs, 50_000),
      updated,
    ])
    expect(calls.map((call) => (call.kind === 'sleep' ? call.ms : call.kind))).toEqual([
      'read',
      'probe',
      5_000,
      'read',
      5_000,
      'read',
      1_000,
      'read',
      'write',
    ])
    expect(result).toMatchObject({ kind: 'acquired', previous: theirs })
  })

  it('waits no longer than one duration, whatever the clock of the other host says', () => {
    const ahead = { ...theirs, expiresMs: 9_000_000 }
    expect(lastCallOf(row(ahead), probed('unknown', 1_000), slept, row(ahead, 60_999))).toEqual({
      kind: 'sleep',
      ms: 1,
    })
    expect(lastCallOf(row(ahead), probed('unknown', 1_000), slept, row(ahead, 61_000))).toMatchObject({ kind: 'write' })
  })

  it('leaves it to another host that renewed or took it meanwhile', () => {
    const renewed = { ...theirs, expiresMs: 80_000 }
    const third = { ...theirs, runId: 'third', epoch: 8, expiresMs: 80_000 }
    for (const now of [renewed, third]) {
      expect(resultOf(row(theirs), probed('unknown'), slept, row(now, 6_000))).toEqual({ kind: 'held-by', lease: now })
    }
  })

  it('takes it when it was released while waiting, and then nothing is unreleased', () => {
    expect(resultOf(row(theirs), probed('unknown'), slept, row(null, 6_000, { LeaseEpoch: 7 }), updated)).toEqual({
      kind: 'acquired',
      lease: mine(8, 6_000),
      previous: null,
    })
  })

  it('reads again when another was faster', () => {
    expect(resultOf(row(null), conditionFailed, row(theirs), probed('alive'))).toEqual({
      kind: 'held-by',
      lease: theirs,
    })
  })

  it('recognizes its own lease when the write was applied and the answer lost', () => {
    const { calls, result } = play([
      row(theirs),
      probed('dead'),
      { kind: 'failed', error: lost },
      row(mine(8, 1_000), 2_000),
    ])
    expect(calls.map((call) => call.kind)).toEqual(['read', 'probe', 'write', 'read'])
    expect(result).toEqual({ kind: 'acquired', lease: mine(8, 1_000), previous: theirs })
  })

  it('writes again when the answer was lost and the write not applied', () => {
    expect(resultOf(row(null), { kind: 'failed', error: lost }, row(null, 2_000), updated)).toEqual({
      kind: 'acquired',
      lease: mine(1, 2_000),
      previous: null,
    })
  })

  it('knows whose lease it took, also where it finds its lost write behind a second one that failed', () => {
    const late = row(mine(8, 50_000), 52_000)
    const lostAnswer: LeaseAnswer = { kind: 'failed', error: lost }
    expect(resultOf(row(theirs, 50_000), lostAnswer, row(theirs, 51_000), conditionFailed, late)).toEqual({
      kind: 'acquired',
      lease: mine(8, 50_000),
      previous: theirs,
    })
  })

  it('finds its lost write when the second one fails because the first came late', () => {
    const late = row(mine(1, 1_000), 3_000)
    expect(resultOf(row(null), { kind: 'failed', error: lost }, row(null, 2_000), conditionFailed, late)).toEqual({
      kind: 'acquired',
      lease: mine(1, 1_000),
      previous: null,
    })
  })

  it('still knows whose lease its late write took, for what that run staged must be swept', () => {
    const dead = [row(theirs), probed('dead')]
    const late = row(mine(8, 1_000), 3_000)
    expect(resultOf(...dead, { kind: 'failed', error: lost }, ...dead, conditionFailed, late)).toEqual({
      kind: 'acquired',
      lease: mine(8, 1_000),
      previous: theirs,
    })
  })

  it('sees who won when the answer was lost and another took it', () => {
    expect(resultOf(row(null), { kind: 'failed', error: lost }, row(theirs), probed('alive'))).toEqual({
      kind: 'held-by',
      lease: theirs,
    })
  })

  it('gives up with the error of the store when a second answer was lost and the write not applied', () => {
    const twice = [
      row(null),
      { kind: 'failed', error: lost },
      row(null, 2_000),
      { kind: 'failed', error: lost },
    ] as const
    expect(resultOf(...twice, row(null, 3_000))).toEqual({ kind: 'failed', error: lost })
  })

  it('gives up after 8 writes', () => {
    const tries = Array.from({ length: 8 }, () => [row(null), conditionFailed]).flat()
    expect(resultOf(...tries)).toMatchObject({ kind: 'failed', error: { kind: 'conflict' } })
  })

  it('says that a row is gone, and that a lease is none', () => {
    expect(resultOf(noRow)).toMatchObject({
      kind: 'failed',
      error: { kind: 'unavailable', message: expect.stringContaining('sales.orders') },
    })
    for (const lease of ['text', 5, {}, { ...theirs, epoch: 'x' }, { ...theirs, pid: 0 }]) {
      expect(resultOf(row(lease))).toMatchObject({
        kind: 'failed',
        error: { kind: 'invalid-config', message: expect.stringContaining('Lease') },
      })
    }
  })
})

describe('two runs that acquire at once', () => {
  it('end with one holder, and the other knows whom', async () => {
    const state = memoryState({ landingPlace: 'l/' })
    await state.register(id, {})
    const ports = { state, holder: processHolder(), clock: { nowMs: () => 1_000, sleep: async () => {} } }
    const results = await Promise.all(['a', 'b', 'c'].map((runId) => acquireLease(ports, { id, runId, txnId: null })))
    const winner = results.find((result) => result.kind === 'acquired')
    expect(results.map((result) => result.kind).sort()).toEqual(['acquired', 'held-by', 'held-by'])
    for (const result of results) expect(result).toMatchObject({ lease: { runId: winner?.lease.runId } })
  })

  it('fail, and do not hold, when the state cannot be read', async () => {
    const unreadable = { ...memoryState({ landingPlace: 'l/' }), get: () => Promise.reject(refused) }
    const ports = { state: unreadable, holder: processHolder(), clock: { nowMs: () => 0, sleep: async () => {} } }
    expect(await acquireLease(ports, { id, runId: 'a', txnId: null })).toEqual({ kind: 'failed', error: refused })
  })
})
