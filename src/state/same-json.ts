import type { RowChange, RowCondition, StateRow } from './state-store.ts'

/** Equality of JSON values: order of attributes does not count, and an attribute that is `undefined` is absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
  if (!isMap(a) || !isMap(b)) return false
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => sameJson(own(a, name), own(b, name)))
}

export function meets(row: StateRow, condition: RowCondition): boolean {
  return Object.entries(condition).every(([name, expected]) => sameJson(own(row, name), expected))
}

/** The row with the change applied; untouched attributes keep their place. */
export function changed(row: StateRow, change: RowChange): StateRow {
  const removed = new Set(change.remove)
  const kept = Object.entries(row).filter(([name]) => !removed.has(name))
  return Object.fromEntries([...kept, ...Object.entries(change.set ?? {})])
}

export function isMap(value: unknown): value is StateRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function own(map: StateRow, name: string): unknown {
  return Object.hasOwn(map, name) ? map[name] : undefined
}
