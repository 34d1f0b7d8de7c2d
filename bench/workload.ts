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
  /** Inserts alone. */
  readonly isNew?: boolean
  /** Updates change `amount`, `status` and `updated_at`; else `amount` alone. */
  readonly threeColumns?: boolean
  /** On which table; `wide` where it is not said. */
  readonly table?: TableKind['name']
}

/** One table of the workload: the same rows, laid out or keyed otherwise. */
export type TableKind = {
  readonly name: 'wide' | 'partitioned' | 'text-key'
  /** Of ten million rows, this many thousandths. */
  readonly share: number
  readonly partitionColumn: string | null
  /** What a row is beside its twelve columns, as a `select *` over them. `rows`: of the whole table. */
  readonly shape: (rows: number) => string
}

const partitions = 60

export const tableKinds: readonly TableKind[] = [
  { name: 'wide', share: 1000, partitionColumn: null, shape: () => '*' },
  {
    name: 'partitioned',
    share: 100,
    partitionColumn: 'region',
    shape: (rows) =>
      `*, least(${String(partitions - 1)}, id * ${String(partitions)} // ${String(rows)})::integer as region`,
  },
  {
    name: 'text-key',
    share: 1000,
    partitionColumn: null,
    shape: () => '* replace (md5(id::varchar)::uuid::varchar as id)',
  },
]

export const batches: readonly Batch[] = [
  { name: 'tiny', changes: 34, files: 1, among: 5_000, mixed: false },
  { name: 'recent5k', changes: 5_000, files: 1, among: 200_000, mixed: true },
  { name: 'recent', changes: 100_000, files: 4, among: 200_000, mixed: true },
  { name: 'random', changes: 100_000, files: 4, among: null, mixed: true },
  { name: 'random-updates', changes: 100_000, files: 4, among: null, mixed: false, threeColumns: true },
  { name: 'random1m', changes: 1_000_000, files: 8, among: null, mixed: true },
  { name: 'partition', changes: 34, files: 1, among: 5_000, mixed: false, table: 'partitioned' },
  { name: 'text-key', changes: 100_000, files: 4, among: null, mixed: true, table: 'text-key' },
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
export function loadFile(kind: TableKind, rows: number, files: number, file: number): string {
  const at = (n: number) => String(Math.floor((rows * n) / files))
  return `select ${kind.shape(rows)} from (${rowsOf(`select range as id from range(${at(file)}, ${at(file + 1)})`)})`
}

/** One file of a batch: `Op`, a sequence, a timestamp, then the columns. */
export function batchFile(kind: TableKind, batch: Batch, rows: number, file: number): string {
  const changed = batch.threeColumns
    ? `* replace (amount + 1 as amount, 'changed' as status, updated_at + interval 1 hour as updated_at)`
    : "* replace (case op when 'U' then amount + 1 else amount end::decimal(18,4) as amount)"
  const changes = `select r.*, i.op, i.n from (${drawnKeys(batch, rows, file)}) i, lateral (${rowsOf('select i.id as id')}) r`
  return `select op as "Op", lpad(n::varchar, 35, '0') as "seq", timestamp '2026-01-01' + to_milliseconds(n) as "committed", * exclude (op, n)
    from (select ${kind.shape(rows)} from (select ${changed} from (${changes}))) order by n`
}

/** The `n`th change of a batch, its operation and the key that it falls on. */
function drawnKeys({ name, changes, files, among, mixed, isNew }: Batch, rows: number, file: number): string {
  const [from, to] = [file, file + 1].map((n) => String(Math.floor((changes * n) / files)))
  const span = String(Math.min(rows, among ?? rows))
  const drawn = (n: string) => `${String(rows - 1)} - (hash(${n}, ${literal(name)}) % ${span})::bigint`
  if (isNew) return `select range as n, 'I' as op, ${String(rows)} + range as id from range(${from ?? ''}, ${to ?? ''})`
  const operation = mixed
    ? `case when hash(n, 'kind') % 100 < 60 then 'U' when hash(n, 'kind') % 100 < 85 then 'I' else 'D' end`
    : `'U'`
  const key = mixed
    ? `case when op = 'I' then ${String(rows)} + n when n % 10 = 9 then ${drawn('n - 1')} else ${drawn('n')} end`
    : drawn('n')
  return `select *, ${key} as id from (select range as n, ${operation} as op from range(${from ?? ''}, ${to ?? ''}) t(range))`
}

/** What a table's rows come to, whatever their order: the same for every system that is right. */
export function tableHash(relation: string): string {
  const values = columns.map((name) => {
    if (name === 'amount') return 'amount::decimal(18,4)'
    return name === 'created_at' || name === 'updated_at' ? `epoch_us(${name})` : name
  })
  return `select count(*)::varchar || ':' || sum(hash(${values.join(', ')})::hugeint)::varchar as h from ${relation}`
}

/** The table after its batches, by a window over everything: what all systems are held to. Each batch is a list of files, newest last. */
export function expectedRows(load: string, batches: readonly string[]): string {
  const list = columns.join(', ')
  const changes = batches.map(
    (files, at) => `select ${list}, "Op", ${String(at)} as batch, seq from read_parquet(${files})`,
  )
  const all = [`select ${list}, 'I' as "Op", -1 as batch, '' as seq from read_parquet(${load})`, ...changes]
  return `select ${list} from (
    select ${list}, "Op" as op, row_number() over (partition by id order by batch desc, seq desc) as nth
    from (${all.join(' union all by name ')}))
    where nth = 1 and op <> 'D'`
}
