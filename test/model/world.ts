import { compareBytes } from '../../src/domain.ts'
import type { PutCondition } from '../../src/objects/object-store.ts'
import { changed, meets } from '../../src/state/same-json.ts'
import type { RowChange, RowCondition, StateRow } from '../../src/state/state-store.ts'

/** Everything that runs share, as plain data: the lake's objects (key → content), the table's row, and the time. */
export type World = {
  readonly objects: ReadonlyMap<string, string>
  readonly row: StateRow
  /** Objects that a run wrote while another held the table, or nobody did, and which run that was. No run can see this. */
  readonly strays: ReadonlyMap<string, string>
  /** Time goes in steps, each longer than a lease lasts. */
  readonly tick: number
  /** The number of this world: equal worlds have equal numbers, whatever way led there. */
  readonly number: number
}

/** One call of a run, as the world sees it. */
export type Call =
  | { readonly verb: 'list'; readonly prefix: string; readonly after: string }
  | { readonly verb: 'head' | 'get'; readonly key: string }
  | { readonly verb: 'put'; readonly key: string; readonly body: string; readonly condition: PutCondition }
  | { readonly verb: 'copy'; readonly from: string; readonly to: string }
  | { readonly verb: 'delete'; readonly keys: readonly string[] }
  | { readonly verb: 'read-row' }
  | { readonly verb: 'write-row'; readonly change: RowChange; readonly condition: RowCondition }
  | { readonly verb: 'probe'; readonly pid: number }
  | { readonly verb: 'sleep'; readonly ms: number }

export type Found = { readonly key: string; readonly body: string }

/** What a call comes back with; null stands for "nothing there" and for "done". */
export type Value = string | StateRow | Found | readonly Found[] | null

export type Effect = { readonly world: World; readonly value: Value }

export function isWrite({ verb }: Call): boolean {
  return verb === 'put' || verb === 'copy' || verb === 'delete' || verb === 'write-row'
}

/** Does a call in one moment. A `copy` and a `delete` of several keys take more than one: see `proceeded` in `moves.ts`. */
export function perform(world: World, call: Call): Effect {
  switch (call.verb) {
    case 'list': {
      const keys = [...world.objects.keys()].filter((key) => key.startsWith(call.prefix) && key > call.after)
      return { world, value: keys.sort(compareBytes).map((key) => found(world, key) as Found) }
    }
    case 'head':
    case 'get':
      return { world, value: found(world, call.key) }
    case 'put':
      if (!allows(call.condition, found(world, call.key))) return { world, value: 'precondition-failed' }
      return { world: withObject(world, call.key, call.body), value: 'stored' }
    case 'copy': {
      const source = found(world, call.from)
      if (source === null) return { world, value: 'missing' }
      return { world: withObject(world, call.to, source.body), value: 'copied' }
    }
    case 'delete':
      return { world: call.keys.reduce(withoutObject, world), value: null }
    case 'read-row':
      return { world, value: world.row }
    case 'write-row':
      if (!meets(world.row, call.condition)) return { world, value: 'condition-failed' }
      return { world: withRow(world, changed(world.row, call.change)), value: 'updated' }
    case 'probe':
    case 'sleep':
      return { world, value: null }
  }
}

/** Of an object's content: equal contents have equal ones. */
export const etagOf = (body: string) => `e${String(numberOf(body))}`

export const newWorld = (row: StateRow): World => numbered({ objects: new Map(), strays: new Map(), row, tick: 0 })
export const withRow = (world: World, row: StateRow): World => numbered({ ...world, row })
export const ticked = (world: World, ticks = 1): World => numbered({ ...world, tick: world.tick + ticks })

export function withObject(world: World, key: string, body: string): World {
  return numbered({ ...world, objects: new Map(world.objects).set(key, body) })
}

export function withoutObject(world: World, key: string): World {
  if (!world.objects.has(key)) return world
  const [objects, strays] = [new Map(world.objects), new Map(world.strays)]
  objects.delete(key)
  strays.delete(key)
  return numbered({ ...world, objects, strays })
}

/** Notes whether the run that wrote an object held the table when it did. `late`: the run waited for it no more. */
export function attributed(
  world: World,
  key: string,
  { by, late }: { readonly by: string; readonly late: boolean },
): World {
  const { runId } = (world.row.Lease ?? { runId: '' }) as { readonly runId: string }
  const stray = runId.startsWith(by) ? undefined : late ? 'late' : by
  if (stray === world.strays.get(key)) return world
  const strays = new Map(world.strays)
  if (stray === undefined) strays.delete(key)
  else strays.set(key, stray)
  return numbered({ ...world, strays })
}

/** Every text gets a number once: a state is then a short list of numbers. */
export function numberOf(text: string): number {
  const known = numbers.get(text)
  if (known !== undefined) return known
  numbers.set(text, numbers.size)
  return numbers.size - 1
}

const numbers = new Map<string, number>()
const worlds = new Map<number, World>()

/** Equal worlds are one object. */
function numbered({ objects, strays, row, tick }: Omit<World, 'number'>): World {
  const stored = [...objects].map(([key, body]) => `${String(numberOf(key))}:${String(numberOf(body))}`).sort()
  const attributes = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))
  const texts = [
    ...stored,
    [...strays]
      .map(([key, by]) => `${by}:${String(numberOf(key))}`)
      .sort()
      .join(),
    String(numberOf(JSON.stringify(attributes))),
    String(tick),
  ]
  const number = numberOf(`world ${texts.join(' ')}`)
  const world = worlds.get(number) ?? { objects, strays, row, tick, number }
  worlds.set(number, world)
  return world
}

function found({ objects }: World, key: string): Found | null {
  const body = objects.get(key)
  return body === undefined ? null : { key, body }
}

function allows(condition: PutCondition, standing: Found | null): boolean {
  switch (condition.kind) {
    case 'any':
      return true
    case 'absent':
      return standing === null
    case 'match':
      return standing !== null && etagOf(standing.body) === condition.etag
  }
}
