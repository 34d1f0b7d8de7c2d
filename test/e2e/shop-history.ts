import { awkwardTexts } from '../support/awkward-texts.ts'
import type { Random } from './seeded-random.ts'

/** The keys that each table of the sample database has now, by table. */
export type Keys = Readonly<Record<string, readonly number[]>>

type ColumnKind =
  | { readonly kind: 'text'; readonly length: number }
  | { readonly kind: 'money' | 'count' | 'day' | 'time' }

const text = (length: number): ColumnKind => ({ kind: 'text', length })
const shop: Readonly<Record<string, Readonly<Record<string, ColumnKind>>>> = {
  store: { address1: text(150), city: text(50), state: text(2), countrycode: text(2), postcode: text(10) },
  product: { name: text(255), dept: text(100), category: text(100), price: { kind: 'money' } },
  productorder: {
    productid: { kind: 'count' },
    storeid: { kind: 'count' },
    qty: { kind: 'count' },
    soldprice: { kind: 'money' },
    create_dt: { kind: 'day' },
  },
}
const added: Readonly<Record<string, ColumnKind>> = { remark: text(40), seen_at: { kind: 'time' } }

/** Gives `product` two columns in the middle of whatever goes on. */
export const addColumns = 'alter table product add column remark varchar(40), add column seen_at datetime(3);'

/**
 * A script of random statements on the sample database, and the keys afterwards. Among them: keys that change, that two rows
 * swap, that come back after their deletion; rows that come and go; updates that change nothing; transactions rolled back.
 */
export function randomScript(
  random: Random,
  before: Keys,
  options: { readonly statements: number; readonly columnsAdded: boolean },
): { readonly script: string; readonly keys: Keys } {
  let keys = before
  const lines: string[] = []
  for (let count = 0; count < options.statements; count++) {
    const one = transaction(random, keys, options.columnsAdded)
    lines.push('start transaction;', ...one.lines, one.rolledBack ? 'rollback;' : 'commit;')
    if (!one.rolledBack) keys = one.keys
  }
  return { script: `${['set names utf8mb4;', 'use sampledb;', ...lines].join('\n')}\n`, keys }
}

function transaction(random: Random, before: Keys, columnsAdded: boolean) {
  let keys = before
  const lines: string[] = []
  for (let steps = 1 + random.below(4); steps > 0; steps--) {
    const table = random.pick(Object.keys(shop))
    const columns = { ...shop[table], ...(table === 'product' && columnsAdded ? added : {}) }
    const now = keys[table] ?? []
    const one = (now.length < 2 ? insert : random.pick(stepKinds))({ random, table, columns, keys: now })
    lines.push(...one.lines)
    keys = { ...keys, [table]: one.keys }
  }
  return { lines, keys, rolledBack: random.below(6) === 0 }
}

type StepInput = {
  readonly random: Random
  readonly table: string
  readonly columns: Readonly<Record<string, ColumnKind>>
  readonly keys: readonly number[]
}
type Step = (input: StepInput) => { readonly lines: readonly string[]; readonly keys: readonly number[] }

const insert: Step = ({ random, table, columns, keys }) => {
  const id = unused(random, keys)
  return { lines: [insertion(random, table, columns, id)], keys: [...keys, id] }
}

const update: Step = ({ random, table, columns, keys }) => ({
  lines: [`update ${table} set ${assignments(random, columns)} where id = ${String(random.pick(keys))};`],
  keys,
})

const updateMany: Step = ({ random, table, columns, keys }) => ({
  lines: [`update ${table} set ${assignments(random, columns)} where id % 97 = ${String(random.below(97))};`],
  keys,
})

/** There and back again: two changes that come to none. */
const updateInVain: Step = ({ random, table, columns, keys }) => {
  const id = String(random.pick(keys))
  const column = random.pick(Object.keys(columns))
  return {
    lines: [
      `update ${table} set ${column} = ${column} where id = ${id};`,
      `set @was = (select ${column} from ${table} where id = ${id});`,
      `update ${table} set ${column} = ${value(random, columns[column] as ColumnKind)} where id = ${id};`,
      `update ${table} set ${column} = @was where id = ${id};`,
    ],
    keys,
  }
}

