import type { Cell as TextCell } from '../support/oracle.ts'
import { applied, type Change, type Contents, inSequence, type OracleTable, type Row } from '../support/oracle.ts'

/** What has landed for the table so far, and every state that a reader may therefore have seen. */
export type KnownHistory = {
  /** A landing file, in the order of arrival. A LOAD file that is there already begins a new generation. */
  land(key: string, changes: readonly Change[]): void
  /** A file that is no part of the table: skipped, or passed over by a cursor. */
  passOver(key: string, by: 'skip' | 'cursor'): void
  /** The cursor was set back before every file: what a cursor passed over is taken after all. */
  setBack(): void
  /** What another job left in the lake, or a repair made of it, in place of the landing files up to a key. */
  adopt(rows: readonly Row[], upTo: string): void
  /** The landing is empty, and so is the table; what lands from now on is all there is. */
  vanish(): void
  /** The table is as it was when the full load alone had been applied, until it is active again; these files are then passed over. */
  restore(passing?: readonly string[]): void
  activate(): void
  /** The restore has not come about. */
  unrestore(): void
  setKey(columns: readonly string[]): void
  /** Changes apply in the order of this column's whole numbers. */
  setSequence(column: string): void
  /** The rows of the table when all that has landed is applied. */
  rows(): string
  /** All that the table may have held: after each prefix of the landing, at each moment of it. */
  readonly states: ReadonlySet<string>
  /** The same for the rows with one value of the column `p`, which is all that a reader of one partition sees. */
  statesOf(partition: string | null): ReadonlySet<string>
  /** Goes on by itself from here. */
  copy(): KnownHistory
}

type Landed = { readonly key: string; readonly changes: readonly Change[] }
type Known = {
  readonly table: OracleTable
  readonly files: readonly Landed[]
  readonly passedOver: ReadonlyMap<string, 'skip' | 'cursor'>
  readonly adopted: { readonly rows: readonly Row[]; readonly upTo: string } | null
  /** The rows of the version that was brought back, and the files after it that are left out for good. */
  readonly restored: { readonly rows: string; readonly passing: readonly string[] } | null
  readonly states: ReadonlySet<string>
  readonly partitions: ReadonlyMap<string | null, ReadonlySet<string>>
}

const nothing: Known = {
  table: { keyColumns: ['id'], emptyIsNull: [] },
  files: [],
  passedOver: new Map(),
  adopted: null,
  restored: null,
  states: new Set(),
  partitions: new Map(),
}

export function knownHistory(begin: Known = nothing): KnownHistory {
  let known = begin
  const learn = (change: Partial<Known>) => {
    known = withStates({ ...known, ...change })
  }
  return {
    land(key, changes) {
      const replaces = isLoadKey(key) && known.files.some((file) => file.key === key)
      const others = replaces ? known.files.filter((file) => isLoadKey(file.key) && file.key !== key) : known.files
      learn({ files: [...others, { key, changes }] })
    },
    passOver: (key, by) => learn({ passedOver: new Map([...known.passedOver, [key, by]]) }),
    setBack() {
      const skipped = [...known.passedOver].filter(([, by]) => by === 'skip')
      const adopted = known.adopted && { ...known.adopted, upTo: '' }
      learn({ passedOver: new Map(skipped), adopted })
    },
    adopt: (rows, upTo) => learn({ adopted: { rows, upTo } }),
    vanish: () => learn({ files: [], adopted: null }),
    restore(passing = []) {
      const files = known.files.filter(({ key }) => isLoadKey(key))
      learn({ restored: { rows: rowsAfter({ ...known, files }), passing } })
    },
    activate() {
      const passed = (known.restored?.passing ?? []).map((key) => [key, 'cursor'] as const)
      learn({ restored: null, passedOver: new Map([...known.passedOver, ...passed]) })
    },
    unrestore: () => learn({ restored: null }),
    setKey: (keyColumns) => learn({ table: { ...known.table, keyColumns } }),
    setSequence: (column) => learn({ table: { ...known.table, sequence: { column, isNumber: true } } }),
    rows: () => known.restored?.rows ?? rowsAfter(known),
    get states() {
      return known.states
    },
    statesOf: (partition) => known.partitions.get(partition) ?? new Set([stateText([])]),
    copy: () => knownHistory(known),
  }
}

/** A state in one order and one form; a NULL is left out, so that a row is the same before and after a column came. */
export function stateText(rows: Iterable<{ readonly [column: string]: TextCell }>): string {
  return [...rows].map(rowText).sort().join('\n')
}

function rowText(row: { readonly [column: string]: TextCell }): string {
  return JSON.stringify(
    Object.entries(row)
      .filter(([, value]) => value !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

const rowsAfter = (known: Known) => stateText((contentsAfter(known).at(-1) ?? new Map()).values())

const isLoadKey = (key: string) => /\bLOAD/u.test(key)

/** The full load, then one change file after the other: the order that the contract gives them. */
function contentsAfter({ table, files, passedOver, adopted }: Known): readonly Contents[] {
  const taken = files.filter(({ key }) => !passedOver.has(key))
  const loads = taken.filter(({ key }) => isLoadKey(key))
  const changes = taken.filter(({ key }) => !isLoadKey(key) && (adopted === null || key > adopted.upTo))
  const begin = adopted === null ? loads.flatMap((load) => load.changes) : asInserts(adopted.rows)
  const inOrder = changes.sort((a, b) => (a.key < b.key ? -1 : 1))
  return Array.from({ length: inOrder.length + 1 }, (_, files) => {
    const all = [...begin, ...inOrder.slice(0, files).flatMap((file) => file.changes)]
    return applied(table, new Map(), inSequence(table, all))
  })
}

const asInserts = (rows: readonly Row[]): Change[] => rows.map((row) => ({ op: 'I', row }))

function withStates(known: Known): Known {
  const states = new Set(known.states)
  const partitions = new Map([...known.partitions].map(([value, texts]) => [value, new Set(texts)]))
  const contents = contentsAfter(known).map((one) => [...one.values()])
  for (const rows of contents) states.add(stateText(rows))
  for (const value of new Set([...partitions.keys(), ...contents.flat().map(({ p }) => p ?? null)])) {
    const texts = partitions.get(value) ?? new Set([stateText([])])
    for (const rows of contents) texts.add(stateText(rows.filter(({ p }) => (p ?? null) === value)))
    partitions.set(value, texts)
  }
  return { ...known, states, partitions }
}
