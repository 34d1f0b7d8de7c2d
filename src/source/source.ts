import type { Column, TableConfig, TableId } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import type { Form, ValueKind } from './forms.ts'

/** A column as the source has it. */
export type SourceColumn = {
  readonly name: string
  /** The source's own word for the type, for people. */
  readonly typeText: string
  /** Null: values that have no text both sides could agree on. */
  readonly kind: ValueKind | null
  /** It is the first column of an index, in the order of its numbers: a range of it is read without reading the table. */
  readonly ranged: boolean
  /** Keeps more than milliseconds of a time. */
  readonly finerThanMs: boolean
}

/** A column that both sides have, and the form in which they are compared. */
export type ComparedColumn = {
  readonly column: Column
  readonly source: SourceColumn
  readonly form: Form
  /** A partition column of text: the lake has NULL for an empty one. */
  readonly emptyIsNull: boolean
}

/** What is compared. Empty `keys`: whole rows, told apart by nothing but themselves. */
export type Comparison = {
  readonly keys: readonly ComparedColumn[]
  /** All columns, the keys first. */
  readonly columns: readonly ComparedColumn[]
  /** The key column by whose ranges the table is read; null: it is read as a whole. */
  readonly lead: ComparedColumn | null
  /** A range falls into 2^bucketBits buckets, by hash of the key (of the row, where there is no key). */
  readonly bucketBits: number
}

/** `from <= lead < to`, decimal text; null is open. A NULL lead belongs to the range that is open below. */
export type KeyRange = { readonly from: string | null; readonly to: string | null }

/** The key columns' texts as hex, null for NULL. */
export type KeyTexts = readonly (string | null)[]

/**
 * The table in the database that the lake is held against: one connection, bounded reads, nothing written. What it gives are lines
 * of comma-separated fields that need no quotes; hex fields begin with an x and are empty for NULL.
 * Throws `unavailable` where it cannot be reached, `invalid-config` where it refuses or lacks the table.
 */
export type Source = {
  /** For people; never a password. */
  readonly name: string
  /** Keys that one call of `rows` may ask for. */
  readonly keysAtOnce: number
  columns(): Promise<readonly SourceColumn[]>
  /** Where to cut the table so that a range holds about so many rows, ascending. */
  cuts(comparison: Comparison, rowsPerRange: number): Promise<readonly string[]>
  /** `bucket,rows,sum of the rows' 64-bit hashes`, buckets without rows left out. */
  digests(comparison: Comparison, range: KeyRange): Promise<readonly string[]>
  /** Of each row in the buckets: the key columns' texts as hex, then the print of every column, key columns included. */
  prints(comparison: Comparison, range: KeyRange, buckets: readonly number[]): AsyncIterable<readonly string[]>
  /** Of each row with one of the keys (others may be among them): the key columns' texts, then the value of every column, as hex. */
  rows(comparison: Comparison, keys: readonly KeyTexts[]): AsyncIterable<readonly string[]>
  /** Statements sent so far. */
  queries(): number
  close(): Promise<void>
}

/** Opens the source of one table; `columns` are the lake's. */
export type OpenSource = (table: {
  readonly id: TableId
  readonly config: TableConfig
  readonly columns: readonly Column[]
  readonly session: EngineSession
}) => Promise<Source>