const remove: Step = ({ random, table, keys }) => {
  const id = random.pick(keys)
  return { lines: [`delete from ${table} where id = ${String(id)};`], keys: keys.filter((key) => key !== id) }
}

const replace: Step = ({ random, table, columns, keys }) => {
  const id = random.pick(keys)
  return {
    lines: [`delete from ${table} where id = ${String(id)};`, insertion(random, table, columns, id)],
    keys,
  }
}

const comeAndGo: Step = ({ random, table, columns, keys }) => {
  const id = unused(random, keys)
  return { lines: [insertion(random, table, columns, id), `delete from ${table} where id = ${String(id)};`], keys }
}

const changeKey: Step = ({ random, table, columns, keys }) => {
  const [from, to] = [random.pick(keys), unused(random, keys)]
  const also = random.below(2) === 0 ? '' : `, ${assignments(random, columns)}`
  return {
    lines: [`update ${table} set id = ${String(to)}${also} where id = ${String(from)};`],
    keys: keys.map((key) => (key === from ? to : key)),
  }
}

/** One row takes the key of another that is deleted just before. */
const takeOverKey: Step = ({ random, table, keys }) => {
  const [heir, gone] = twoOf(random, keys)
  return {
    lines: [
      `delete from ${table} where id = ${String(gone)};`,
      `update ${table} set id = ${String(gone)} where id = ${String(heir)};`,
    ],
    keys: keys.filter((key) => key !== heir),
  }
}

const swapKeys: Step = ({ random, table, keys }) => {
  const [a, b] = twoOf(random, keys)
  const move = (from: number, to: number) => `update ${table} set id = ${String(to)} where id = ${String(from)};`
  return { lines: [move(a, -1), move(b, a), move(-1, b)], keys }
}

const stepKinds: readonly Step[] = [
  insert,
  insert,
  update,
  update,
  updateMany,
  updateInVain,
  remove,
  replace,
  comeAndGo,
  changeKey,
  takeOverKey,
  swapKeys,
]

function twoOf(random: Random, keys: readonly number[]): [number, number] {
  const at = random.below(keys.length)
  const other = (at + 1 + random.below(keys.length - 1)) % keys.length
  return [keys[at] as number, keys[other] as number]
}

function unused(random: Random, keys: readonly number[]): number {
  const id = 1 + random.below(2 ** 31 - 2)
  return keys.includes(id) ? unused(random, keys) : id
}

function insertion(random: Random, table: string, columns: StepInput['columns'], id: number): string {
  const values = Object.values(columns).map((kind) => value(random, kind))
  return `insert into ${table} (id, ${Object.keys(columns).join(', ')}) values (${String(id)}, ${values.join(', ')});`
}

function assignments(random: Random, columns: StepInput['columns']): string {
  const chosen = Object.entries(columns).filter(() => random.below(2) === 0)
  const some = chosen.length > 0 ? chosen : [random.pick(Object.entries(columns))]
  return some.map(([name, kind]) => `${name} = ${value(random, kind)}`).join(', ')
}

const words = [...awkwardTexts, 'two words']

function value(random: Random, kind: ColumnKind): string {
  if (random.below(8) === 0) return 'null'
  switch (kind.kind) {
    case 'text':
      return `left('${random.pick(words)}${random.below(2) === 0 ? '' : random.pick(words)}', ${String(kind.length)})`
    case 'money':
      return `${String(random.below(2_000_000) - 1_000_000)}.${String(random.below(100)).padStart(2, '0')}`
    case 'count':
      return String(random.below(10_000) - 5_000)
    case 'day':
      return `date '1969-06-01' + interval ${String(random.below(30_000))} day`
    case 'time':
      return `timestamp '1969-06-01 00:00:00' + interval ${String(random.below(2 ** 31))} second + interval ${String(random.below(1000))}000 microsecond`
  }
}
