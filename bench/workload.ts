import { literal } from '../src/engine/sql.ts'

/** One batch of changes, as DMS writes it. */
export type Batch = {
  readonly name: string
  readonly changes: number
  readonly files: number
  /** Keys are drawn from the newest so many; null: from all. */
  readonly among: number | null
  /** Inserts and deletions beside the updates, and a tenth of the keys twice; else updates alone. */
  readonly mixed: boolean
  /** Updates change `amount`, `status` and `updated_at`; else `amount` alone. */
  readonly threeColumns?: boolean
}

export const batches: readonly Batch[] = [
  { name: 'tiny', changes: 34, files: 1, among: 5_000, mixed: false },
  { name: 'recent5k', changes: 5_000, files: 1, among: 200_000, mixed: true },
  { name: 'recent', changes: 100_000, files: 4, among: 200_000, mixed: true },
  { name: 'random', changes: 100_000, files: 4, among: null, mixed: true },
  { name: 'random-updates', changes: 100_000, files: 4, among: null, mixed: false, threeColumns: true },
  { name: 'random1m', changes: 1_000_000, files: 8, among: null, mixed: true },
]

export const columns = [
  'id',
  'customer_id',
  'status',
  'currency',
  'amount',
  'created_at',
  'updated_at',
  'email',
  'note',
  'payload',
  'score',
  'is_active',
] as const

/** The row of an id, every value a hash of it, so that rows can be checked without being kept. `ids` is a relation with `id`. */
export function rowsOf(ids: string): string {
  const at = `timestamp '2022-01-01' + to_seconds(9 * id)`
  return `select id::bigint as id,
    (hash(id, 'c') % 500000)::integer as customer_id,
    ['new', 'paid', 'packed', 'shipped', 'returned'][1 + (hash(id, 's') % 5)::integer] as status,
    ['EUR', 'USD', 'GBP'][1 + (hash(id, 'y') % 3)::integer] as currency,
    ((hash(id, 'a') % 100000000)::decimal(18,4) / 10000)::decimal(18,4) as amount,
    (${at})::timestamp as created_at,
    (${at} + to_seconds((hash(id, 'u') % 86400)::integer))::timestamp as updated_at,
    'user' || (hash(id, 'e') % 5000000) || '@' || ['example.com', 'example.org', 'example.net'][1 + (hash(id, 'd') % 3)::integer] as email,
    md5(id || 'n') || md5('m' || id) as note,
    '{"ref":"' || md5('p' || id) || '","n":' || (hash(id, 'q') % 1000) || ',"tags":["t' || (hash(id, 't') % 50) || '","u' || (hash(id, 'v') % 50) || '"]}' as payload,
    (hash(id, 'f') % 1000000007)::double / 1000003 as score,
    hash(id, 'b') % 2 = 0 as is_active
    from (${ids})`
}

/** The whole table in range-partitioned files. */
export function loadFile(rows: number, files: number, file: number): string {
  const at = (n: number) => Math.floor((rows * n) / files)
  return rowsOf(`select range as id from range(${String(at(file))}, ${String(at(file + 1))})`)
}

/** One file of a batch: `Op`, a sequence, a timestamp, then the columns. */
export function batchFile(
  { name, changes, files, among, mixed, threeColumns }: Batch,
  rows: number,
  file: number,
): string {
  const [from, to] = [Math.floor((changes * file) / files), Math.floor((changes * (file + 1)) / files)]
  const span = Math.min(rows, among ?? rows)
  const drawn = (n: string) => `${String(rows - 1)} - (hash(${n}, ${literal(name)}) % ${String(span)})::bigint`
  const kind = mixed
    ? `case when hash(n, 'kind') % 100 < 60 then 'U' when hash(n, 'kind') % 100 < 85 then 'I' else 'D' end`
    : `'U'`
  const key = mixed
    ? `case when op = 'I' then ${String(rows)} + n when n % 10 = 9 then ${drawn('n - 1')} else ${drawn('n')} end`
    : drawn('n')
  const changed = threeColumns
    ? `* replace (amount + 1 as amount, 'changed' as status, updated_at + interval 1 hour as updated_at)`
    : "* replace (case op when 'U' then amount + 1 else amount end::decimal(18,4) as amount)"
  const ids = `select *, ${key} as id from (select range as n, ${kind} as op from range(${String(from)}, ${String(to)}) t(range)) `
  return `select op as "Op", lpad(n::varchar, 35, '0') as "seq", timestamp '2026-01-01' + to_milliseconds(n) as "committed", ${columns.join(', ')}
    from (select ${changed} from (select r.*, i.op, i.n from (${ids}) i, lateral (${rowsOf('select i.id as id')}) r)) order by n`
}

/** What a table's rows come to, whatever their order: the same for every system that is right. */
export function tableHash(relation: string): string {
  return `select count(*)::varchar || ':' || sum(hash(${columns.map((name) => (name === 'amount' ? 'amount::decimal(18,4)' : name === 'created_at' || name === 'updated_at' ? `epoch_us(${name})` : name)).join(', ')})::hugeint)::varchar as h from ${relation}`
}

/** The table after a batch, by a window over everything: what all systems are held to. */
export function expectedRows(load: string, changes: string): string {
  const list = columns.join(', ')
  return `select ${list} from (
    select ${list}, "Op" as op, row_number() over (partition by id order by seq desc) as nth from (
      select ${list}, 'I' as "Op", '' as seq from read_parquet(${load})
      union all by name select ${list}, "Op", seq from read_parquet(${changes})))
    where nth = 1 and op <> 'D'`
}
