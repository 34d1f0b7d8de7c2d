import fc from 'fast-check'
import { applied, type Cell, type Change, type Contents, type OracleTable, type Row } from './oracle.ts'

/** What happens to one table: DMS writes, operators command, runs come. A number stands for a choice among what is there then. */
export type Operation =
  | { readonly kind: 'land'; readonly events: readonly Event[]; readonly late: number | null }
  /** A file that is passed over before any run takes it. */
  | { readonly kind: 'land-skipped'; readonly events: readonly Event[] }
  | { readonly kind: 'reload'; readonly rows: readonly Picks[] }
  /** By a cursor, once all that waits is taken. */
  | { readonly kind: 'load-again' }
  | { readonly kind: 'run' }
  /** `choice` odd: sorted by the key. */
  | { readonly kind: 'compact'; readonly choice: number }
  | { readonly kind: 'replay' | 'set-back' | 'restore'; readonly choice: number }
  /** Toggles the partition key. */
  | { readonly kind: 'partition' }
  /** From now on a column more, and a wider one. */
  | { readonly kind: 'widen' }

export type Event = {
  readonly op: 'I' | 'U' | 'D' | 'move'
  readonly row: Picks
  /** The key that a row moves to. */
  readonly to: number
}
export type Picks = { readonly id: number; readonly p: number; readonly n: number; readonly v: number }

/** Random, few keys and values so that changes meet each other; shrinks to short ones. */
export function operations(): fc.Arbitrary<readonly Operation[]> {
  const picks = fc.record({ id: fc.nat(5), p: fc.nat(2), n: fc.nat(3), v: fc.nat(99) })
  const event = fc.record({
    op: fc.constantFrom('I', 'U', 'D', 'move'),
    row: picks,
    to: fc.nat(5),
  }) as fc.Arbitrary<Event>
  const events = fc.array(event, { minLength: 1, maxLength: 4 })
  const choice = (kind: 'replay' | 'set-back' | 'restore' | 'compact') =>
    fc.record({ kind: fc.constant(kind), choice: fc.nat(99) })
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('land' as const), events, late: fc.constant(null) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('land' as const), events, late: fc.nat(99) }) },
    { weight: 6, arbitrary: fc.constant({ kind: 'run' as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('land-skipped' as const), events }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('reload' as const), rows: fc.array(picks, { maxLength: 4 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'load-again' as const }) },
    { weight: 3, arbitrary: choice('compact') },
    { weight: 4, arbitrary: choice('replay') },
    { weight: 4, arbitrary: choice('set-back') },
    { weight: 4, arbitrary: choice('restore') },
    { weight: 1, arbitrary: fc.constant({ kind: 'partition' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'widen' as const }) },
  )
  return fc.array(operation, { minLength: 4, maxLength: 16 })
}

export type LandedFile = {
  readonly kind: 'load' | 'change'
  readonly name: string
  /** The object's own date. */
  readonly dateMs: number
  readonly types: Readonly<Record<string, string>>
  readonly cells: readonly (readonly Cell[])[]
  readonly changes: readonly Change[]
}

/** What has landed for a table, and what it must come to whatever was commanded meanwhile. */
export type LandedTable = {
  readonly table: OracleTable
  /** The next minute: names and dates of files are made of it. */
  readonly minute: number
  readonly wide: boolean
  readonly load: LandedFile
  /** In landing order, without those that a full load left out. */
  readonly changes: readonly LandedFile[]
  readonly names: readonly string[]
  /** Names of change files that were passed over. */
  readonly skipped: ReadonlySet<string>
}

const startMs = Date.UTC(2024, 0, 1)
const momentOf = (minute: number) => startMs + minute * 60_000

/** A table that has landed with one full load of two rows. */
export function newlyLanded(keyColumns: readonly string[]): LandedTable {
  const rows = [0, 1].map((id) => ({ id, p: id, n: 0, v: 0 }))
  const table = { keyColumns, emptyIsNull: [] }
  const load = loadFile(rows, 0, { wide: false })
  return { table, minute: 1, wide: false, load, changes: [], names: [], skipped: new Set() }
}

