import { type Lease, type TableId, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { call, done, type Machine, type Step } from '../steps.ts'
import { leaseEpochOf, parseLease } from './lease-row.ts'
import { sameJson } from './same-json.ts'
import type { RowChange, RowCondition, StateRow } from './state-store.ts'

/** Who asks, and for how long a lease lasts without renewal. A dead holder of another host is waited for no longer. */
export type LeaseRequest = Omit<Lease, 'epoch' | 'expiresMs'> & {
  readonly id: TableId
  readonly durationMs: number
  /** How often a waiting run looks again. */
  readonly pollMs: number
}

export type LeaseCall =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly change: RowChange; readonly condition: RowCondition }
  | { readonly kind: 'probe'; readonly lease: Lease }
  | { readonly kind: 'sleep'; readonly ms: number }

/** Of a holder's process. */
export type Liveness = 'alive' | 'dead' | 'unknown'

export type LeaseAnswer =
  | { readonly kind: 'row'; readonly row: StateRow; readonly nowMs: number }
  | { readonly kind: 'no-row' }
  | { readonly kind: 'probed'; readonly holder: Liveness; readonly nowMs: number }
  | { readonly kind: 'slept' }
  | { readonly kind: 'updated' }
  | { readonly kind: 'condition-failed' }
  /** With `maybeApplied` the write may have happened. */
  | { readonly kind: 'failed'; readonly error: DmscdcError }

export type LeaseResult =
  /**
   * `previous`: the lease of a run that died before it released; what it staged may lie about. `row`: as it was when the lease was
   * taken; no run has written it since.
   */
  | { readonly kind: 'acquired'; readonly lease: Lease; readonly previous: Lease | null; readonly row: StateRow }
  | { readonly kind: 'held-by'; readonly lease: Lease }
  | { readonly kind: 'failed'; readonly error: DmscdcError }

/** Each names what it waits for. */
export type LeaseState = {
  readonly request: LeaseRequest
  readonly writes: number
  /** A lease of another host, and when it counts as dead if nobody renews it until then. */
  readonly watched: Watched | null
  /** The writes whose answers were lost. */
  readonly lost: Lost | null
} & (
  | { readonly phase: 'reading'; readonly sent: Taking | null }
  | { readonly phase: 'probing'; readonly found: Lease; readonly row: StateRow }
  | { readonly phase: 'sleeping' }
  | { readonly phase: 'writing'; readonly sent: Taking }
)

type Lost = { readonly times: number; readonly error: DmscdcError }
type Watched = { readonly lease: Lease; readonly deadlineMs: number }
/** What a write took: to be recognized when its answer was lost. */
type Taking = { readonly lease: Lease; readonly previous: Lease | null; readonly row: StateRow }
type LeaseStep = Step<LeaseState, LeaseCall, LeaseResult>

const writesMax = 8
/** The store tries each write for a while by itself: eight times that would keep a whole run waiting at one table. */
const writesLostMax = 2

/**
 * Acquires a table's lease, or says who holds it. A lease saves double work; safety comes from the commit alone.
 * No lease, an expired one, or one of a dead process of this host: taken, if the row is still as it was read.
 * A live process of this host: held at once. Another host: watched until its expiry (by no clock but ours no longer than
 * one duration); renewed or changed meanwhile: held; else taken.
 */
export function acquiring(request: LeaseRequest): Machine<LeaseState, LeaseCall, LeaseAnswer, LeaseResult> {
  return { start: read({ request, writes: 0, watched: null, lost: null }, null), next: advance }
}

function advance(state: LeaseState, answer: LeaseAnswer): LeaseStep {
  if (answer.kind === 'failed' && !(state.phase === 'writing' && answer.error.maybeApplied)) return failed(answer.error)
  switch (state.phase) {
    case 'reading':
      if (answer.kind === 'no-row') return failed(rowGone(state.request.id))
      if (answer.kind === 'row') return judge(state, state.sent, answer.row, answer.nowMs)
      break
    case 'probing':
      if (answer.kind === 'probed') return judgeHolder(state, state.found, state.row, answer)
      break
    case 'sleeping':
      if (answer.kind === 'slept') return read(state, null)
      break
    case 'writing':
      if (answer.kind === 'updated') return done({ kind: 'acquired', ...state.sent })
      // It may have met an earlier write of ours that came late: what that took is the same.
      if (answer.kind === 'condition-failed') return readAgain(state, state.sent)
      if (answer.kind === 'failed')
        return readAgain({ ...state, lost: { times: (state.lost?.times ?? 0) + 1, error: answer.error } }, state.sent)
      break
  }
  throw new DmscdcError('bug', `lease machine: got the answer "${answer.kind}" while ${state.phase}`, {
    hint: 'report this with the log of the run',
  })
}

