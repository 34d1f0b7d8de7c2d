import { describe, expect, it } from 'vitest'
import { DmscdcError } from '../src/errors.ts'
import type { LeaseAnswer, LeaseCall, LeaseResult, LeaseState } from '../src/state/lease.ts'
import {
  conditionFailed,
  lost,
  noRow,
  play,
  probed,
  refused,
  row,
  slept,
  theirs,
  updated,
} from './support/lease-script.ts'

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
