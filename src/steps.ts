/**
 * A protocol as pure data: a machine says which call to make next, the thin loop makes it and hands back the answer.
 * State is plain immutable data, so a checker can copy it, interleave two machines, and script every answer.
 */
export type Step<State, Call, Result> =
  | { readonly kind: 'call'; readonly state: State; readonly call: Call }
  | { readonly kind: 'done'; readonly result: Result }

export type Machine<State, Call, Answer, Result> = {
  readonly start: Step<State, Call, Result>
  readonly next: (state: State, answer: Answer) => Step<State, Call, Result>
}

export const call = <State, Call>(state: State, call: Call) => ({ kind: 'call', state, call }) as const
export const done = <Result>(result: Result) => ({ kind: 'done', result }) as const

/** Drives a machine to its result. `perform` turns what a port throws into an answer where the machine has one for it. */
export async function drive<State, Call, Answer, Result>(
  machine: Machine<State, Call, Answer, Result>,
  perform: (call: Call) => Promise<Answer>,
): Promise<Result> {
  let step = machine.start
  while (step.kind === 'call') step = machine.next(step.state, await perform(step.call))
  return step.result
}
