import { describe, expect, test } from 'vitest'
import { DmscdcError } from '../src/errors.ts'
import {
  type CommitAnswer,
  type CommitAttempt,
  type CommitCall,
  type CommitResult,
  commitAttemptsMax,
  commitMachine,
} from '../src/lake/commit.ts'
import { commitBody } from '../src/lake/commit-body.ts'
import { entryKey, logPrefix } from '../src/lake/keys.ts'
import { commitEntry } from '../src/lake/perform.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { bytes, newStore, place, staged, startMs } from './support/lake-fixtures.ts'

const attempt: CommitAttempt = { place, version: 7, body: bytes('x'), txnId: 'MINE', notAfterMs: 100 }

/** Answers in order; the calls that were made and the result. More or fewer answers than calls is a mistake. */
function script(answers: readonly CommitAnswer[]): { calls: readonly CommitCall['kind'][]; result: CommitResult } {
  const machine = commitMachine(attempt)
  const calls: CommitCall['kind'][] = []
  let step = machine.start
  for (const answer of answers) {
    if (step.kind === 'done') throw new Error('done before the script ended')
    calls.push(step.call.kind)
    step = machine.next(step.state, answer)
  }
  if (step.kind === 'call') throw new Error(`the script ended before ${step.call.kind}`)
  return { calls, result: step.result }
}

const stored: CommitAnswer = { kind: 'stored' }
const exists: CommitAnswer = { kind: 'exists' }
const refused: CommitAnswer = { kind: 'not-applied' }
const lostAnswer: CommitAnswer = { kind: 'unknown' }
const expired: CommitAnswer = { kind: 'expired' }
const missing: CommitAnswer = { kind: 'missing' }
const failed: CommitAnswer = { kind: 'failed' }
const rested: CommitAnswer = { kind: 'rested' }
const mine: CommitAnswer = { kind: 'found', txnId: 'MINE' }
const others: CommitAnswer = { kind: 'found', txnId: 'THEIRS' }
const foreign: CommitAnswer = { kind: 'found', txnId: null }

const won: CommitResult = { kind: 'won', version: 7 }
const lost: CommitResult = { kind: 'lost', version: 7 }
const unknown: CommitResult = { kind: 'unknown' }

describe('commit rule', () => {
  test.each<[string, CommitAnswer[], CommitResult]>([
    ['stored at once is won', [stored], won],
    ['412 on its own object, by a silent retry, is won', [exists, mine], won],
    ['412 on another attempt is lost', [exists, others], lost],
    ['412 on a foreign entry is lost', [exists, foreign], lost],
    ['applied, but the answer was lost, is won', [lostAnswer, mine], won],
    ['lost answer and another was faster is lost', [lostAnswer, others], lost],
    ['lost request is put again', [lostAnswer, missing, rested, stored], won],
    ['lost request, and the first PUT lands late, is won', [lostAnswer, missing, rested, exists, mine], won],
    ['refused is put again', [refused, rested, stored], won],
    ['refused, then another was faster, is lost', [refused, rested, exists, others], lost],
    ['a failed read-back is read again, not put again', [lostAnswer, failed, rested, mine], won],
    ['too late before the first PUT is expired', [expired], { kind: 'expired' }],
    ['too late after a refusal is expired', [refused, rested, expired], { kind: 'expired' }],
    ['too late after a PUT in doubt is unknown', [lostAnswer, missing, rested, expired], unknown],
    ['too late after an object that came and went is unknown', [exists, missing, rested, expired], unknown],
  ])('%s', (_, answers, result) => {
    expect(script(answers).result).toEqual(result)
  })

  test('refused to the end is unknown, and so are read-backs that fail to the end', () => {
    const rounds = (round: CommitAnswer[]) =>
      Array.from({ length: commitAttemptsMax - 1 }, () => [...round, rested]).flat()
    expect(script([...rounds([refused]), refused]).result).toEqual(unknown)
    expect(script([lostAnswer, ...rounds([failed]), failed]).result).toEqual(unknown)
    expect(script([...rounds([lostAnswer, missing]), lostAnswer, missing]).result).toEqual(unknown)
  })

  test('unknown carries why', () => {
    const cause = new Error('refused')
    const round: CommitAnswer[] = [{ kind: 'not-applied', cause }, rested]
    const rounds = Array.from({ length: commitAttemptsMax - 1 }, () => round).flat()
    expect(script([...rounds, { kind: 'not-applied', cause }]).result).toEqual({ kind: 'unknown', cause })
  })

  test('whatever is answered, it ends, it puts the same bytes under one key, and says won only of its own entry', () => {
    // Every sequence of answers a store could give, over several rounds.
    const toPut = [stored, exists, refused, lostAnswer, expired]
    const toRead = [mine, others, missing, failed]
    let ends = 0
    const explore = (step: ReturnType<typeof commitMachine>['start'], trail: readonly CommitAnswer[], puts: number) => {
      if (step.kind === 'done') {
        ends++
        const last = trail.at(-1)
        if (step.result.kind === 'won') expect(last === stored || last === mine).toBe(true)
        if (step.result.kind === 'lost') expect(last).toBe(others)
        if (step.result.kind === 'expired')
          expect(trail.some((one) => one === lostAnswer || one === exists)).toBe(false)
        return
      }
      if (step.call.kind === 'put-absent') {
        expect(step.call).toEqual({
          kind: 'put-absent',
          key: entryKey(logPrefix(place), 7),
          body: attempt.body,
          notAfterMs: 100,
        })
        if (puts === 4) return
      }
      const answers = step.call.kind === 'put-absent' ? toPut : step.call.kind === 'read-back' ? toRead : [rested]
      const { state, call } = step
      if (trail.length > 12) return
      for (const answer of answers)
        explore(
          commitMachine(attempt).next(state, answer),
          [...trail, answer],
          puts + (call.kind === 'put-absent' ? 1 : 0),
        )
    }
    explore(commitMachine(attempt).start, [], 0)
    expect(ends).toBeGreaterThan(100)
  })
})

