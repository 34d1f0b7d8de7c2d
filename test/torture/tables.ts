/** What the workload works on: tables as plain data, how DMS delivers each, and how it is onboarded. */

/** `type` as the server reads it; `wider` are types to which it may be widened without loss, one after the other. */
export type Column = {
  readonly name: string
  readonly type: string
  readonly wider?: readonly string[]
  /** The only values that it gets, NULL aside, where not all of its type. */
  readonly values?: readonly string[]
}

export type Table = {
  readonly name: string
  /** The key's columns; empty: the table has none, and the workload only inserts. */
  readonly key: readonly Column[]
  readonly columns: readonly Column[]
  /** The n-th key, as values of SQL in the order of `key`. Different n give different keys. */
  readonly keyAt: (n: number) => readonly string[]
  /** Moves many rows to keys next to theirs, along the key's order, so that no row meets another. */
  readonly shift: ((by: { readonly delta: number; readonly from: number; readonly to: number }) => string) | null
  /** Keys are drawn from 1 … `keys`. */
  readonly keys: number
  readonly firstRows: number
}

const wide: Column = { name: 'story', type: 'text' }
const text = (name: string, size: number, wider?: number): Column => ({
  ...{ name, type: `varchar(${String(size)})` },
  ...(wider === undefined ? {} : { wider: [`varchar(${String(wider)})`] }),
})

/** No two keys may differ by case or trailing spaces alone for the source: those are keys of their own in the lake. */
const exact = 'collate utf8mb4_nopad_bin'
const pad = (n: number) => String(n).padStart(5, '0')
const fromKey = (n: number) => `date '2019-01-01' + interval ${String(n)} day`

const whole: Table = {
  name: 'whole',
  key: [{ name: 'id', type: 'int', wider: ['bigint'] }],
  columns: [
    text('name', 60, 200),
    { name: 'qty', type: 'smallint', wider: ['int', 'bigint'] },
    { name: 'ratio', type: 'float', wider: ['double'] },
    wide,
    { name: 'raw', type: 'varbinary(40)' },
  ],
  keyAt: (n) => [n === 1 ? '-2147483648' : n === 2 ? '2147483647' : String(n)],
  shift: ({ delta, from, to }) => shifted('id', `id + ${String(delta)}`, delta, `id between ${from} and ${to}`),
  keys: 12_000,
  firstRows: 8_000,
}

const codes = ["'north'", "'south/east'", "'a=b'", "'😀'", "'07094'"]
const composite: Table = {
  name: 'composite',
  key: [
    { name: 'code', type: `varchar(20) ${exact}` },
    { name: 'num', type: 'bigint unsigned' },
  ],
  columns: [text('note', 80), { name: 'amount', type: 'decimal(12,2)', wider: ['decimal(20,4)', 'decimal(38,10)'] }],
  keyAt: (n) => [codes[n % codes.length] as string, n < 5 ? '18446744073709551615' : String(Math.floor(n / 5))],
  shift: ({ delta, from, to }) =>
    shifted(
      'num',
      `num + ${String(delta)}`,
      delta,
      `code = 'a=b' and num between ${String(from / 5)} and ${String(to / 5 + 5)}`,
    ),
  keys: 4_000,
  firstRows: 2_000,
}

/** Begins of text keys; the empty one makes '' and ' 00007' keys too. */
const begins = ['', ' ', 'Straße ', "O''Brien ", '😀', '𝄞 clef ', 'a,b;"c" ', 'A', 'a', '\\\\ ', 'null', '%2F/..']
const texts: Table = {
  name: 'texts',
  key: [{ name: 'code', type: `varchar(60) ${exact}` }],
  columns: [text('name', 60), { name: 'seen', type: 'date', wider: ['datetime'] }, { name: 'doc', type: 'json' }],
  keyAt: (n) => {
    const begin = begins[n % begins.length] as string
    if (n === begins.length) return ["''"]
    // Beside each key with an A the same one with an a.
    return [`'${begin}${n % 7 === 0 ? `${String(n)} ` : pad(begin === 'a' ? n - 1 : n)}'`]
  },
  shift: null,
  keys: 3_000,
  firstRows: 1_000,
}

