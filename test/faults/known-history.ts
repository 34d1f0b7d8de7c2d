import type { Cell as TextCell } from '../support/oracle.ts'
import { applied, type Change, type Contents, type OracleTable, type Row } from '../support/oracle.ts'

/** What has landed for the table so far, and every state that a reader may therefore have seen. */
export type KnownHistory = {
  /** A landing file, in the order of arrival. A LOAD file that is there already begins a new generation. */
  land(key: string, changes: readonly Change[]): void
  /** A file that is no part of the table: skipped, or passed over by a cursor. */
  passOver(key: string, by: 'skip' | 'cursor'): void
  /** The cursor was set back before every file: what a cursor passed over is taken after all. */
  setBack(): void
  /** Files were asked to be taken again, one after the other: then older values come back until all are. */
  readonly isReplayed: boolean
  /** What another job left in the lake, from landing files up to a key. */
  adopt(rows: readonly Row[], upTo: string): void
  setKey(columns: readonly string[]): void
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
  readonly isReplayed: boolean
  readonly adopted: { readonly rows: readonly Row[]; readonly upTo: string } | null
  readonly states: ReadonlySet<string>
  readonly partitions: ReadonlyMap<string | null, ReadonlySet<string>>
}

const nothing: Known = {
  table: { keyColumns: ['id'], emptyIsNull: [] },
  files: [],
  passedOver: new Map(),
  isReplayed: false,
  adopted: null,
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
      const isLoad = /\bLOAD/u.test(key)
      const replaces = isLoad && known.files.some((file) => file.key === key)
      const others = replaces ? known.files.filter((file) => isLoadKey(file.key) && file.key !== key) : known.files
      learn({ files: [...others, { key, changes }] })
    },
    passOver: (key, by) => learn({ passedOver: new Map([...known.passedOver, [key, by]]) }),
    setBack() {
      const skipped = [...known.passedOver].filter(([, by]) => by === 'skip')
      const adopted = known.adopted && { ...known.adopted, upTo: '' }
      learn({ passedOver: new Map(skipped), adopted, isReplayed: true })
    },
    get isReplayed() {
      return known.isReplayed
    },
    adopt: (rows, upTo) => learn({ adopted: { rows, upTo } }),
    setKey: (keyColumns) => learn({ table: { ...known.table, keyColumns } }),
    rows: () => stateText((contentsAfter(known).at(-1) ?? new Map()).values()),
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

const isLoadKey = (key: string) => /\bLOAD/u.test(key)

/** The full load, then one change file after the other: the order that the contract gives them. */
function contentsAfter({ table, files, passedOver, adopted }: Known): readonly Contents[] {
  const taken = files.filter(({ key }) => !passedOver.has(key))
  const loads = taken.filter(({ key }) => isLoadKey(key))
  const changes = taken.filter(({ key }) => !isLoadKey(key) && (adopted === null || key > adopted.upTo))
  const begin = adopted === null ? loads.flatMap((load) => load.changes) : asInserts(adopted.rows)
  const states: Contents[] = [applied(table, new Map(), begin)]
  for (const file of changes.sort((a, b) => (a.key < b.key ? -1 : 1)))
    states.push(applied(table, states.at(-1) as Contents, file.changes))
  return states
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
