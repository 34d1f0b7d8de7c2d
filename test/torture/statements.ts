import type { Random } from '../e2e/seeded-random.ts'
import type { Column, Table } from './tables.ts'
import { value } from './values.ts'

/** What a step of a transaction does to one table; `kind` is what it is counted as. */
export type Step = { readonly kind: string; readonly lines: readonly string[] }
export type Transaction = { readonly steps: readonly Step[]; readonly end: 'commit' | 'rollback' }

/**
 * The n-th transaction of a writer is made of its random numbers alone: it knows no row, so it may meet a key that is there or
 * one that is not. A statement that the server refuses for that (a key that is taken) is counted and passed over.
 */
export function randomTransaction(random: Random, tables: readonly Table[]): Transaction {
  const steps: Step[] = []
  for (let count = 1 + random.below(4); count > 0; count--) {
    const step = randomStep(random, random.pick(tables))
    steps.push(random.below(12) === 0 ? undone(step) : step)
  }
  return { steps, end: random.below(8) === 0 ? 'rollback' : 'commit' }
}

function randomStep(random: Random, table: Table): Step {
  if (table.key.length === 0) return random.pick([insertRow, insertRow, insertRows])(random, table)
  return random.pick(keyedSteps)(random, table)
}

/** Within the transaction, back to before it. */
function undone({ kind, lines }: Step): Step {
  return { kind: `${kind}, undone`, lines: ['savepoint before_step', ...lines, 'rollback to savepoint before_step'] }
}

type MakeStep = (random: Random, table: Table) => Step

const insertRow: MakeStep = (random, table) => ({
  kind: 'insert',
  lines: [`insert into ${table.name} ${rows(random, table, [anyKey(random, table)])}`],
})

const insertRows: MakeStep = (random, table) => {
  const first = anyKey(random, table)
  const keys = Array.from({ length: 2 + random.below(40) }, (_, at) => within(table, first + at))
  return { kind: 'insert many', lines: [`insert ignore into ${table.name} ${rows(random, table, keys)}`] }
}

const insertOrUpdate: MakeStep = (random, table) => ({
  kind: 'insert or update',
  lines: [
    `insert into ${table.name} ${rows(random, table, [anyKey(random, table)])} on duplicate key update ${assignments(random, table)}`,
  ],
})

/** The row that is in the way gets another key. */
const insertOrMove: MakeStep = (random, table) => {
  const [key, other] = twoKeys(random, table)
  const move = keyAssignments(table, other)
  return {
    kind: 'insert or change key',
    lines: [`insert into ${table.name} ${rows(random, table, [key])} on duplicate key update ${move}`],
  }
}

const replace: MakeStep = (random, table) => ({
  kind: 'replace',
  lines: [`replace into ${table.name} ${rows(random, table, [anyKey(random, table), anyKey(random, table)])}`],
})

const update: MakeStep = (random, table) => ({
  kind: 'update',
  lines: [`update ${table.name} set ${assignments(random, table)} where ${isKey(table, anyKey(random, table))}`],
})

const updateMany: MakeStep = (random, table) => ({
  kind: 'update many',
  lines: [`update ${table.name} set ${assignments(random, table)} where ${oneOf(table, 199, random)}`],
})

/** There and back again: two changes that come to none. */
const updateInVain: MakeStep = (random, table) => {
  const where = isKey(table, anyKey(random, table))
  const column = random.pick(table.columns)
  const { name } = column
  return {
    kind: 'update in vain',
    lines: [
      `set @was = (select ${name} from ${table.name} where ${where})`,
      `update ${table.name} set ${name} = ${value(random, column)} where ${where}`,
      `update ${table.name} set ${name} = @was where ${where}`,
    ],
  }
}

const remove: MakeStep = (random, table) => ({
  kind: 'delete',
  lines: [`delete from ${table.name} where ${isKey(table, anyKey(random, table))}`],
})

const removeMany: MakeStep = (random, table) => ({
  kind: 'delete many',
  lines: [`delete from ${table.name} where ${oneOf(table, 499, random)}`],
})

const removeAndInsert: MakeStep = (random, table) => {
  const key = anyKey(random, table)
  return {
    kind: 'delete and insert',
    lines: [
      `delete from ${table.name} where ${isKey(table, key)}`,
      `insert into ${table.name} ${rows(random, table, [key])}`,
    ],
  }
}

