import fc from 'fast-check'
import { applied, type Cell, type Change, type Contents, type OracleTable, type Row } from './oracle.ts'

/** A landing file of a random history: what is written into it, and what the oracle reads out of it. */
export type HistoryFile = {
  readonly kind: 'load' | 'change'
  /** Key below the table's folder. */
  readonly key: string
  readonly types: Readonly<Record<string, string>>
  readonly cells: readonly (readonly Cell[])[]
  readonly changes: readonly Change[]
  /** The number of the run before which it lands. */
  readonly arrives: number
}

/** What DMS did to one table, and when the runs came. `files`: loads first, then changes in landing order. */
export type History = {
  readonly table: OracleTable
  readonly partitionKey: readonly string[]
  /** Every column that the lake then has, and its type there. */
  readonly columns: Readonly<Record<string, string>>
  readonly runs: number
  /** Every change file is a batch of its own; else a run takes all that is pending in one. */
  readonly oneFilePerBatch: boolean
  readonly files: readonly HistoryFile[]
}

/** Random histories: few keys and few values, so that changes meet each other; shrinks to short ones. */
export function histories(): fc.Arbitrary<History> {
  return fc
    .record({
      shape: fc.constantFrom(...shapes),
      keyType: fc.constantFrom(...Object.keys(keyDomains)),
      keyRange: fc.constantFrom(3, 8, 40),
      loads: fc.array(fc.record({ rows: fc.array(picks(), { maxLength: 30 }), delay: delays({ weight: 5 }) }), {
        maxLength: 3,
      }),
      files: fc.array(changeFiles(), { maxLength: 9 }),
      /** From which change file on the columns `a1` and `a2` are there, and `n` (and a widening key) is a bigint. */
      addedFrom: fc.tuple(fc.nat(9), fc.nat(9)),
      wideFrom: fc.nat(9),
      sequence: fc.option(sequences(), { freq: 2 }),
      folders: fc.constantFrom('', 'YYYY/MM/DD/', 'DD/MM/YYYY/'),
      oneFilePerBatch: fc.boolean(),
    })
    .filter(({ loads, files }) => loads.length + files.length > 0)
    .map(historyOf)
}

type Spec = {
  readonly shape: (typeof shapes)[number]
  readonly keyType: string
  readonly keyRange: number
  readonly loads: readonly { readonly rows: readonly Picks[]; readonly delay: number }[]
  readonly files: readonly FileSpec[]
  readonly addedFrom: readonly [number, number]
  readonly wideFrom: number
  readonly sequence: SequenceSpec | null
  readonly folders: string
  readonly oneFilePerBatch: boolean
}

type SequenceSpec = {
  readonly type: keyof typeof sequenceDomains
  /** What full-load rows have: a value, NULL, or not even the column. */
  readonly ofLoads: 'values' | 'null' | 'absent'
  /** The change file that lacks the column, where a full load has it. */
  readonly lacking: number | null
}

type FileSpec = {
  readonly events: readonly Event[]
  readonly gapMinutes: number
  readonly nextRun: boolean
  readonly delay: number
  readonly beforeImages: boolean
  readonly lacksText: boolean
  /** The rows of an earlier change file are delivered again, under this name. */
  readonly again: number | null
}

type Event = {
  readonly kind: 'I' | 'U' | 'D' | 'same' | 'move'
  readonly row: Picks
  readonly to: Picks
  readonly keyOnly: boolean
  /** How far its sequence value is from its place: most changes come in their order. */
  readonly ahead: number | null
}

/** Places in the domains of the columns. */
type Picks = { readonly [column in 'id' | 'k2' | 'p' | 'n' | 's' | 'a1' | 'a2']: number }

const shapes = [
  { keyColumns: ['id'], partitionKey: [] },
  { keyColumns: ['id'], partitionKey: ['p'] },
  { keyColumns: ['id', 'k2'], partitionKey: ['p'] },
  { keyColumns: ['k2', 'id'], partitionKey: [] },
  { keyColumns: ['id', 'p'], partitionKey: ['p'] },
  { keyColumns: ['id'], partitionKey: ['id'] },
  { keyColumns: [], partitionKey: ['p'] },
  { keyColumns: [], partitionKey: [] },
] as const

