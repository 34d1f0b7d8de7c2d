import { type FaultKind, faultKinds, faultMeanings, type PortCall } from '../support/faulty-ports.ts'

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

export const situations = {
  'same-work': 'the run passes for dead; another does its work, and it wakes',
  'more-work': 'the run passes for dead; another file lands, another run takes both, and it wakes',
  'much-later': 'the run passes for dead; two more files land and two runs take them, and it wakes',
  'other-host':
    'nobody can tell whether the run is dead; another waits for its lease to end, takes its file and one more, and it wakes',
} as const
export type Situation = keyof typeof situations

/** Where a run stands still: before a call, after it, or (a copy) when it has read and not yet written. */
export type Moment = 'before' | 'after' | 'amid'

export const acts = {
  land: 'another file lands under the run',
  'edit-cursor': 'an operator sets the cursor back under the run',
} as const
export type Act = keyof typeof acts

export const faultNames = [...Object.keys(faultMeanings), ...Object.keys(situations), ...Object.keys(acts)]

export function nameOf(schedule: Schedule): string {
  const at = String(schedule.at)
  switch (schedule.kind) {
    case 'fault':
      return `${schedule.scenario}/${schedule.fault}@${at}`
    case 'race':
      return `${schedule.scenario}/${schedule.situation}:${schedule.moment}@${at}`
    case 'act':
      return `${schedule.scenario}/${schedule.act}@${at}`
  }
}

/** What `--fault` and the certificate call it. */
export function faultOf(schedule: Schedule): string {
  return schedule.kind === 'fault' ? schedule.fault : schedule.kind === 'race' ? schedule.situation : schedule.act
}

/** Every schedule of a scenario whose undisturbed run makes these calls. */
export function schedulesOf(scenario: string, calls: readonly PortCall[]): readonly Schedule[] {
  return calls.flatMap((call, at) => [
    ...faultKinds(call).map((fault) => ({ kind: 'fault', scenario, fault, at }) as const),
    ...(Object.keys(situations) as Situation[]).flatMap((situation) =>
      momentsOf(call).map((moment) => ({ kind: 'race', scenario, situation, moment, at }) as const),
    ),
    ...(Object.keys(acts) as Act[]).map((act) => ({ kind: 'act', scenario, act, at }) as const),
  ])
}

export const isCommit = ({ verb, target }: PortCall) =>
  verb === 'put' && /_dmscdc\/.*_delta_log\/\d+\.json$/u.test(target)

function momentsOf({ writes, verb }: PortCall): readonly Moment[] {
  return ['before', ...(writes ? (['after'] as const) : []), ...(verb === 'copy' ? (['amid'] as const) : [])]
}
