import { call, done, type Machine, type Step } from '../steps.ts'
import { entryKey, logPrefix, type TablePlace } from './keys.ts'

/** One attempt at one version. `body` names `txnId`, which is unique per attempt; `notAfterMs` is wall-clock time. */
export type CommitAttempt = {
  readonly place: TablePlace
  readonly version: number
  readonly body: Uint8Array
  readonly txnId: string
  /** The lease's end less a margin: no PUT is begun after it. */
  readonly notAfterMs: number
}

export type CommitCall =
  | { readonly kind: 'put-absent'; readonly key: string; readonly body: Uint8Array; readonly notAfterMs: number }
  | { readonly kind: 'read-back'; readonly key: string }
  | { readonly kind: 'back-off'; readonly attempt: number }

export type CommitAnswer =
  /** 200. */
  | { readonly kind: 'stored' }
  /** 412: someone's object is there, perhaps our own by a silent retry. */
  | { readonly kind: 'exists' }
  /** 409 or another refusal: certainly not stored. */
  | { readonly kind: 'not-applied'; readonly cause?: unknown }
  /** The answer was lost: stored, not stored, or stored later. */
  | { readonly kind: 'unknown'; readonly cause?: unknown }
  /** The deadline had passed, no PUT was sent. */
  | { readonly kind: 'expired' }
  /** To `read-back`; `txnId` null: another program's entry. */
  | { readonly kind: 'found'; readonly txnId: string | null }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly cause?: unknown }
  /** To `back-off`. */
  | { readonly kind: 'rested' }

export type CommitResult =
  | { readonly kind: 'won'; readonly version: number }
  /** Another attempt's entry is this version: plan again from it, with new files; the own staged files may go. */
  | { readonly kind: 'lost'; readonly version: number }
  /** It may be committed now or later: delete nothing, end with an error; the next run sees what came of it. */
  | { readonly kind: 'unknown'; readonly cause?: unknown }
  /** The deadline passed with certainly nothing stored. */
  | { readonly kind: 'expired' }

export type CommitState = {
  readonly putCall: CommitCall & { readonly kind: 'put-absent' }
  readonly txnId: string
  readonly version: number
  readonly attempt: number
  /** What a `back-off` leads to. */
  readonly resume: 'put' | 'read-back'
  /** A PUT was sent whose outcome we do not know; it may still land. */
  readonly inDoubt: boolean
  readonly cause: unknown
}

export const commitAttemptsMax = 8

/**
 * THE COMMIT POINT. Everything before it is staged and invisible, everything after it can be done again from the log:
 * the table changes when, and only when, the object `<version>.json` comes into being, by one conditional PUT. Always the
 * same bytes under the same key, and a PUT whose answer is not a clear success is settled by reading the version back.
 * (Naively, a lost answer or a retry that meets its own object would be taken for a lost race, and be merged twice.)
 */
export function commitMachine(attempt: CommitAttempt): Machine<CommitState, CommitCall, CommitAnswer, CommitResult> {
  const { version, txnId, body, notAfterMs } = attempt
  const key = entryKey(logPrefix(attempt.place), version)
  const putCall = { kind: 'put-absent', key, body, notAfterMs } as const
  const state = { putCall, txnId, version, attempt: 1, resume: 'put', inDoubt: false, cause: undefined } as const
  return { start: put(state), next }
}

type CommitStep = Step<CommitState, CommitCall, CommitResult>

function next(state: CommitState, answer: CommitAnswer): CommitStep {
  switch (answer.kind) {
    case 'stored':
      return done({ kind: 'won', version: state.version })
    case 'exists':
      return readBack({ ...state, inDoubt: true })
    case 'unknown':
      return readBack({ ...state, inDoubt: true, cause: answer.cause })
    case 'not-applied':
      return backOff({ ...state, resume: 'put', cause: answer.cause })
    case 'expired':
      return done(state.inDoubt ? unknown(state) : { kind: 'expired' })
    case 'found':
      return done({ kind: answer.txnId === state.txnId ? 'won' : 'lost', version: state.version })
    case 'missing':
      return backOff({ ...state, resume: 'put' })
    case 'failed':
      return backOff({ ...state, resume: 'read-back', cause: answer.cause })
    case 'rested':
      return state.resume === 'put' ? put(state) : readBack(state)
  }
}

function put(state: CommitState): CommitStep {
  return call(state, state.putCall)
}

function readBack(state: CommitState): CommitStep {
  return call(state, { kind: 'read-back', key: state.putCall.key })
}

function backOff(state: CommitState): CommitStep {
  if (state.attempt >= commitAttemptsMax) return done(unknown(state))
  return call({ ...state, attempt: state.attempt + 1 }, { kind: 'back-off', attempt: state.attempt })
}

function unknown({ cause }: CommitState): CommitResult {
  return cause === undefined ? { kind: 'unknown' } : { kind: 'unknown', cause }
}