/** Decides on the row as it is now. */
function judge(state: LeaseState, sent: Taking | null, row: StateRow, nowMs: number): LeaseStep {
  const found = parseLease(row.Lease)
  if (found === 'malformed') return failed(malformed(state.request.id))
  if (found === null) return take(state, row, null, nowMs)
  if (found.runId === state.request.runId)
    return done({ kind: 'acquired', lease: found, previous: sent?.previous ?? null, row })
  if (nowMs >= found.expiresMs) return take(state, row, found, nowMs)
  if (state.watched === null)
    return call({ ...common(state), phase: 'probing', found, row }, { kind: 'probe', lease: found })
  if (!sameJson(found, state.watched.lease)) return done({ kind: 'held-by', lease: found })
  return nowMs >= state.watched.deadlineMs ? take(state, row, found, nowMs) : wait(state, state.watched, nowMs)
}

function judgeHolder(
  state: LeaseState,
  found: Lease,
  row: StateRow,
  answer: { readonly holder: Liveness; readonly nowMs: number },
): LeaseStep {
  switch (answer.holder) {
    case 'alive':
      return done({ kind: 'held-by', lease: found })
    case 'dead':
      return take(state, row, found, answer.nowMs)
    case 'unknown': {
      const deadlineMs = Math.min(found.expiresMs, answer.nowMs + state.request.durationMs)
      return wait(state, { lease: found, deadlineMs }, answer.nowMs)
    }
  }
}

function wait(state: LeaseState, watched: Watched, nowMs: number): LeaseStep {
  const ms = Math.max(1, Math.min(state.request.pollMs, watched.deadlineMs - nowMs))
  return call({ ...common(state), watched, phase: 'sleeping' }, { kind: 'sleep', ms })
}

/** The condition holds the epoch too: between our read and our write another run may have come and gone. */
function take(state: LeaseState, row: StateRow, previous: Lease | null, nowMs: number): LeaseStep {
  if (state.lost !== null && state.lost.times >= writesLostMax) return failed(state.lost.error)
  const { id: _, durationMs, pollMs: __, ...holder } = state.request
  const epoch = Math.max(leaseEpochOf(row), previous?.epoch ?? 0) + 1
  const lease: Lease = { ...holder, epoch, expiresMs: nowMs + durationMs }
  return call(
    { ...common(state), phase: 'writing', writes: state.writes + 1, sent: { lease, previous, row } },
    {
      kind: 'write',
      change: { set: { Lease: lease, LeaseEpoch: epoch } },
      condition: { Lease: row.Lease, LeaseEpoch: row.LeaseEpoch },
    },
  )
}

function read(state: Common, sent: Taking | null): LeaseStep {
  return call({ ...common(state), phase: 'reading', sent }, { kind: 'read' })
}

function readAgain(state: LeaseState, sent: Taking): LeaseStep {
  return state.writes < writesMax ? read(state, sent) : failed(contended(state.request.id))
}

type Common = Pick<LeaseState, 'request' | 'writes' | 'watched' | 'lost'>

function common({ request, writes, watched, lost }: Common): Common {
  return { request, writes, watched, lost }
}

// ---- errors -------------------------------------------------------------------------------------------------------

function failed(error: DmscdcError): LeaseStep {
  return done({ kind: 'failed', error })
}

function rowGone(id: TableId): DmscdcError {
  return new DmscdcError('unavailable', `state row of ${tableName(id)}: is gone, expected it since this run began`, {
    hint: 'run again: a table of the landing without a row is registered, inactive',
  })
}

function malformed(id: TableId): DmscdcError {
  return new DmscdcError(
    'invalid-config',
    `state row of ${tableName(id)}: attribute Lease is no lease as a run writes it`,
    {
      hint: 'make sure that no run works on the table, then remove the attribute Lease from the row',
    },
  )
}

function contended(id: TableId): DmscdcError {
  return new DmscdcError('conflict', `lease of ${tableName(id)}: not written in ${writesMax} tries`, {
    hint: 'run again; if it comes back, look for runs that start at the same time',
  })
}
