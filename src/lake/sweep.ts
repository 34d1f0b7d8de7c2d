import type { Snapshot } from '../domain.ts'
import { call, done, type Machine, type Step } from '../steps.ts'
import type { CommitResult } from './commit.ts'
import { deleteKey, deleteName, stagedKey, stagedTxnId, type TablePlace } from './keys.ts'

export type SweepInput = {
  readonly place: TablePlace
  /** The version that the commit will follow; null before the first. */
  readonly head: Snapshot | null
  /** Of the run that sweeps: its own files are on their way. */
  readonly ownTxnId: string
}

export type SweepCall =
  /** What attempts stage, and the files of deletions that they write. */
  | { readonly kind: 'list-staging' }
  /** The run's own work commit, or an empty FENCE: after it no attempt that stems from an older head can win. */
  | { readonly kind: 'commit' }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }

export type SweepAnswer =
  | { readonly kind: 'listed'; readonly keys: readonly string[] }
  | { readonly kind: 'committed'; readonly result: CommitResult }
  | { readonly kind: 'deleted' }

export type SweepResult =
  /** Nothing without an owner; no commit was made. */
  | { readonly kind: 'clean' }
  | { readonly kind: 'swept'; readonly version: number; readonly keys: readonly string[] }
  /** The commit was not won, so what was listed may be another's and nothing was deleted. */
  | { readonly kind: 'void'; readonly result: CommitResult }

export type SweepState = { readonly input: SweepInput; readonly orphans: readonly string[]; readonly version: number }

/**
 * Deletes staged files, and files of deletions, that no commit names. The order is the safety: list, commit, then delete what was listed. A stalled
 * run's PUT for the next version may still be on its way, and only when that version is ours can its files not be
 * named any more. A run that starts after our commit is not in the list.
 */
export function sweepMachine(input: SweepInput): Machine<SweepState, SweepCall, SweepAnswer, SweepResult> {
  return { start: call({ input, orphans: [], version: -1 }, { kind: 'list-staging' }), next }
}

/** The listed keys that neither the head nor the run itself can need. */
export function orphanedKeys({ place, head, ownTxnId }: SweepInput, keys: readonly string[]): readonly string[] {
  const named = new Set([
    ...(head?.files ?? []).map(({ txnId, path }) => stagedKey(place, txnId, path)),
    ...(head?.progress.remembered?.files ?? []).map(({ name }) => deleteKey(place, name)),
    deleteKey(place, deleteName(ownTxnId)),
  ])
  return keys.filter((key) => !named.has(key) && stagedTxnId(place, key) !== ownTxnId)
}

function next(state: SweepState, answer: SweepAnswer): Step<SweepState, SweepCall, SweepResult> {
  switch (answer.kind) {
    case 'listed': {
      const orphans = orphanedKeys(state.input, answer.keys)
      return orphans.length === 0 ? done({ kind: 'clean' }) : call({ ...state, orphans }, { kind: 'commit' })
    }
    case 'committed': {
      const { result } = answer
      if (result.kind !== 'won') return done({ kind: 'void', result })
      return call({ ...state, version: result.version }, { kind: 'delete', keys: state.orphans })
    }
    case 'deleted':
      return done({ kind: 'swept', version: state.version, keys: state.orphans })
  }
}