/** Place in the history → sequence value, as text. */
const sequenceDomains = {
  varchar: (at: number) => `20240128220000${String(at).padStart(21, '0')}`,
  bigint: (at: number) => String(9007199254740990n + BigInt(at)),
  'decimal(20,2)': (at: number) => `${String(at)}.50`,
  timestamp: (at: number) => `2024-01-01 00:00:00.${String(100_001 + at * 10)}+00`,
} as const

const sequences = (): fc.Arbitrary<SequenceSpec> =>
  fc.record({
    type: fc.constantFrom(...(Object.keys(sequenceDomains) as (keyof typeof sequenceDomains)[])),
    ofLoads: fc.constantFrom('values', 'null', 'absent'),
    lacking: fc.option(fc.nat(9), { freq: 3 }),
  })

const odd = ['', 'a', 'A', '07094', 'ü/=%', "o'x", ' '] as const

/** Index → text of a key value, by the type it lands in. */
const keyDomains: Readonly<Record<string, (at: number) => string>> = {
  'integer, later bigint': (at) => String(at * 3 - 7),
  bigint: (at) => String(9007199254740990n + BigInt(at)),
  varchar: (at) => odd[at] ?? `k${String(at)}`,
  date: (at) => new Date(Date.UTC(1969, 11, 25 + at)).toISOString().slice(0, 10),
  'decimal(20,2)': (at) => `${String(at - 4)}.25`,
  timestamp: (at) => `2024-01-01 00:00:00.${String(at + 10)}1234+00`,
}

const texts = [...odd, 'long '.repeat(20), null]
const numbers = ['0', '1', '2', '3', null]
const domains = { k2: [...odd, null], p: [...odd, null], n: numbers, s: texts, a1: texts, a2: numbers }

const picks = (): fc.Arbitrary<Picks> =>
  fc.record({
    id: fc.nat(41),
    k2: fc.nat(8),
    p: fc.nat(8),
    n: fc.nat(4),
    s: fc.nat(8),
    a1: fc.nat(8),
    a2: fc.nat(4),
  })

/** By how many runs a file comes later than it should: mostly none. */
const delays = (late: { readonly weight: number }) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { ...late, arbitrary: fc.integer({ min: 1, max: 3 }) })