/** The table after DMS has written a change file, and that file. */
export function landed(
  before: LandedTable,
  { events, late }: Pick<Extract<Operation, { kind: 'land' }>, 'events' | 'late'>,
): { readonly after: LandedTable; readonly file: LandedFile } {
  const { minute, wide, table } = before
  const name = nameAt(momentOf(late === null ? minute : 1 + (late % minute)) + (late === null ? 0 : minute))
  const types = { Op: 'varchar', ...typesOf({ wide }), BI_id: 'integer' }
  const changes = events.map((event) => changeOf(event, { wide, keyed: table.keyColumns.length > 0 }))
  const cells = changes.map(({ op, row, before: image }) => [
    op,
    ...Object.keys(typesOf({ wide })).map((column) => row[column] ?? null),
    image?.id ?? null,
  ])
  const file: LandedFile = { kind: 'change', name, dateMs: momentOf(minute), types, cells, changes }
  const inOrder = [...before.changes, file].sort((a, b) => (a.name < b.name ? -1 : 1))
  return { after: { ...before, minute: minute + 1, changes: inOrder, names: [...before.names, name] }, file }
}

/** The table after a full load has replaced it: it leaves out every change file that landed before it. */
export function reloaded(before: LandedTable, rows: readonly Picks[]): LandedTable {
  const distinct = [...new Map(rows.map((row) => [row.id, row])).values()]
  const load = loadFile(distinct, before.minute, before)
  return { ...before, minute: before.minute + 1, load, changes: [] }
}

export function contentsOf({ table, load, changes, skipped }: LandedTable): Contents {
  const files = [load, ...changes.filter(({ name }) => !skipped.has(name))]
  return applied(
    table,
    new Map(),
    files.flatMap((file) => file.changes),
  )
}

/** Every column that the table may ever have, with the widest type. */
export const allColumns = typesOf({ wide: true })

function loadFile(rows: readonly Picks[], minute: number, { wide }: { readonly wide: boolean }): LandedFile {
  const types = typesOf({ wide })
  const images = rows.map((row) => rowOf(row, { wide }))
  return {
    kind: 'load',
    name: 'LOAD00000001.parquet',
    dateMs: momentOf(minute),
    types,
    cells: images.map((row) => Object.keys(types).map((column) => row[column] ?? null)),
    changes: images.map((row) => ({ op: 'I', row })),
  }
}

function typesOf({ wide }: { readonly wide: boolean }): Readonly<Record<string, string>> {
  return {
    id: 'integer',
    p: 'varchar',
    n: wide ? 'bigint' : 'integer',
    v: 'varchar',
    ...(wide ? { w: 'varchar' } : {}),
  }
}

function rowOf({ id, p, n, v }: Picks, { wide }: { readonly wide: boolean }): Row {
  const number = wide && n === 3 ? '4000000000' : String(n)
  return {
    id: String(id),
    p: ['a', 'b', null][p] ?? null,
    n: number,
    v: `v${String(v)}`,
    ...(wide ? { w: `w${String(v)}` } : {}),
  }
}

function changeOf(
  { op, row, to }: Event,
  { wide, keyed }: { readonly wide: boolean; readonly keyed: boolean },
): Change {
  const image = rowOf(row, { wide })
  if (op === 'D' && keyed) return { op, row: { id: image.id ?? null } }
  if (op !== 'move') return { op, row: image }
  return { op: 'U', row: { ...image, id: String(to) }, before: { id: image.id ?? null } }
}

function nameAt(ms: number): string {
  return new Date(ms).toISOString().replace(/^(....)-(..)-(..)T(..):(..):(..)\.(...)Z$/u, '$1$2$3-$4$5$6$7.parquet')
}
