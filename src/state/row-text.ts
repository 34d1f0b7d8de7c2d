import { DmscdcError } from '../errors.ts'
import { isMap } from './same-json.ts'
import type { StateRow } from './state-store.ts'

/** A row as one edits it by hand: JSON, one attribute a line. */
export function rowText(row: StateRow): string {
  return `${JSON.stringify(row, null, 2)}\n`
}

/** Reads what `rowText` or an operator's editor wrote; `damage` says why it is no row. */
export function parseRow(text: string): { readonly row: StateRow | null; readonly damage: string | null } {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/u, ''))
    return isMap(value)
      ? { row: value, damage: null }
      : { row: null, damage: 'it is JSON, but not an object of attributes' }
  } catch (thrown) {
    return { row: null, damage: `it is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  }
}

/** For a change of a row that nobody can read. `where` is the row's file. */
export function damagedRow(where: string, damage: string): DmscdcError {
  return new DmscdcError('invalid-config', `state row ${where}: ${damage}; expected one JSON object`, {
    hint: `mend ${where} by hand, or delete it: the next run registers the table again`,
  })
}
