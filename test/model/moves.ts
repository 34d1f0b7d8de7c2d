import { deltaViewPrefix, lastCheckpointKey, logPrefix, manifestPrefix, tablePlace } from '../../src/lake/keys.ts'
import { callNumber, callText, valueText } from './call-text.ts'
import type { Happening } from './instance.ts'
import { childOf, type RunNode } from './run-tree.ts'
import { type Budget, editedRow, id, type Scenario, startMs, tickMs } from './scenario.ts'
import {
  attributed,
  type Call,
  type Effect,
  isWrite,
  perform,
  ticked,
  type Value,
  type World,
  withRow,
} from './world.ts'

export type RunState = {
  readonly node: RunNode
  readonly isDead: boolean
  /** Calls that the store has begun: a copy that has read (its content), a delete that has deleted (how many keys). */
  readonly begun: ReadonlyMap<number, string>
}

/** A write whose run waits for it no more. */
export type LateCall = { readonly by: string; readonly call: Call }

/** One state of the whole: the world, each run, what is on its way without a caller, and what may still go wrong. */
export type State = {
  readonly world: World
  readonly runs: readonly RunState[]
  readonly late: readonly LateCall[]
  readonly left: Budget
}

/** One step of one run or of the surroundings; `call` had its effect in it. */
export type Move = { readonly label: string; readonly next: State; readonly call: Call | null }

const place = tablePlace(id)
const log = logPrefix(place)

/** All that can happen next. `known` tells the calls that a run waits for. */
export function movesOf(scenario: Scenario, state: State): readonly Move[] {
  const settled = state.runs.flatMap((run, at) => sameForAll(scenario, state, run, at))
  const [first] = settled
  if (first !== undefined) return [first]
  return [
    ...surroundings(state),
    ...state.late.map((late, at) => landing(state, late, at)),
    ...state.runs.flatMap((run, at) => movesOfRun(scenario, state, run, at)),
  ]
}

/** The calls that were sent and have no answer yet, of runs too that are never heard of again. */
export function onTheirWay({ runs, late }: State): readonly Call[] {
  return [
    ...late.map(({ call }) => call),
    ...runs.flatMap((run) => (isGoing(run) ? waitingOf(run).map(([, call]) => call) : [])),
  ]
}

const isGoing = ({ node, isDead }: RunState) => !isDead && node.known?.outcome === null
const waitingOf = ({ node }: RunState) => [...(node.known?.waiting ?? [])]

/**
 * The read of a log entry that is there, or of what nobody ever writes, gives the same whenever it is done and changes nothing, so
 * its place among the other moves makes no difference: it is done at once, alone.
 */
function sameForAll(scenario: Scenario, state: State, run: RunState, at: number): readonly Move[] {
  if (!isGoing(run)) return []
  const found = waitingOf(run).find(([, call]) => isSettled(scenario, state.world, call))
  return found === undefined ? [] : [answered(scenario, state, at, found[0], found[1])]
}

function isSettled({ publish }: Scenario, { objects }: World, call: Call): boolean {
  if (call.verb === 'list')
    return call.prefix === deltaViewPrefix(place) || (publish === '' && call.prefix === manifestPrefix(place))
  if (call.verb !== 'get' && call.verb !== 'head') return false
  return call.key === lastCheckpointKey(log) || (call.key.startsWith(log) && objects.has(call.key))
}

function surroundings(state: State): readonly Move[] {
  const { world, left } = state
  const lapse = { label: 'all leases lapse', next: { ...state, world: ticked(world), left: spent(left, 'lapses') } }
  const edited = { ...state, world: withRow(world, editedRow(world.row)), left: spent(left, 'edits') }
  const isEditable =
    world.row.Version !== undefined && world.row.LastIncrementalFile === world.row.MirroredIncrementalFile
  return [
    ...(left.lapses > 0 && world.row.Lease !== undefined ? [{ ...lapse, call: null }] : []),
    ...(left.edits > 0 && isEditable ? [{ label: 'the operator sets the cursor back', next: edited, call: null }] : []),
  ]
}

function landing(state: State, { by, call }: LateCall, at: number): Move {
  const late = state.late.filter((_, other) => other !== at)
  const { world, value } = performedBy(by, state.world, call, { late: true })
  return { label: `${by}, late: ${callText(call)} -> ${valueText(value)}`, next: { ...state, world, late }, call }
}