const comeAndGo: MakeStep = (random, table) => {
  const key = anyKey(random, table)
  return {
    kind: 'insert and delete',
    lines: [
      `replace into ${table.name} ${rows(random, table, [key])}`,
      `delete from ${table.name} where ${isKey(table, key)}`,
    ],
  }
}

const changeKey: MakeStep = (random, table) => {
  const [from, to] = twoKeys(random, table)
  const also = random.below(2) === 0 ? '' : `, ${assignments(random, table)}`
  return { kind: 'change key', lines: [`${moveKey(table, to)}${also} where ${isKey(table, from)}`] }
}

/** One row takes the key of another that is deleted just before, and a third one the key that it left. */
const takeOver: MakeStep = (random, table) => {
  const [heir, gone] = twoKeys(random, table)
  const third = anyKey(random, table)
  const next = third === heir || third === gone ? [] : [`${moveKey(table, heir)} where ${isKey(table, third)}`]
  return {
    kind: 'chained keys',
    lines: [
      `delete from ${table.name} where ${isKey(table, gone)}`,
      `${moveKey(table, gone)} where ${isKey(table, heir)}`,
      ...next,
    ],
  }
}

/** By a key that nobody else uses. */
const swapKeys: MakeStep = (random, table) => {
  const [a, b] = twoKeys(random, table)
  const between = table.keys + 1
  const move = (from: number, to: number) => `${moveKey(table, to)} where ${isKey(table, from)}`
  return { kind: 'swap keys', lines: [move(a, between), move(b, a), move(between, b)] }
}

const shiftKeys: MakeStep = (random, table) => {
  if (table.shift === null) return changeKey(random, table)
  const from = 3 + random.below(table.keys - 30)
  const by = { delta: random.pick([1, 2, 7, -1, -3]), from, to: from + 1 + random.below(25) }
  return { kind: 'shift keys', lines: [`update ${table.name} ${table.shift(by)}`] }
}

const keyedSteps: readonly MakeStep[] = [
  ...[insertRow, insertRow, insertRow, insertRows, insertOrUpdate, insertOrUpdate, insertOrMove, replace],
  ...[update, update, update, update, updateMany, updateInVain],
  ...[remove, remove, removeMany, removeAndInsert, comeAndGo],
  ...[changeKey, changeKey, takeOver, swapKeys, shiftKeys],
]

/** The key of a row that no writer touches. */
export const anchorKey = (table: Table) => table.keys + 1000

/** Few keys get most of the changes, so that changes meet. */
function anyKey(random: Random, table: Table): number {
  return 1 + random.below(random.below(3) === 0 ? 40 : Math.max(1, table.keys))
}

function twoKeys(random: Random, table: Table): [number, number] {
  const first = anyKey(random, table)
  return [first, within(table, first + 1 + random.below(table.keys - 1))]
}

const within = (table: Table, n: number) => 1 + ((n - 1) % Math.max(1, table.keys))

/** Columns and values for an `insert`, one row for each key. */
export function rows(random: Random, table: Table, keys: readonly number[]): string {
  const columns = [...table.key, ...table.columns].map(({ name }) => name).join(', ')
  const row = (key: number) => [...table.keyAt(key), ...table.columns.map((column) => value(random, column))].join(', ')
  return `(${columns}) values ${keys.map((key) => `(${row(key)})`).join(', ')}`
}

function assignments(random: Random, { columns }: Table): string {
  const chosen = columns.filter(() => random.below(3) === 0)
  const some = chosen.length > 0 ? chosen : [random.pick(columns)]
  return some.map((column) => `${column.name} = ${value(random, column)}`).join(', ')
}

function keyAssignments(table: Table, n: number): string {
  return pairs(table.key, table.keyAt(n)).join(', ')
}

function moveKey(table: Table, to: number): string {
  return `update ${table.name} set ${keyAssignments(table, to)}`
}

function isKey(table: Table, n: number): string {
  return pairs(table.key, table.keyAt(n)).join(' and ')
}

/** About one row of `parts`, the same ones for the same numbers; never the anchor. */
function oneOf(table: Table, parts: number, random: Random): string {
  const hash = `crc32(concat_ws('/', ${table.key.map(({ name }) => name).join(', ')}))`
  return `${hash} % ${String(parts)} = ${String(random.below(parts))} and not (${isKey(table, anchorKey(table))})`
}

function pairs(columns: readonly Column[], values: readonly string[]): string[] {
  return columns.map(({ name }, at) => `${name} = ${values[at] as string}`)
}
