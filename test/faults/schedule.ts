import { type FaultKind, faultKinds, faultMeanings, type PortCall, timelessFaults } from '../support/faulty-ports.ts'
import { type Moment, momentsOf } from '../support/standing-still.ts'
import type { Scenario } from './scenarios.ts'

/**
 * One way in which a scenario can go. `at` counts the calls of the run that it happens to, from 0. A `race` has a second
 * run, `situation`, between the moment at which the first stands still at that call and the one at which it wakes.
 */
export type Schedule =
  | { readonly kind: 'fault'; readonly scenario: string; readonly fault: FaultKind; readonly at: number }
  | {
      readonly kind: 'race'
      readonly scenario: string
      readonly situation: Situation
      readonly moment: Moment
      readonly at: number
    }
  | { readonly kind: 'act'; readonly scenario: string; readonly act: Act; readonly at: number }
  /** A fault, after which the operator does not want any more what the run was about. */
  | { readonly kind: 'reversal'; readonly scenario: string; readonly fault: FaultKind; readonly at: number }
  /** Runs that each meet a fault, in a row; all of it follows from the seed. */
  | { readonly kind: 'storm'; readonly scenario: string; readonly seed: number }

export const situations = {
  'same-work': 'the run passes for dead; another does its work, and it wakes',
  'more-work': 'the run passes for dead; another file lands, another run takes both, and it wakes',
  'much-later': 'the run passes for dead; two more files land and two runs take them, and it wakes',
  'other-host':
    'nobody can tell whether the run is dead; another waits for its lease to end, takes its file and one more, and it wakes',
  'restored-then': 'the run passes for dead; an operator restores the first version, and it wakes',
  'taken-over': 'the command passes for dead; another file lands, a run takes the table over, and it wakes',
} as const
export type Situation = keyof typeof situations

export const acts = {
  land: 'another file lands under the run',
  'edit-cursor': 'an operator sets the cursor back under the run',
} as const
export type Act = keyof typeof acts

const reversal = 'the process ends or the call fails; then the operator takes back what the run was about'
const storm = 'three runs in a row that each meet a fault, chosen by a seed'

/** What can happen to a scenario, by the name that `--fault` takes, and what it means. */
export const meanings: Readonly<Record<string, string>> = { ...faultMeanings, ...situations, ...acts, reversal, storm }

export function nameOf(schedule: Schedule): string {
  switch (schedule.kind) {
    case 'fault':
      return `${schedule.scenario}/${schedule.fault}@${String(schedule.at)}`
    case 'race':
      return `${schedule.scenario}/${schedule.situation}:${schedule.moment}@${String(schedule.at)}`
    case 'act':
      return `${schedule.scenario}/${schedule.act}@${String(schedule.at)}`
    case 'reversal':
      return `${schedule.scenario}/reversal:${schedule.fault}@${String(schedule.at)}`
    case 'storm':
      return `${schedule.scenario}/storm@${String(schedule.seed)}`
  }
}

/** What `--fault` and the certificate call it. */
export function faultOf(schedule: Schedule): string {
  switch (schedule.kind) {
    case 'fault':
      return schedule.fault
    case 'race':
      return schedule.situation
    case 'act':
      return schedule.act
    case 'reversal':
    case 'storm':
      return schedule.kind
  }
}

/** Every schedule of a scenario whose undisturbed run makes these calls, and as many storms as are asked for. */
export function schedulesOf(
  { name: scenario, takenBack, ...about }: Scenario,
  calls: readonly PortCall[],
  { seed, storms }: { readonly seed: number; readonly storms: number },
): readonly Schedule[] {
  const reversed = takenBack === undefined ? [] : timelessFaults
  const single = calls.flatMap((call, at): Schedule[] => [
    ...faultKinds(call).map((fault) => ({ kind: 'fault', scenario, fault, at }) as const),
    ...(Object.keys(situations) as Situation[]).flatMap((situation) =>
      momentsOf(call).map((moment) => ({ kind: 'race', scenario, situation, moment, at }) as const),
    ),
    ...(Object.keys(acts) as Act[]).map((act) => ({ kind: 'act', scenario, act, at }) as const),
    ...faultKinds(call).flatMap((fault) =>
      reversed.includes(fault) ? [{ kind: 'reversal', scenario, fault, at } as const] : [],
    ),
  ])
  const without = leftOutOf(about)
  return [
    ...single.filter((schedule) => !without.includes(faultOf(schedule))),
    ...Array.from({ length: storms }, (_, n) => ({ kind: 'storm', scenario, seed: seed + n }) as const),
  ]
}

function leftOutOf({
  restorable,
  leavesInactive,
  landsAfter,
  without = [],
}: Omit<Scenario, 'name' | 'takenBack'>): readonly string[] {
  const leftOut: readonly (Situation | Act)[] = [
    ...(restorable ? [] : (['restored-then'] as const)),
    ...(leavesInactive ? [] : (['taken-over'] as const)),
    ...(landsAfter ? (['land'] as const) : []),
  ]
  return [...without, ...leftOut]
}

export const isCommit = ({ verb, target }: PortCall) =>
  verb === 'put' && /_dmscdc\/.*_delta_log\/\d+\.json$/u.test(target)