const partitioned: Table = {
  name: 'partitioned',
  key: [{ name: 'id', type: 'bigint' }],
  columns: [
    { ...text('region', 20), values: ["'a=b/c %41'", "'😀'", "'07094'", "''"] },
    { name: 'kind', type: 'tinyint', values: ['0', '-1'] },
    text('name', 60),
    { name: 'price', type: 'double' },
    { name: 'day', type: 'date' },
  ],
  keyAt: (n) => [n === 1 ? '-9223372036854775808' : n === 2 ? '9223372036854775807' : String(n)],
  shift: ({ delta, from, to }) => shifted('id', `id + ${String(delta)}`, delta, `id between ${from} and ${to}`),
  keys: 5_000,
  firstRows: 3_000,
}

const moments: Table = {
  name: 'moments',
  key: [
    { name: 'at', type: 'datetime(6)' },
    { name: 'price', type: 'decimal(12,3)', wider: ['decimal(20,3)'] },
  ],
  columns: [
    { name: 'total', type: 'decimal(38,10)' },
    { name: 'seen', type: 'datetime(6)' },
    { name: 'day', type: 'date', wider: ['datetime(6)'] },
    text('note', 40),
  ],
  keyAt: (n) => [
    n === 1 ? "'0001-01-01 00:00:00.000001'" : n === 2 ? "'9999-12-31 23:59:59.999999'" : `timestamp(${fromKey(n)})`,
    n % 3 === 0 ? '-0.001' : `${String(n % 11)}.500`,
  ],
  shift: ({ delta, from, to }) =>
    shifted(
      'at',
      `at + interval ${String(delta)} microsecond`,
      delta,
      `at between ${fromKey(from)} and ${fromKey(to)}`,
    ),
  keys: 3_000,
  firstRows: 1_000,
}

const sequenced: Table = {
  name: 'sequenced',
  key: [{ name: 'id', type: 'bigint' }],
  columns: [text('name', 60), { name: 'qty', type: 'int', wider: ['bigint'] }, { name: 'seen', type: 'datetime(3)' }],
  keyAt: (n) => [String(n)],
  shift: ({ delta, from, to }) => shifted('id', `id + ${String(delta)}`, delta, `id between ${from} and ${to}`),
  keys: 3_000,
  firstRows: 2_000,
}

/** Only inserts: what updates and deletions of a table without a key come to is not the source's state, by contract. */
const keyless: Table = {
  name: 'keyless',
  key: [],
  columns: [text('name', 60), { name: 'qty', type: 'int' }, { name: 'at', type: 'datetime(6)' }, text('note', 20)],
  keyAt: () => [],
  shift: null,
  keys: 0,
  firstRows: 500,
}

export const tables: readonly Table[] = [whole, composite, texts, partitioned, moments, sequenced, keyless]
export const schema = 'torture'
export const sequenceColumn = 'AR_H_CHANGE_SEQ'

/** How each table is onboarded, beside `--active`. */
export const settings: Readonly<Record<string, readonly string[]>> = {
  whole: ['--primary-key', 'id', '--retain', '1h'],
  composite: ['--primary-key', 'code,num'],
  texts: ['--primary-key', 'code', '--publish', 'delta'],
  partitioned: ['--primary-key', 'id', '--partition-key', 'region'],
  moments: ['--primary-key', 'at,price'],
  sequenced: ['--primary-key', 'id', '--sequence-column', sequenceColumn],
  keyless: [],
}

/**
 * Row after row in an order in which none meets another that has still to move. In another order MariaDB refuses; Oracle would not, and that
 * one statement moves rows onto keys of each other is a limitation of change files.
 */
function shifted(column: string, value: string, delta: number, where: string): string {
  return `set ${column} = ${value} where ${where} order by ${column} ${delta > 0 ? 'desc' : 'asc'}`
}

/** `create table` without its verb. */
export function declaration({ name, key, columns }: Table): string {
  const declared = [
    ...key.map((column) => `${column.name} ${column.type} not null`),
    ...columns.map((column) => `${column.name} ${column.type}`),
    ...(key.length === 0 ? [] : [`primary key (${key.map((column) => column.name).join(', ')})`]),
  ]
  return `table ${name} (${declared.join(', ')}) engine=innodb default charset=utf8mb4`
}