function changeFiles(): fc.Arbitrary<FileSpec> {
  return fc.record({
    events: fc.array(
      fc.record({
        kind: fc.constantFrom('I', 'U', 'U', 'D', 'same', 'move', 'move'),
        row: picks(),
        to: picks(),
        keyOnly: fc.boolean(),
        ahead: fc.option(fc.constantFrom(0, 0, 0, 1, -1, 5, -5, -20, 20), { freq: 8 }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    gapMinutes: fc.constantFrom(1, 40, 600, 1_500),
    nextRun: fc.boolean(),
    delay: delays({ weight: 2 }),
    beforeImages: fc.boolean(),
    lacksText: fc.nat(9).map((at) => at === 9),
    again: fc.option(fc.nat(8), { freq: 6 }),
  })
}

// ---- from what was drawn to files ---------------------------------------------------------------------------------

function historyOf(spec: Spec): History {
  const { keyColumns, partitionKey } = spec.shape
  const emptyIsNull = partitionKey.filter((column) => column === 'p' || spec.keyType === 'varchar')
  const isNumber = spec.sequence?.type === 'bigint' || spec.sequence?.type === 'decimal(20,2)'
  const sequence = spec.sequence === null ? {} : { sequence: { column: 'q', isNumber } }
  const table: OracleTable = { keyColumns, emptyIsNull, ...sequence }
  const loads = loadFiles(spec, table)
  const files = inRuns([...loads, ...changeFilesOf(spec, table, loads)])
  const types = Object.assign({}, ...files.map((file) => file.types)) as HistoryFile['types']
  const data = Object.entries(types).filter(([name]) => !/^(Op$|BI_)/u.test(name))
  const columns = Object.fromEntries(data.map(([name, type]) => [name, lakeType(type)]))
  return {
    table,
    partitionKey,
    columns,
    runs: 1 + Math.max(...files.map(({ arrives }) => arrives)),
    oneFilePerBatch: spec.oneFilePerBatch,
    files,
  }
}

const lakeType = (type: string) => (type === 'timestamp' ? 'timestamptz' : type === 'integer' ? 'bigint' : type)

function loadFiles(spec: Spec, table: OracleTable): readonly HistoryFile[] {
  let seen: Contents = new Map()
  const types = typesOf(spec, { at: -1, lacksText: false })
  return spec.loads.map(({ rows, delay }, number) => {
    const changes: Change[] = []
    for (const [place, drawn] of rows.entries()) {
      const change: Change = { op: 'I', row: loadRow(spec, types, drawn, number * 30 + place) }
      const next = applied(table, seen, [change])
      if (next.size > seen.size) changes.push(change)
      seen = next.size > seen.size ? next : seen
    }
    const cells = changes.map(({ row }) => Object.keys(types).map((name) => row[name] ?? null))
    return { kind: 'load', key: `LOAD0000000${String(number + 1)}.parquet`, types, cells, changes, arrives: delay }
  })
}

/** Rows of a full load are as old as the first changes. */
function loadRow(spec: Spec, types: HistoryFile['types'], drawn: Picks, place: number): Row {
  const row = rowOf(spec, types, drawn)
  if (spec.sequence === null || types.q === undefined) return row
  return { ...row, q: spec.sequence.ofLoads === 'values' ? sequenceDomains[spec.sequence.type](place) : null }
}

/** The model by which events find rows holds them as the source does: there '' is a value like any other. */
function changeFilesOf(spec: Spec, lake: OracleTable, loads: readonly HistoryFile[]): readonly HistoryFile[] {
  const table = { ...lake, emptyIsNull: [] }
  let contents = applied(
    table,
    new Map(),
    loads.flatMap(({ changes }) => changes),
  )
  const written: { types: HistoryFile['types']; changes: readonly Change[] }[] = []
  for (const [at, file] of spec.files.entries()) {
    const repeated = file.again === null ? undefined : written[file.again]
    const types = repeated?.types ?? typesOf(spec, { at, lacksText: file.lacksText, beforeImages: file.beforeImages })
    const changes = repeated?.changes ?? eventsToChanges(spec, table, types, { at, events: file.events }, contents)
    contents = applied(table, contents, changes)
    written.push({ types, changes })
  }
  const timed = arrivals(spec.files)
  return written.map(({ types, changes }, at) => ({
    kind: 'change',
    key: keyAt(timed[at]!.timeMs, spec.folders),
    types,
    cells: changes.map((change) => changeCells(types, change)),
    changes,
    arrives: timed[at]!.arrives,
  }))
}

/** Each event meets what the events before it left. */
function eventsToChanges(
  spec: Spec,
  table: OracleTable,
  types: HistoryFile['types'],
  { at, events }: { readonly at: number; readonly events: readonly Event[] },
  held: Contents,
): readonly Change[] {
  const changes: Change[] = []
  for (const [number, event] of events.entries()) {
    const change = changeOf(spec, table, types, event, applied(table, held, changes))
    changes.push(sequenced(spec, types, change, { ahead: event.ahead, place: firstPlace + at * 8 + number }))
  }
  return changes
}

const firstPlace = 40

/** An update of the same keeps the value that the row has. */
function sequenced(
  { sequence }: Spec,
  types: HistoryFile['types'],
  change: Change,
  { ahead, place }: { readonly ahead: number | null; readonly place: number },
): Change {
  if (sequence === null || types.q === undefined || change.row.q !== undefined) return change
  const q = ahead === null ? null : sequenceDomains[sequence.type](place + ahead)
  return { ...change, row: { ...change.row, q } }
}

function typesOf(
  { keyType, addedFrom, wideFrom, sequence, loads }: Spec,
  file: { readonly at: number; readonly lacksText: boolean; readonly beforeImages?: boolean },
): Readonly<Record<string, string>> {
  const wide = file.at >= wideFrom
  const id = keyType === 'integer, later bigint' ? (wide ? 'bigint' : 'integer') : keyType
  const lacksSequence =
    file.at < 0
      ? sequence?.ofLoads === 'absent'
      : sequence?.ofLoads !== 'absent' && sequence?.lacking === file.at && loads.some(({ delay }) => delay === 0)
  const data = {
    id,
    ...(sequence === null || lacksSequence ? {} : { q: sequence.type }),
    n: wide ? 'bigint' : 'integer',
    ...(file.lacksText ? {} : { s: 'varchar' }),
    k2: 'varchar',
    p: 'varchar',
    ...(file.at >= addedFrom[0] ? { a1: 'varchar' } : {}),
    ...(file.at >= addedFrom[1] ? { a2: 'bigint' } : {}),
  }
  const before = file.beforeImages ? { BI_id: id, BI_k2: 'varchar', BI_p: 'varchar', BI_n: data.n } : {}
  return file.at < 0 ? data : { Op: 'varchar', ...data, ...before }
}

function rowOf({ keyType, keyRange }: Spec, types: HistoryFile['types'], drawn: Picks): Row {
  const cellOf = (name: keyof Picks): Cell => {
    if (name !== 'id') return domains[name][drawn[name]] ?? null
    return drawn.id === 41 ? null : (keyDomains[keyType]?.(drawn.id % keyRange) ?? null)
  }
  const names = Object.keys(types).filter((name): name is keyof Picks => name in drawn)
  return Object.fromEntries(names.map((name) => [name, cellOf(name)]))
}

/** Updates of the same, and changes of keys, mostly start from a row that is there. */
function changeOf(spec: Spec, table: OracleTable, types: HistoryFile['types'], event: Event, held: Contents): Change {
  const drawn = rowOf(spec, types, event.row)
  const rows = [...held.values()]
  const known = rows[event.row.id % Math.max(1, rows.length)] ?? drawn
  const present = Object.fromEntries(Object.keys(drawn).map((name) => [name, known[name] ?? null]))
  switch (event.kind) {
    case 'I':
    case 'U':
      return { op: event.kind, row: drawn }
    case 'D': {
      const kept = Object.entries(drawn).map(([name, value]) => [name, table.keyColumns.includes(name) ? value : null])
      return { op: 'D', row: event.keyOnly ? (Object.fromEntries(kept) as Row) : drawn }
    }
    case 'same':
      return { op: 'U', row: types.q === undefined ? present : { ...present, q: known.q ?? null } }
    case 'move': {
      if (types.BI_id === undefined) return { op: 'U', row: drawn }
      const from: Row = event.to.id % 5 === 0 ? drawn : present
      const to: Row = { ...rowOf(spec, types, event.to), ...(event.to.n === 0 ? { id: from.id ?? null } : {}) }
      const named = ['id', 'k2', 'p', 'n'].filter((name) => !event.keyOnly || from[name] !== to[name])
      return { op: 'U', row: to, before: Object.fromEntries(named.map((name) => [name, from[name] ?? null])) }
    }
  }
}

function changeCells(types: HistoryFile['types'], { op, row, before }: Change): readonly Cell[] {
  return Object.keys(types).map((name) => {
    if (name === 'Op') return op
    return (name.startsWith('BI_') ? before?.[name.slice(3)] : row[name]) ?? null
  })
}

// ---- when and under which name ------------------------------------------------------------------------------------

const firstNameMs = Date.UTC(2024, 1, 28, 22)
const lookBackMs = 24 * 3_600_000

/** A file may come late only while its name is still looked for: at most the look-back before the cursor of the runs before. */
function arrivals(files: readonly FileSpec[]): readonly { readonly timeMs: number; readonly arrives: number }[] {
  let timeMs = firstNameMs
  let run = 0
  const natural = files.map((file, at) => {
    timeMs += file.gapMinutes * 60_000 + at
    run += file.nextRun ? 1 : 0
    return { timeMs, run, delay: file.delay }
  })
  return natural.map((file) => {
    const isSeen = (arrives: number) => {
      const cursorMs = Math.max(0, ...natural.filter((other) => other.run < arrives).map((other) => other.timeMs))
      return file.timeMs > cursorMs - lookBackMs
    }
    const arrives = [file.run + file.delay, file.run].find(isSeen) ?? file.run
    return { timeMs: file.timeMs, arrives }
  })
}

function keyAt(timeMs: number, folders: string): string {
  const [year, month, day, hour, minute, second, ms] = new Date(timeMs).toISOString().split(/[-T:.Z]/u) as string[]
  const folder = folders
    .replace('YYYY', year ?? '')
    .replace('MM', month ?? '')
    .replace('DD', day ?? '')
  return `${folder}${year}${month}${day}-${hour}${minute}${second}${ms}.parquet`
}

/** Runs before which nothing lands are left out. */
function inRuns(files: readonly HistoryFile[]): readonly HistoryFile[] {
  const used = [...new Set(files.map(({ arrives }) => arrives))].sort((a, b) => a - b)
  return files.map((file) => ({ ...file, arrives: used.indexOf(file.arrives) }))
}
