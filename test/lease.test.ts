import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Lease, TableId } from '../src/domain.ts'
import { DmscdcError } from '../src/errors.ts'
import { acquireLease } from '../src/state/acquire-lease.ts'
import { processHolder } from '../src/state/holder.ts'
import {
  acquiring,
  type LeaseAnswer,
  type LeaseCall,
  type LeaseRequest,
  type LeaseResult,
  type LeaseState,
} from '../src/state/lease.ts'
import { mirrorChange, release, renewal } from '../src/state/lease-row.ts'
import { memoryState } from '../src/state/memory-state.ts'
import type { StateRow } from '../src/state/state-store.ts'

const id: TableId = { schema: 'sales', table: 'orders' }
const me = { runId: 'me', txnId: 'txn-me', host: 'here', pid: 1, processStartedMs: 10 }
const request: LeaseRequest = { ...me, id, durationMs: 60_000, pollMs: 5_000 }
const theirs: Lease = {
  runId: 'other',
  txnId: null,
  host: 'there',
  pid: 2,
  processStartedMs: 20,
  epoch: 7,
  expiresMs: 50_000,
}
const mine = (epoch: number, nowMs: number): Lease => ({ ...me, epoch, expiresMs: nowMs + 60_000 })

const row = (lease: unknown, nowMs = 1_000, more: StateRow = {}): LeaseAnswer => ({
  kind: 'row',
  row: { ...(lease === null ? {} : { Lease: lease }), ...more },
  nowMs,
})
const noRow: LeaseAnswer = { kind: 'no-row' }
const updated: LeaseAnswer = { kind: 'updated' }
const conditionFailed: LeaseAnswer = { kind: 'condition-failed' }
const slept: LeaseAnswer = { kind: 'slept' }
const probed = (holder: 'alive' | 'dead' | 'unknown', nowMs = 1_000): LeaseAnswer => ({ kind: 'probed', holder, nowMs })
const refused = new DmscdcError('unavailable', 'write: refused', { hint: 'wait' })
const lost = new DmscdcError('unavailable', 'write: no answer', { hint: 'wait', maybeApplied: true })

/** Plays the answers in; all must be used up. Returns the calls that were made, and the result if there is one by then. */
function play(answers: readonly LeaseAnswer[], asked = request) {
  const { calls, result } = playWhole(answers, asked)
  if (result?.kind !== 'acquired') return { calls, result }
  const { row: _, ...withoutRow } = result
  return { calls, result: withoutRow }
}

function playWhole(
  answers: readonly LeaseAnswer[],
  asked = request,
): { calls: LeaseCall[]; result: LeaseResult | null } {
  const machine = acquiring(asked)
  const calls: LeaseCall[] = []
  let step = machine.start
  for (const answer of answers) {
    if (step.kind === 'done') throw new Error(`done before the answer ${JSON.stringify(answer)}`)
    calls.push(step.call)
    step = machine.next(step.state, answer)
  }
  if (step.kind === 'call') calls.push(step.call)
  return { calls, result: step.kind === 'done' ? step.result : null }
}
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

describe('the lease machine', () => {
  const before: Record<LeaseState['phase'], LeaseAnswer[]> = {
    reading: [],
    probing: [row(theirs)],
    sleeping: [row(theirs), probed('unknown')],
    writing: [row(null)],
  }
  const answers = {
    row: row(null),
    'no-row': noRow,
    probed: probed('alive'),
    slept,
    updated,
    'condition-failed': conditionFailed,
    failed: { kind: 'failed', error: refused },
    'maybe-applied': { kind: 'failed', error: lost },
  } satisfies Record<LeaseAnswer['kind'] | 'maybe-applied', LeaseAnswer>
  type Event = keyof typeof answers
  /** What comes next: a call, a result, or `bug`: nobody can give this answer to this call. */
  type Next = LeaseCall['kind'] | LeaseResult['kind'] | 'bug'

  const table: Record<LeaseState['phase'], Record<Event, Next>> = {
    reading: {
      row: 'write',
      'no-row': 'failed',
      probed: 'bug',
      slept: 'bug',
      updated: 'bug',
      'condition-failed': 'bug',
      failed: 'failed',
      'maybe-applied': 'failed',
    },
    probing: {
      row: 'bug',
      'no-row': 'bug',
      probed: 'held-by',
      slept: 'bug',
      updated: 'bug',
      'condition-failed': 'bug',
      failed: 'failed',
      'maybe-applied': 'failed',
    },
    sleeping: {
      row: 'bug',
      'no-row': 'bug',
      probed: 'bug',
      slept: 'read',
      updated: 'bug',
      'condition-failed': 'bug',
      failed: 'failed',
      'maybe-applied': 'failed',
    },
    writing: {
      row: 'bug',
      'no-row': 'bug',
      probed: 'bug',
      slept: 'bug',
      updated: 'acquired',
      'condition-failed': 'read',
      failed: 'failed',
      'maybe-applied': 'read',
    },
  }

  for (const phase of Object.keys(table) as LeaseState['phase'][]) {
    for (const event of Object.keys(answers) as Event[]) {
      it(`${phase} × ${event} → ${table[phase][event]}`, () => {
        expect(nextOf([...before[phase], answers[event]])).toBe(table[phase][event])
      })
    }
  }

  function nextOf(all: readonly LeaseAnswer[]): Next {
    try {
      const { calls, result } = play(all)
      return result?.kind ?? (calls.at(-1) as LeaseCall).kind
    } catch (thrown) {
      if (thrown instanceof DmscdcError && thrown.kind === 'bug') return 'bug'
      throw thrown
    }
  }
})

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

describe('the holder of a lease', () => {
  const holder = processHolder()
  const leaseOf = (self: Pick<Lease, 'host' | 'pid' | 'processStartedMs'>): Lease => ({ ...theirs, ...self })

  it('is alive as long as its process runs, and dead from then on', async () => {
    expect(await holder.probe(leaseOf(holder.self))).toBe('alive')
    const script = `import('${new URL('../src/state/holder.ts', import.meta.url)}').then((m) => console.log(JSON.stringify(m.processHolder().self))); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [text] = await once(child.stdout, 'data')
    const lease = leaseOf(JSON.parse(String(text)))
    expect(await holder.probe(lease)).toBe('alive')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await holder.probe(lease)).toBe('dead')
  })

  it('is dead where its pid is another process now, and unknown on another host', async () => {
    expect(await holder.probe(leaseOf({ ...holder.self, processStartedMs: holder.self.processStartedMs - 10 }))).toBe(
      'dead',
    )
    expect(await holder.probe(leaseOf({ ...holder.self, host: 'elsewhere' }))).toBe('unknown')
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
