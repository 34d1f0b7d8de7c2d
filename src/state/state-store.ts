import type { TableId } from '../domain.ts'

/** One table's row as it is stored: attribute names and plain values (text, number, boolean, lists and maps of them). */
export type StateRow = { readonly [attribute: string]: unknown }

export type StateItem = {
  readonly id: TableId
  readonly path: string
  /** Null when the row is there but cannot be read (a file that is not a JSON object); `damage` then says why. */
  readonly row: StateRow | null
  readonly damage: string | null
}

/** Sets and removes attributes; all others stay as they are. */
export type RowChange = { readonly set?: StateRow; readonly remove?: readonly string[] }

/** Attribute → the value it must have now; `undefined` means that the attribute must be absent. */
export type RowCondition = { readonly [attribute: string]: unknown }

/**
 * The rows of one landing's tables. Every adapter passes `test/conformance/state-store.ts`.
 * Reads are consistent; every write is conditional and atomic; a failed read throws `unavailable`, it never looks like an absent row.
 */
export type StateStore = {
  /** How people write this place: `file:///dir/` or `dynamodb://Table`. */
  readonly url: string
  list(): Promise<readonly StateItem[]>
  get(id: TableId): Promise<StateItem | null>
  /** Stores the row only if there is none for its table. */
  register(id: TableId, row: StateRow): Promise<'registered' | 'exists'>
  /** Applies the change only if the row exists and meets the condition. */
  update(id: TableId, change: RowChange, condition: RowCondition): Promise<'updated' | 'condition-failed'>
}
