/**
 * What the lake must hold, by the contract alone: the last change per key, in landing order. Knows nothing of files,
 * batches, commits or SQL. Cells are text as the engine prints them, null for NULL, so that every type compares exactly.
 */
export type Cell = string | null
export type Row = { readonly [column: string]: Cell }

export type Change = {
  readonly op: 'I' | 'U' | 'D'
  readonly row: Row
  /** Before-images of key columns; null or absent where DMS filled none. */
  readonly before?: Row
}

export type OracleTable = {
  /** Empty: a table without a key. */
  readonly keyColumns: readonly string[]
  /** Partition columns of text type: '' is NULL from the start. */
  readonly emptyIsNull: readonly string[]
  /** Changes apply in the order of this column's values first; NULL, or none at all, is lower than any. */
  readonly sequence?: { readonly column: string; readonly isNumber: boolean }
}

/** Keyed: by the text of the key. Without a key: every row under a name of its own. */
export type Contents = ReadonlyMap<string, Row>

export type Counts = {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  readonly unchanged: number
  readonly ignored: number
}

/** The order in which changes apply that came in landing order. It decides alike whatever run they came in. */
export function inSequence({ sequence, keyColumns }: OracleTable, changes: readonly Change[]): readonly Change[] {
  if (sequence === undefined || keyColumns.length === 0) return changes
  const sequenceValue = ({ row }: Change) => row[sequence.column] ?? null
  const compare = (a: string, b: string) =>
    sequence.isNumber ? Math.sign(Number(digits(a) - digits(b))) : Buffer.compare(Buffer.from(a), Buffer.from(b))
  return changes.toSorted((left, right) => {
    const [a, b] = [sequenceValue(left), sequenceValue(right)]
    if (a === null || b === null) return Number(a !== null) - Number(b !== null)
    return compare(a, b)
  })
}

/** Numbers of one scale compare as whole ones. */
const digits = (text: string) => BigInt(text.replace('.', ''))

/** The table once these changes, in this order, are applied to what it held. */
export function applied(table: OracleTable, held: Contents, changes: readonly Change[]): Contents {
  const contents = new Map(held)
  for (const change of changes) {
    const row = normal(table, change.row)
    if (table.keyColumns.length === 0) {
      if (change.op === 'I') contents.set(`row ${String(contents.size)}`, row)
      continue
    }
    for (const key of keysOf(table, change)) contents.delete(key)
    if (change.op !== 'D') contents.set(keyText(table, row), row)
  }
  return contents
}

/** What a batch of changes comes to, by key: the difference of the contents before and after it. */
export function countsOf(table: OracleTable, before: Contents, after: Contents, batch: readonly Change[]): Counts {
  if (table.keyColumns.length === 0) {
    const inserted = batch.filter(({ op }) => op === 'I').length
    return { inserted, updated: 0, deleted: 0, unchanged: 0, ignored: batch.length - inserted }
  }
  const counts = { inserted: 0, updated: 0, deleted: 0, unchanged: 0, ignored: 0 }
  for (const key of new Set(batch.flatMap((change) => keysOf(table, change)))) {
    const [was, is] = [before.get(key), after.get(key)]
    if (was === undefined && is !== undefined) counts.inserted++
    else if (was !== undefined && is === undefined) counts.deleted++
    else if (was !== undefined && is !== undefined && !sameRow(was, is)) counts.updated++
    else counts.unchanged++
  }
  return counts
}

/** The rows in one order and one form, to be compared as a whole; a column that a row lacks is NULL. */
export function canonical(rows: Iterable<Row>, columns: readonly string[]): readonly string[] {
  return [...rows].map((row) => JSON.stringify(columns.map((column) => row[column] ?? null))).sort()
}

/** The key that the change names, and the one that it leaves: filled before-images differ from the row's own values. */
function keysOf(table: OracleTable, { op, row, before }: Change): readonly string[] {
  const own = keyText(table, normal(table, row))
  if (op !== 'U' || before === undefined) return [own]
  const filled = Object.entries(before).filter(([, value]) => value !== null)
  return [keyText(table, normal(table, { ...row, ...Object.fromEntries(filled) })), own]
}

function keyText(table: OracleTable, row: Row): string {
  return JSON.stringify(table.keyColumns.map((column) => row[column] ?? null))
}

function normal(table: OracleTable, row: Row): Row {
  const cells = Object.entries(row).map(([column, value]) => [
    column,
    value === '' && table.emptyIsNull.includes(column) ? null : value,
  ])
  return Object.fromEntries(cells) as Row
}

function sameRow(a: Row, b: Row): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every(
    (column) => (a[column] ?? null) === (b[column] ?? null),
  )
}
