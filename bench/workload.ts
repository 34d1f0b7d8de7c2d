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
  /** As many changes as this part of the table's rows, in place of `changes`. */
  readonly ofRows?: number
  /** No deletions beside the inserts. */
  readonly keepsRows?: true
  /** Only where it is asked for by its name: it takes long. */
  readonly onDemand?: true
}

/** One table of the workload. Each value of a row is a hash of `id`, a number that need not be a column. */
export type TableKind = {
  readonly name: 'wide' | 'partitioned' | 'text-key' | 'lineitem' | 'lineitem-half'
  /** Of ten million rows, this many thousandths. */
  readonly share: number
  readonly keys: readonly string[]
  readonly partitionColumn: string | null
  /** Column → what is hashed of it, the same for every type that a system may give it back in. */
  readonly hashed: Readonly<Record<string, string>>
  /** The rows of `ids`, a relation with `id`. */
  readonly rowsOf: (ids: string) => string
  /** What a row is beside its columns, as a `select *` over them. `rows`: of the whole table. */
  readonly shape: (rows: number) => string
  /** What an update adds to. */
  readonly counted: string
}

const partitions = 60

const wideColumns = 'id customer_id status currency amount created_at updated_at email note payload score is_active'
const lineitemColumns =
  'l_orderkey l_partkey l_suppkey l_linenumber l_quantity l_extendedprice l_discount l_tax l_returnflag l_linestatus l_shipdate l_commitdate l_receiptdate l_shipinstruct l_shipmode l_comment'

/** `names`: words; those of `otherwise` are hashed by another expression. */
function hashedAsIs(names: string, otherwise: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, otherwise[name] ?? name]))
}

const wide = {
  share: 1000,
  keys: ['id'],
  partitionColumn: null,
  hashed: hashedAsIs(wideColumns, {
    amount: 'amount::decimal(18,4)',
    created_at: 'epoch_us(created_at)',
    updated_at: 'epoch_us(updated_at)',
  }),
  rowsOf: wideRows,
  shape: () => '*',
  counted: 'amount',
}

const lineitem = {
  keys: ['l_orderkey', 'l_linenumber'],
  partitionColumn: null,
  hashed: hashedAsIs(lineitemColumns),
  rowsOf: lineitemRows,
  shape: () => '*',
  counted: 'l_quantity',
}

export const tableKinds: readonly TableKind[] = [
  { ...wide, name: 'wide' },
  {
    ...wide,
    name: 'partitioned',
    share: 100,
    partitionColumn: 'region',
    shape: (rows) =>
      `*, least(${String(partitions - 1)}, id * ${String(partitions)} // ${String(rows)})::integer as region`,
  },
  { ...wide, name: 'text-key', shape: () => '* replace (md5(id::varchar)::uuid::varchar as id)' },
  { ...lineitem, name: 'lineitem', share: 6000 },
  { ...lineitem, name: 'lineitem-half', share: 3000 },
]

const ofLineitem = { changes: 0, files: 8, among: null, onDemand: true } as const

export const batches: readonly Batch[] = [
  { name: 'tiny', changes: 34, files: 1, among: 5_000, mixed: false },
  { name: 'recent5k', changes: 5_000, files: 1, among: 200_000, mixed: true },
  { name: 'recent', changes: 100_000, files: 4, among: 200_000, mixed: true },
  { name: 'random', changes: 100_000, files: 4, among: null, mixed: true },
  { name: 'random-updates', changes: 100_000, files: 4, among: null, mixed: false, threeColumns: true },
  { name: 'random1m', changes: 1_000_000, files: 8, among: null, mixed: true },
  { name: 'partition', changes: 34, files: 1, among: 5_000, mixed: false, table: 'partitioned' },
  { name: 'text-key', changes: 100_000, files: 4, among: null, mixed: true, table: 'text-key' },
  { ...ofLineitem, name: 'lineitem-upsert', ofRows: 0.01, mixed: true, keepsRows: true, table: 'lineitem' },
  { ...ofLineitem, name: 'lineitem-update', ofRows: 0.05, mixed: false, table: 'lineitem' },
  { ...ofLineitem, name: 'lineitem-changes', ofRows: 0.06, mixed: true, table: 'lineitem-half' },
]

