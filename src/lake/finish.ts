import type { Snapshot, View } from '../domain.ts'
import { call, done, type Machine, type Step } from '../steps.ts'
import { type FinishCall, finishAgenda } from './finish-agenda.ts'
import { dataKey, stagedKey, type TablePlace } from './keys.ts'

export type FinishInput = {
  readonly place: TablePlace
  readonly head: Snapshot
  /** Up to here everything is finished, says the state row; null: nobody knows. */
  readonly mirroredVersion: number | null
  /** What the operator wants, and what was published when the row was mirrored. */
  readonly publish: readonly View[]
  readonly published: readonly View[]
  /** The operator's retention; null: the default of the way the table is published. */
  readonly retainMs: number | null
  readonly nowMs: number
  /** Paths that this run placed for an earlier head, after its lease was lost: what the head does not list goes. */
  readonly placedBefore: readonly string[]
  /** What has expired stays for now: a command that comes next may need it. */
  readonly keepExpired?: true
  /** Files may have been retained before, whatever the operator says now. */
  readonly retainedBefore?: boolean
}

export type FinishAnswer =
  /** To `place`: the paths whose staged copy is not there; all others lie in the data folder now. */
  | { readonly kind: 'placed'; readonly missing: readonly string[] }
  /** To `check`: the paths that do not lie in the data folder either. */
  | { readonly kind: 'checked'; readonly missing: readonly string[] }
  | { readonly kind: 'head'; readonly head: Snapshot | null }
  /** To `mirror-log`: the view has another program's entry at this version. */
  | { readonly kind: 'foreign-entry'; readonly version: number }
  /** To `mirror-log`: an entry of the own log is gone; the view goes on with a checkpoint. */
  | { readonly kind: 'entry-missing' }
  /** To `put-manifests`: there is a newer head. */
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'performed' }

export type FinishResult =
  | {
      readonly kind: 'finished'
      readonly head: Snapshot
      /** Paths put into the data folder, for a later `placedBefore`. */
      readonly placed: readonly string[]
      readonly published: readonly View[]
    }
  /** The head lists a file that is neither staged nor placed. */
  | { readonly kind: 'file-lost'; readonly version: number; readonly path: string }
  | { readonly kind: 'log-lost' }
  | { readonly kind: 'view-foreign'; readonly version: number }

export type FinishState = {
  readonly input: FinishInput
  readonly pending: FinishCall
  /** What is left after `pending`, in order. */
  readonly agenda: readonly FinishCall[]
  readonly placed: readonly string[]
  /** Staged keys that have been placed and may go at the end. */
  readonly staged: readonly string[]
}

/**
 * Makes the lake what the head says: place, publish, delete the superseded, delete the staging. Works from the head alone,
 * not version by version, and each step may be repeated; so it is also the first thing that every working run
 * does, and recovery from a crash is no branch of its own. Deletes nothing that no commit superseded.
 */
export function finishMachine(input: FinishInput): Machine<FinishState, FinishCall, FinishAnswer, FinishResult> {
  return { start: startOver(input, { placed: [], staged: [] }), next }
}

type FinishStep = Step<FinishState, FinishCall, FinishResult>
type Done = Pick<FinishState, 'placed' | 'staged'>

function startOver(input: FinishInput, { placed, staged }: Done): FinishStep {
  const seen = { ...input, placedBefore: [...input.placedBefore, ...placed] }
  return advance({ input, placed, staged, agenda: finishAgenda(seen) })
}

/** The staged copies go last, in one request with the last stale files where there are any. */
function advance(state: Omit<FinishState, 'pending'>): FinishStep {
  const [first, ...agenda] = state.agenda
  const { input, placed, staged } = state
  const lastDelete = first?.kind === 'delete' && agenda.length === 0 ? first.keys : []
  if (agenda.length === 0 && staged.length > 0 && (first === undefined || first.kind === 'delete')) {
    const pending = { kind: 'delete', keys: [...lastDelete, ...staged] } as const
    return call({ input, placed, staged: [], agenda, pending }, pending)
  }
  if (first !== undefined) return call({ ...state, pending: first, agenda }, first)
  return done({ kind: 'finished', head: input.head, placed, published: input.publish })
}

function next(state: FinishState, answer: FinishAnswer): FinishStep {
  switch (answer.kind) {
    case 'placed':
      return afterPlace(state, new Set(answer.missing))
    case 'checked':
      return answer.missing.length === 0 ? advance(state) : again(state, { kind: 're-read-head', lost: answer.missing })
    case 'head':
      return afterHead(state, answer.head)
    case 'foreign-entry':
      return done({ kind: 'view-foreign', version: answer.version })
    case 'entry-missing':
      return again(state, { kind: 'begin-view', head: state.input.head })
    case 'overtaken':
      return again(state, { kind: 're-read-head', lost: [] })
    case 'performed':
      return advance(state)
  }
}

/** A staged copy that is not there: another run placed it and cleaned up after itself, so it must lie in its place. */
function afterPlace(state: FinishState, missing: ReadonlySet<string>): FinishStep {
  if (state.pending.kind !== 'place') return advance(state)
  const { place } = state.input
  const copied = state.pending.files.filter(({ path }) => !missing.has(path))
  const known = {
    ...state,
    placed: [...state.placed, ...copied.map(({ path }) => path)],
    staged: [...state.staged, ...copied.map(({ path, txnId }) => stagedKey(place, txnId, path))],
  }
  if (missing.size === 0) return advance(known)
  return again(known, { kind: 'check', files: [...missing].map((path) => ({ path, key: dataKey(place, path) })) })
}

/** A file is neither staged nor placed: the head has moved on and that run deleted it, or it is lost. */
function afterHead(state: FinishState, head: Snapshot | null): FinishStep {
  if (head === null) return done({ kind: 'log-lost' })
  const [path] = state.pending.kind === 're-read-head' ? state.pending.lost : []
  if (path === undefined || head.version !== state.input.head.version) return startOver({ ...state.input, head }, state)
  return done({ kind: 'file-lost', version: head.version, path })
}

function again(state: FinishState, pending: FinishCall): FinishStep {
  return call({ ...state, pending }, pending)
}
