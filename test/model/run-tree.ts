import type { StateRow } from '../../src/state/state-store.ts'
import { type Happening, type Instance, type Outcome, type Setting, startInstance } from './instance.ts'
import { type Call, type Found, numberOf, type Value } from './world.ts'

/** The state of a run: all that has happened to it. Equal histories are one node. */
export type RunNode = {
  readonly setting: Setting
  readonly number: number
  readonly parent: RunNode | null
  readonly what: Happening | null
  readonly nowMs: number
  /** None of its calls has failed. */
  readonly isLucky: boolean
  readonly children: Map<string, RunNode>
  /** What the code does after that; null until somebody asked. */
  known: Known | null
  /** The code itself, standing there, until it goes on to a child. */
  instance: Instance | null
}

export type Known = {
  readonly waiting: ReadonlyMap<number, Call>
  readonly committed: readonly number[]
  readonly renews: boolean
  readonly outcome: Outcome | null
}

let nodes = 0
export const nodesMade = () => nodes

export function rootOf(setting: Setting, nowMs: number): RunNode {
  return newNode(setting, null, null, nowMs)
}

export function childOf(parent: RunNode, what: Happening, nowMs: number): RunNode {
  const key = `${happeningText(what)} ${String(nowMs)}`
  const found = parent.children.get(key)
  if (found !== undefined) return found
  const made = newNode(parent.setting, parent, what, nowMs)
  parent.children.set(key, made)
  return made
}

/**
 * What the run does at a node. Where the code stands at the parent it goes on from there; else it is begun anew and all that
 * has happened to it happens again.
 */
export async function known(node: RunNode): Promise<Known> {
  if (node.known !== null) return node.known
  const instance = await instanceAt(node)
  const { waiting, committed, renews, outcome } = instance
  const outcomeNow = outcome()
  node.known = { waiting: new Map(waiting), committed: [...committed], renews: renews(), outcome: outcomeNow }
  node.instance = outcomeNow === null ? instance : null
  return node.known
}

async function instanceAt(node: RunNode): Promise<Instance> {
  if (node.parent === null) return startInstance(node.setting, node.nowMs)
  const instance = node.parent.instance ?? (await replayed(node.parent))
  node.parent.instance = null
  await instance.happen(node.what as Happening, node.nowMs)
  return instance
}

async function replayed(node: RunNode): Promise<Instance> {
  const path: RunNode[] = []
  let root = node
  for (; root.parent !== null; root = root.parent) path.push(root)
  const instance = await startInstance(root.setting, root.nowMs)
  for (const { what, nowMs } of path.reverse()) await instance.happen(what as Happening, nowMs)
  return instance
}

function newNode(setting: Setting, parent: RunNode | null, what: Happening | null, nowMs: number): RunNode {
  const isLucky = parent?.isLucky !== false && what?.kind !== 'failure'
  return { setting, number: nodes++, parent, what, nowMs, isLucky, children: new Map(), known: null, instance: null }
}

function happeningText(what: Happening): string {
  switch (what.kind) {
    case 'answer':
      return `${String(what.at)} ${valueText(what.value)}`
    case 'failure':
      return `${String(what.at)} failure ${String(what.maybeApplied)}`
    case 'renewal':
      return 'renewal'
  }
}

function valueText(value: Value): string {
  if (value === null || typeof value === 'string') return String(value)
  if (Array.isArray(value)) return (value as readonly Found[]).map(foundText).join(' ')
  if ('body' in value && 'key' in value) return foundText(value as Found)
  return `row ${String(numberOfRow(value as StateRow))}`
}

const foundText = ({ key, body }: Found) => `${String(numberOf(key))}:${String(numberOf(body))}`

const rowNumbers = new WeakMap<StateRow, number>()

function numberOfRow(row: StateRow): number {
  const number = rowNumbers.get(row) ?? numberOf(JSON.stringify(row))
  rowNumbers.set(row, number)
  return number
}
