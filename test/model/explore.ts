import { callNumber } from './call-text.ts'
import { cleanRun, endCleanly } from './clean-run.ts'
import { checkEffect, checkRun } from './invariants.ts'
import { type Move, movesOf, onTheirWay, type State } from './moves.ts'
import { known, nodesMade, type RunNode, rootOf } from './run-tree.ts'
import { type Budget, firstRow, runNames, type Scenario, settingOf, startMs } from './scenario.ts'
import { type Invariant, Violation } from './violation.ts'
import { newWorld } from './world.ts'

export type Explored = {
  readonly scenario: string
  /** States that differ in the world, in what a run knows, or in what is on its way. */
  readonly states: number
  readonly transitions: number
  /** Worlds in each of which a clean run was let end what was left. */
  readonly worlds: number
  /** Different states of the runs alone. */
  readonly histories: number
  readonly broken: Counterexample | null
}

export type Counterexample = {
  readonly invariant: Invariant
  readonly found: string
  /** What happened, step by step. */
  readonly trace: readonly string[]
}

/** A state on the way to the one that is looked at, and the moves out of it. */
type Frame = { readonly label: string; readonly state: State; readonly moves: readonly Move[]; next: number }

/**
 * Every state that can be reached, each once: all runs' calls in every order, with everything that the budget lets go wrong. In
 * each of them the runs that have not ended may never be heard of again: so in each world a clean run is let work, long
 * after. Stops at the first broken invariant.
 */
export async function explore(scenario: Scenario, onProgress: (so: Explored) => void = () => {}): Promise<Explored> {
  const seen = new Map<string, readonly Budget[]>()
  const ended = new Set<string>()
  const nodesBefore = nodesMade()
  const path: Frame[] = []
  const ending: string[] = []
  let [states, transitions] = [0, 0]
  const so = (broken: Counterexample | null): Explored => {
    const histories = nodesMade() - nodesBefore
    return { scenario: scenario.name, states, transitions, worlds: ended.size, histories, broken }
  }
  const enter = async (label: string, state: State): Promise<void> => {
    const frame = { label, state, moves: [], next: 0 }
    path.push(frame)
    for (const run of state.runs) await learn(state, run)
    const key = keyOf(scenario, state)
    const met = seen.get(key) ?? []
    if (met.some((left) => covers(left, state.left))) return
    seen.set(key, [...met.filter((left) => !covers(state.left, left)), state.left])
    states++
    const edits = scenario.budget.edits - state.left.edits
    const endedWell = state.runs.flatMap(({ node, isDead }) => (!isDead && isWell(node) ? [node.setting.name] : []))
    const end = `${String(state.world.number)} ${String(edits)} ${endedWell.join()}`
    const onStep = (step: string) => ending.push(step)
    if (!ended.has(end)) await endCleanly(scenario, state.world, { edits, endedWell, onStep })
    ended.add(end)
    ending.length = 0
    const moves = movesOf(scenario, state)
    transitions += moves.length
    path[path.length - 1] = { ...frame, moves }
    if (states % 20_000 === 0) onProgress(so(null))
  }
  try {
    await enter('the runs begin', await firstState(scenario))
    for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
      const move = frame.moves[frame.next++]
      if (move === undefined) path.pop()
      else {
        const { state } = frame
        const effect = move.call && { before: state.world, after: move.next.world, call: move.call }
        ending.push(move.label)
        if (effect !== null) checkEffect(scenario, effect, onTheirWay(state))
        ending.length = 0
        await enter(move.label, move.next)
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof Violation)) throw thrown
    const { invariant, message } = thrown
    const trace = [...path.map(({ label }) => label), ...ending]
    return so({ invariant, found: message.slice(invariant.length + 2), trace })
  }
  return so(null)
}

/** The files that the scenario counts as taken are taken by clean runs; the others land after them. */
async function firstState(scenario: Scenario): Promise<State> {
  let world = newWorld(firstRow(scenario))
  if (scenario.taken > 0)
    world = (await cleanRun({ ...scenario, files: scenario.taken }, world, 'P', { onStep() {} })).ended
  const names = runNames.slice(0, scenario.runs)
  const settings = await Promise.all(names.map((name) => settingOf(scenario, name)))
  const runs = settings.map((setting) => ({ node: rootOf(setting, startMs), isDead: false, begun: new Map() }))
  return { world, runs, late: [], left: scenario.budget }
}

const isWell = ({ known, isLucky }: RunNode) => isLucky && known?.outcome?.error === null

/** What the code does at the node of a run, and whether what it says is so. */
async function learn({ world }: State, { node, isDead }: State['runs'][number]): Promise<void> {
  if (isDead || node.known !== null) return
  const { committed, outcome } = await known(node)
  checkRun(world, node.setting.name, committed, outcome)
}

/** Equal texts: the same can happen from here on. Of a run that has ended or died only whether it ended well counts. */
function keyOf({ budget }: Scenario, { world, runs, late, left }: State): string {
  const texts = runs.map(({ node, isDead, begun }) => {
    if (isDead || node.known?.outcome !== null) return isDead || !isWell(node) ? '-' : '+'
    return `${String(node.number)}${[...begun]
      .map(([call, how]) => `:${String(call)}=${how}`)
      .sort()
      .join('')}`
  })
  const lateText = late.map(({ by, call }) => `${by}${String(callNumber(call))}`).join('+')
  return `${String(world.number)} ${texts.join(' ')} ${lateText} ${String(budget.edits - left.edits)}`
}

/** Whoever has as much left of everything can come to all that the other can. */
function covers(left: Budget, other: Budget): boolean {
  return (Object.keys(other) as (keyof Budget)[]).every((what) => left[what] >= other[what])
}
