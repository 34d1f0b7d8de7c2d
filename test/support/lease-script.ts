import type { Lease, TableId } from '../../src/domain.ts'
import { DmscdcError } from '../../src/errors.ts'
import {
  acquiring,
  type LeaseAnswer,
  type LeaseCall,
  type LeaseRequest,
  type LeaseResult,
} from '../../src/state/lease.ts'
import type { StateRow } from '../../src/state/state-store.ts'

/** A run that acquires a lease, one that has it, and the answers that the machine may get. */
export const id: TableId = { schema: 'sales', table: 'orders' }
export const me = { runId: 'me', txnId: 'txn-me', host: 'here', pid: 1, processStartedMs: 10 }
const request: LeaseRequest = { ...me, id, durationMs: 60_000, pollMs: 5_000 }
export const theirs: Lease = {
  runId: 'other',
  txnId: null,
  host: 'there',
  pid: 2,
  processStartedMs: 20,
  epoch: 7,
  expiresMs: 50_000,
}
export const mine = (epoch: number, nowMs: number): Lease => ({ ...me, epoch, expiresMs: nowMs + 60_000 })

export const row = (lease: unknown, nowMs = 1_000, more: StateRow = {}): LeaseAnswer => ({
  kind: 'row',
  row: { ...(lease === null ? {} : { Lease: lease }), ...more },
  nowMs,
})
export const noRow: LeaseAnswer = { kind: 'no-row' }
export const updated: LeaseAnswer = { kind: 'updated' }
export const conditionFailed: LeaseAnswer = { kind: 'condition-failed' }
export const slept: LeaseAnswer = { kind: 'slept' }
export const probed = (holder: 'alive' | 'dead' | 'unknown', nowMs = 1_000): LeaseAnswer => ({
  kind: 'probed',
  holder,
  nowMs,
})
export const refused = new DmscdcError('unavailable', 'write: refused', { hint: 'wait' })
export const lost = new DmscdcError('unavailable', 'write: no answer', { hint: 'wait', maybeApplied: true })

/** Plays the answers in; all must be used up. Returns the calls that were made, and the result if there is one by then. */
export function play(answers: readonly LeaseAnswer[], asked = request) {
  const { calls, result } = playWhole(answers, asked)
  if (result?.kind !== 'acquired') return { calls, result }
  const { row: _, ...withoutRow } = result
  return { calls, result: withoutRow }
}

export function playWhole(
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