function movesOfRun(scenario: Scenario, state: State, run: RunState, at: number): readonly Move[] {
  if (!isGoing(run)) return []
  const { left } = state
  const calls = waitingOf(run).flatMap(([number, call]) => movesOfCall(scenario, state, at, number, call))
  const renewal = { ...happened(scenario, state, at, { kind: 'renewal' }), left: spent(left, 'renewals') }
  const name = run.node.setting.name
  return [
    ...calls,
    ...(left.renewals > 0 && run.node.known?.renews
      ? [{ label: `${name} is to renew its lease`, next: renewal, call: null }]
      : []),
    ...(left.deaths > 0 ? [{ label: `${name} dies`, next: died(state, at), call: null }] : []),
  ]
}

function movesOfCall(scenario: Scenario, state: State, at: number, number: number, call: Call): readonly Move[] {
  const run = state.runs[at] as RunState
  const { left } = state
  if (call.verb === 'sleep') return wakings(scenario, state, at, number, call.ms)
  if (call.verb === 'probe') return [answered(scenario, state, at, number, call)]
  const name = run.node.setting.name
  const failure = (maybeApplied: boolean): Happening => ({ kind: 'failure', at: number, maybeApplied })
  const begun = run.begun.has(number)
  const moves: Move[] = [proceeded(scenario, state, at, number, call)]
  if (left.refusals > 0 && !begun)
    moves.push({
      label: `${name}: ${callText(call)} is refused`,
      next: { ...happened(scenario, state, at, failure(false)), left: spent(left, 'refusals') },
      call: null,
    })
  if (left.losses > 0 && isWrite(call))
    moves.push({
      label: `${name}: the answer to ${callText(call)} is lost`,
      next: {
        ...happened(scenario, state, at, failure(true)),
        late: inOrder([...state.late, ...restOf(state.world, run, number, call)]),
        left: spent(left, 'losses'),
      },
      call: null,
    })
  return moves
}

/** Who waits for the end of a lease wakes when the lease is free, or when all leases have lapsed. */
function wakings(scenario: Scenario, state: State, at: number, number: number, ms: number): readonly Move[] {
  const waits = ms >= 3_000
  const name = (state.runs[at] as RunState).node.setting.name
  const later = waits && state.world.row.Lease !== undefined ? ticked(state.world) : state.world
  const what = { kind: 'answer', at: number, value: null } as const
  return [
    {
      label: `${name} has slept`,
      next: happened({ ...scenario, stoppedClocks: [] }, { ...state, world: later }, at, what),
      call: null,
    },
  ]
}

/** A copy reads in one moment and writes in another; a delete takes one key after the other. */
function proceeded(scenario: Scenario, state: State, at: number, number: number, call: Call): Move {
  const run = state.runs[at] as RunState
  const name = run.node.setting.name
  const begun = run.begun.get(number)
  if (call.verb === 'copy') {
    const source = state.world.objects.get(call.from)
    if (begun !== undefined) {
      const { world } = performedBy(name, state.world, partOf(call, begun), { late: false })
      const next = happened(scenario, { ...state, world }, at, { kind: 'answer', at: number, value: 'copied' })
      return { label: `${name}: ${callText(call)} has written`, next, call }
    }
    if (source === undefined) return answered(scenario, state, at, number, call)
    const next = withRun(state, at, { ...run, begun: new Map(run.begun).set(number, source) })
    return { label: `${name}: ${callText(call)} has read`, next, call: null }
  }
  if (call.verb === 'delete') {
    const done = Number(begun ?? 0)
    const one = partOf(call, String(done))
    const { world } = performedBy(name, state.world, one, { late: false })
    const label = `${name}: ${callText(one)}`
    if (done + 1 >= call.keys.length)
      return {
        label,
        next: happened(scenario, { ...state, world }, at, { kind: 'answer', at: number, value: null }),
        call: one,
      }
    const more = new Map(run.begun).set(number, String(done + 1))
    return { label, next: withRun({ ...state, world }, at, { ...run, begun: more }), call: one }
  }
  return answered(scenario, state, at, number, call)
}

