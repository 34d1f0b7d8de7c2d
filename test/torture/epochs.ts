import type { Random } from '../e2e/seeded-random.ts'
import { firstKeys } from './first-rows.ts'
import type { Streams } from './random-streams.ts'
import { randomTransaction, rows, type Transaction } from './statements.ts'
import { type Column, declaration, type Table, tables } from './tables.ts'

/** What one connection changes in the middle of an epoch, beside the writers. */
export type Upheaval = {
  readonly kind: 'add column' | 'drop column' | 'widen' | 'truncate' | 'drop and create' | 'reload'
  readonly table: string
  readonly lines: readonly string[]
}

/** A stretch of the workload. All of it follows from the seed and the epoch's number. */
export type Epoch = {
  readonly number: number
  readonly upheavals: readonly Upheaval[]
  readonly writers: readonly (readonly Transaction[])[]
}

/**
 * Epoch after epoch. The writers of one use the columns and types that stand before and after its upheavals, so that a statement is the same
 * and means the same on whichever side of an upheaval it runs; the next epoch's use all.
 */
export function* epochs(
  streams: Streams,
  { writers, transactions }: { readonly writers: number; readonly transactions: number },
): Generator<Epoch> {
  let now = tables
  for (let number = 1; ; number++) {
    const random = streams(`epoch ${String(number)}`)
    const before = now
    const upheavals: Upheaval[] = []
    for (let count = random.below(3); count > 0; count--) {
      const at = random.below(now.length)
      const { upheaval, after } = upset(random, now[at] as Table, number * 10 + count)
      upheavals.push(upheaval)
      now = now.map((table, i) => (i === at ? after : table))
    }
    const usable = before.map((table, i) => narrowed(table, now[i] as Table))
    yield {
      number,
      upheavals,
      writers: Array.from({ length: writers }, (_, writer) => {
        const own = streams(`epoch ${String(number)}, writer ${String(writer)}`)
        return Array.from({ length: transactions }, () => randomTransaction(own, usable))
      }),
    }
  }
}

/** `id` makes names that no other epoch uses: a column that comes back under an old name would find its old values in the lake. */
function upset(random: Random, table: Table, id: number): { readonly upheaval: Upheaval; readonly after: Table } {
  const kind = random.pick(kinds)
  const upheaval = (lines: readonly string[]): Upheaval => ({ kind, table: table.name, lines })
  switch (kind) {
    case 'add column': {
      const added = { name: `added_${String(id)}`, ...random.pick(addable) }
      const at = random.below(table.columns.length + 1)
      const before = at === 0 ? table.key.at(-1) : table.columns[at - 1]
      const place = before === undefined ? 'first' : `after ${before.name}`
      // Without a default: the binlog holds no row that a default fills.
      return {
        upheaval: upheaval([`alter table ${table.name} add column ${added.name} ${added.type} ${place}`]),
        after: { ...table, columns: [...table.columns.slice(0, at), added, ...table.columns.slice(at)] },
      }
    }
    case 'drop column': {
      const droppable = table.columns.filter(({ name }) => name.startsWith('added_'))
      if (droppable.length === 0) return { upheaval: { ...upheaval([]), kind: 'reload' }, after: table }
      const { name } = random.pick(droppable)
      return {
        upheaval: upheaval([`alter table ${table.name} drop column ${name}`]),
        after: { ...table, columns: table.columns.filter((column) => column.name !== name) },
      }
    }
    case 'widen': {
      const widenable = [...table.key, ...table.columns].filter(({ wider = [] }) => wider.length > 0)
      if (widenable.length === 0) return { upheaval: { ...upheaval([]), kind: 'reload' }, after: table }
      const { name, wider } = random.pick(widenable)
      const [type = '', ...rest] = wider ?? []
      const widen = (column: Column): Column => (column.name === name ? { name, type, wider: rest } : column)
      const isKey = table.key.some((column) => column.name === name)
      return {
        upheaval: upheaval([`alter table ${table.name} modify column ${name} ${type}${isKey ? ' not null' : ''}`]),
        after: { ...table, key: table.key.map(widen), columns: table.columns.map(widen) },
      }
    }
    case 'truncate':
      return { upheaval: upheaval([`truncate table ${table.name}`, ...refill(random, table)]), after: table }
    case 'drop and create': {
      const first = tables.find(({ name }) => name === table.name) as Table
      return {
        upheaval: upheaval([`drop table ${table.name}`, `create ${declaration(first)}`, ...refill(random, first)]),
        after: first,
      }
    }
    case 'reload':
      return { upheaval: upheaval([]), after: table }
  }
}

/** Reloads are the fewest: they also mend what was merged wrongly before. */
const kinds: readonly Upheaval['kind'][] = [
  ...(['add column', 'add column', 'add column', 'drop column', 'widen', 'widen', 'widen'] as const),
  ...(['truncate', 'drop and create', 'reload'] as const),
]

const addable: readonly Omit<Column, 'name'>[] = [
  { type: 'varchar(40)' },
  { type: 'int', wider: ['bigint'] },
  { type: 'decimal(10,3)', wider: ['decimal(18,5)'] },
  { type: 'datetime(6)' },
  { type: 'double' },
]

/**
 * First a row that no statement of a writer reaches: DMS writes no file for an empty table, so the lake could not see it loaded anew. Its values
 * differ each time, so that no reload has the bytes of the one before.
 */
function refill(random: Random, table: Table): readonly string[] {
  const blocks = firstKeys(table, Math.ceil(table.firstRows / 4))
  return blocks.map((keys) => `insert ignore into ${table.name} ${rows(random, table, keys)}`)
}

/** The columns that both have, with the narrower of their types. */
function narrowed(before: Table, after: Table): Table {
  const narrow = (column: Column): Column[] => {
    const other = after.columns.find(({ name }) => name === column.name)
    if (other === undefined) return []
    return [(column.wider ?? []).length >= (other.wider ?? []).length ? column : other]
  }
  return { ...before, columns: before.columns.flatMap(narrow) }
}