/** Every value is a hash of its id, so that rows can be checked without being kept. */
function wideRows(ids: string): string {
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

/** As TPC-H's table, four lines an order. */
function lineitemRows(ids: string): string {
  const shipped = `date '1992-01-02' + (hash(id, 's') % 2500)::integer`
  return `select (id // 4 + 1)::bigint as l_orderkey,
    (hash(id, 'p') % 2000000)::integer as l_partkey,
    (hash(id, 'u') % 100000)::integer as l_suppkey,
    (id % 4 + 1)::integer as l_linenumber,
    (1 + hash(id, 'q') % 50)::decimal(15,2) as l_quantity,
    ((hash(id, 'e') % 10000000)::decimal(15,2) / 100)::decimal(15,2) as l_extendedprice,
    ((hash(id, 'd') % 11)::decimal(15,2) / 100)::decimal(15,2) as l_discount,
    ((hash(id, 't') % 9)::decimal(15,2) / 100)::decimal(15,2) as l_tax,
    ['A', 'N', 'R'][1 + (hash(id, 'r') % 3)::integer] as l_returnflag,
    ['F', 'O'][1 + (hash(id, 'l') % 2)::integer] as l_linestatus,
    ${shipped} as l_shipdate,
    ${shipped} + (hash(id, 'c') % 60)::integer as l_commitdate,
    ${shipped} + (hash(id, 'v') % 30)::integer as l_receiptdate,
    ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'][1 + (hash(id, 'i') % 4)::integer] as l_shipinstruct,
    ['AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK'][1 + (hash(id, 'm') % 7)::integer] as l_shipmode,
    left(md5(id || 'o'), 10 + (hash(id, 'w') % 22)::integer) as l_comment
    from (${ids})`
}

/** The whole table in range-partitioned files. */
export function loadFile(kind: TableKind, rows: number, files: number, file: number): string {
  const at = (n: number) => String(Math.floor((rows * n) / files))
  return `select ${kind.shape(rows)} from (${kind.rowsOf(`select range as id from range(${at(file)}, ${at(file + 1)})`)})`
}

/** One file of a batch: `Op`, a sequence, a timestamp, then the columns. */
export function batchFile(kind: TableKind, batch: Batch, rows: number, file: number): string {
  const { counted } = kind
  const changed = batch.threeColumns
    ? `* replace (amount + 1 as amount, 'changed' as status, updated_at + interval 1 hour as updated_at)`
    : `* replace ((${counted} + (op = 'U')::integer)::${counted === 'amount' ? 'decimal(18,4)' : 'decimal(15,2)'} as ${counted})`
  const kept = batch.keepsRows ? `where op <> 'D'` : ''
  const changes = `select r.*, i.op, i.n from (${drawnKeys(batch, rows, file)}) i, lateral (${kind.rowsOf('select i.id as id')}) r`
  return `select op as "Op", lpad(n::varchar, 35, '0') as "seq", timestamp '2026-01-01' + to_milliseconds(n) as "committed", * exclude (op, n)
    from (select ${kind.shape(rows)} from (select ${changed} from (${changes}))) ${kept} order by n`
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
export function tableHash({ hashed }: TableKind, relation: string): string {
  const values = Object.values(hashed).join(', ')
  return `select count(*)::varchar || ':' || sum(hash(${values})::hugeint)::varchar as h from ${relation}`
}

/** The table after its batches, by a window over everything: what all systems are held to. Each batch is a list of files, newest last. */
export function expectedRows({ keys, hashed }: TableKind, load: string, batches: readonly string[]): string {
  const list = Object.keys(hashed).join(', ')
  const changes = batches.map(
    (files, at) => `select ${list}, "Op", ${String(at)} as batch, seq from read_parquet(${files})`,
  )
  const all = [`select ${list}, 'I' as "Op", -1 as batch, '' as seq from read_parquet(${load})`, ...changes]
  return `select ${list} from (
    select ${list}, "Op" as op, row_number() over (partition by ${keys.join(', ')} order by batch desc, seq desc) as nth
    from (${all.join(' union all by name ')}))
    where nth = 1 and op <> 'D'`
}