function answered(scenario: Scenario, state: State, at: number, number: number, call: Call): Move {
  const name = (state.runs[at] as RunState).node.setting.name
  const { world, value } =
    call.verb === 'probe' ? probed(scenario, state, call.pid) : performedBy(name, state.world, call, { late: false })
  const next = happened(scenario, { ...state, world }, at, { kind: 'answer', at: number, value })
  return { label: `${name}: ${callText(call)} -> ${valueText(value)}`, next, call }
}

function probed({ hosts }: Scenario, { world, runs }: State, pid: number): { world: World; value: Value } {
  const holder = runs.find(({ node }) => node.setting.pid === pid)
  const value = hosts === 'many' ? 'unknown' : holder !== undefined && isGoing(holder) ? 'alive' : 'dead'
  return { world, value }
}

/** Worlds and calls come again and again, and a call is always the same run's. */
function performedBy(by: string, before: World, call: Call, { late }: { readonly late: boolean }): Effect {
  const effectsKnown = late ? lateEffects : effects
  const ofWorld = effectsKnown.get(before) ?? new Map<Call, Effect>()
  const known = ofWorld.get(call)
  if (known !== undefined) return known
  const { world, value } = perform(before, call)
  const isStored = call.verb === 'put' && value === 'stored' && call.key.endsWith('.parquet')
  const effect = { world: isStored ? attributed(world, call.key, { by, late }) : world, value }
  effectsKnown.set(before, ofWorld.set(call, effect))
  return effect
}

const effects = new WeakMap<World, Map<Call, Effect>>()
const lateEffects = new WeakMap<World, Map<Call, Effect>>()

/** A copy's write of what it has read, or the delete of one key of several, as a call of its own. */
function partOf(call: Extract<Call, { verb: 'copy' | 'delete' }>, which: string): Call {
  const parts = partsKnown.get(call) ?? new Map<string, Call>()
  const part: Call =
    parts.get(which) ??
    (call.verb === 'copy'
      ? { verb: 'put', key: call.to, body: which, condition: { kind: 'any' } }
      : { verb: 'delete', keys: call.keys.slice(Number(which), Number(which) + 1) })
  partsKnown.set(call, parts.set(which, part))
  return part
}

const partsKnown = new WeakMap<Call, Map<string, Call>>()

/** What is left of a call when nobody waits for it any more: each part may have its effect by itself. */
function restOf(world: World, run: RunState, number: number, call: Call): readonly LateCall[] {
  return partsOf(world, run.begun.get(number), call).map((part) => ({ by: run.node.setting.name, call: part }))
}

function partsOf(world: World, already: string | undefined, call: Call): readonly Call[] {
  if (call.verb === 'delete')
    return call.keys.flatMap((_, at) => (at < Number(already ?? 0) ? [] : [partOf(call, String(at))]))
  if (call.verb !== 'copy') return [call]
  const body = already ?? world.objects.get(call.from)
  return body === undefined ? [] : [partOf(call, body)]
}

function died(state: State, at: number): State {
  const run = state.runs[at] as RunState
  const rest = waitingOf(run).flatMap(([number, call]) => (isWrite(call) ? restOf(state.world, run, number, call) : []))
  const dead = { ...run, isDead: true, begun: new Map<number, string>() }
  return { ...withRun(state, at, dead), late: inOrder([...state.late, ...rest]), left: spent(state.left, 'deaths') }
}

function happened(scenario: Scenario, state: State, at: number, what: Happening): State {
  const run = state.runs[at] as RunState
  const begun = new Map(run.begun)
  if (what.kind !== 'renewal') begun.delete(what.at)
  return withRun(state, at, { ...run, begun, node: childOf(run.node, what, nowOf(scenario, run, state.world)) })
}

/** A clock that stands still goes on while its run sleeps: else it would wait for ever for the end of another's lease. */
function nowOf({ stoppedClocks }: Scenario, { node }: RunState, { tick }: World): number {
  return stoppedClocks.includes(node.setting.name) ? node.nowMs : startMs + tick * tickMs
}

function withRun(state: State, at: number, run: RunState): State {
  return { ...state, runs: state.runs.map((other, number) => (number === at ? run : other)) }
}

const spent = (left: Budget, what: keyof Budget): Budget => ({ ...left, [what]: left[what] - 1 })
const inOrder = (calls: readonly LateCall[]) => [...calls].sort((a, b) => callNumber(a.call) - callNumber(b.call))
