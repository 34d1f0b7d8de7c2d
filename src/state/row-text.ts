import { DmscdcError } from '../errors.ts'
import { limits } from '../limits.ts'
import { isMap } from './same-json.ts'
import type { StateRow } from './state-store.ts'

/** A row as one edits it by hand: JSON, one attribute a line. */
export function rowText(row: StateRow): string {
  return `${JSON.stringify(row, null, 2)}\n`
}

/** Reads what `rowText` or an operator's editor wrote; `damage` says why it is no row. */
export function parseRow(text: string): { readonly row: StateRow | null; readonly damage: string | null } {
  if (Buffer.byteLength(text) > limits.rowBytes) return damaged(`it has more than ${String(limits.rowBytes)} bytes`)
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/u, ''))
    if (!isMap(value)) return damaged('it is JSON, but not an object of attributes')
    if (isDeeper(value, limits.rowDepth)) return damaged(`it has more than ${String(limits.rowDepth)} levels`)
    return { row: value, damage: null }
  } catch (thrown) {
    return damaged(`it is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
}

const damaged = (damage: string) => ({ row: null, damage })

/** Ends at the limit, so that the depth of what is read cannot exhaust the stack. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

/** For a change of a row that nobody can read. `where` is the row's file. */
export function damagedRow(where: string, damage: string): DmscdcError {
  return new DmscdcError('invalid-config', `state row ${where}: ${damage}; expected one JSON object`, {
    hint: `mend ${where} by hand, or delete it: the next run registers the table again`,
  })
}