describe('commit on a store', () => {
  const body = (txnId: string) => commitBody(staged(null, txnId), '0.1.0')
  const clock = { nowMs: () => startMs, sleep: async () => {} }
  const run = (store: ObjectStore, txnId: string, more: Partial<CommitAttempt> = {}) =>
    commitEntry({ store, clock }, { place, version: 0, body: body(txnId), txnId, notAfterMs: startMs, ...more })
  const lostAnswerError = new DmscdcError('unavailable', 'put: connection closed', {
    hint: 'again',
    maybeApplied: true,
  })
  const refusedError = new DmscdcError('unavailable', 'put: 503', { hint: 'again' })

  /** The store's put, with what happens to the first ones. */
  function faulty(store: ObjectStore, faults: ('drop-request' | 'drop-answer' | 'refuse')[]): ObjectStore {
    const left = [...faults]
    return {
      ...store,
      put: async (...args) => {
        const fault = left.shift()
        if (fault === 'refuse') throw refusedError
        if (fault === 'drop-request') throw lostAnswerError
        const outcome = await store.put(...args)
        if (fault === 'drop-answer') throw lostAnswerError
        return outcome
      },
    }
  }

  test('of two attempts at a version one wins and the other loses', async () => {
    const store = newStore()
    expect(await run(store, 'A')).toEqual({ kind: 'won', version: 0 })
    expect(await run(store, 'B')).toEqual({ kind: 'lost', version: 0 })
    expect(await run(store, 'A')).toEqual({ kind: 'won', version: 0 })
  })

  test('lost requests and lost answers do not change who won', async () => {
    expect(await run(faulty(newStore(), ['drop-answer']), 'A')).toEqual({ kind: 'won', version: 0 })
    expect(await run(faulty(newStore(), ['drop-request', 'refuse', 'drop-answer']), 'A')).toEqual({
      kind: 'won',
      version: 0,
    })
    const taken = newStore()
    await run(taken, 'B')
    expect(await run(faulty(taken, ['drop-request', 'drop-answer']), 'A')).toEqual({ kind: 'lost', version: 0 })
  })

  test('nothing is put after the deadline', async () => {
    const store = newStore()
    expect(await run(store, 'A', { notAfterMs: startMs - 1 })).toEqual({ kind: 'expired' })
    expect((await store.list({ prefix: '' })).objects).toEqual([])
  })

  test('a store that refuses to the end leaves the outcome unknown, with its error', async () => {
    const broken: ObjectStore = { ...newStore(), put: () => Promise.reject(refusedError) }
    expect(await run(broken, 'A')).toEqual({ kind: 'unknown', cause: refusedError })
  })
})
