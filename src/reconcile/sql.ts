import type { Column } from '../domain.ts'
import { duckdbType, list, literal } from '../engine/sql.ts'
import { lakeText, lakeValue } from '../source/forms.ts'
import { printedRows } from '../source/printed-rows.ts'
import type { ComparedColumn, Comparison, KeyRange } from '../source/source.ts'

/*
 * The comparison, one statement per function. Its tables, all temporary:
 *   range_starts   number and lower bound of each range of keys but the first
 *   lake_cells, source_cells   rows and the sum of their hashes by range and bucket: r, b, n, s
 *   doubt_cells    cells that differ: r, b
 *   lake_prints, source_prints   of the rows in these cells: k… the key's texts, p… a print of each column
 *   doubt          keys that differ: i, k…
 *   lake_rows      of these keys, as the head has them: k…, c… every column
 *   source_rows    the same as the source has them: k…, v… texts
 *   verdict        what became of each: i, k…, kind, columns
 */

const c = ({ column }: ComparedColumn) => `c${String(column.fieldId)}`
const places = (items: readonly unknown[], letter: string) => items.map((_, at) => `${letter}${String(at)}`)

export function createTables({ keys, columns }: Comparison): string[] {
  const texts = (names: readonly string[]) => names.map((name) => `${name} varchar`)
  const k = texts(places(keys, 'k'))
  const prints = list([...k, ...texts(places(columns, 'p'))])
  return [
    'create or replace temp table range_starts (r integer, start hugeint)',
    ...['lake_cells', 'source_cells'].map(
      (name) => `create or replace temp table ${name} (r integer, b integer, n bigint, s hugeint)`,
    ),
    ...['lake_prints', 'source_prints'].map((name) => `create or replace temp table ${name} (${prints})`),
    `create or replace temp table doubt (${list(['i bigint', ...k])})`,
  ]
}

export function insertRanges(ranges: readonly KeyRange[]): string {
  const rows = ranges.slice(1).map(({ from }, at) => `(${String(at + 1)}, ${from ?? 'null'})`)
  return `insert into range_starts values ${list(rows)}`
}

export const insertLakeCells = (comparison: Comparison, rows: string) =>
  `insert into lake_cells select r, b, count(*), sum(h) from (${printedRows(comparison, rows)}) group by r, b`

export const insertSourceCells = (path: string, range: number) =>
  `insert into source_cells select ${String(range)}, b, n, s from ${lines(path, ['b', 'n', 's'])}`

export const createDoubtCells = () => `create or replace temp table doubt_cells as
  with lake as (select r, b, sum(n) as n, sum(s) as s from lake_cells group by r, b)
  select coalesce(lake.r, source.r) as r, coalesce(lake.b, source.b) as b
  from lake full join source_cells as source on lake.r = source.r and lake.b = source.b
  where lake.n is distinct from source.n or lake.s is distinct from source.s`

export const selectDoubtCells = () =>
  'select r, list(b order by b)::varchar as buckets from doubt_cells group by r order by r'
export const countRows = () =>
  'select (select coalesce(sum(n), 0)::bigint from lake_cells) as lake, (select coalesce(sum(n), 0)::bigint from source_cells) as source'

export function insertLakePrints(comparison: Comparison, rows: string): string {
  const names = list([...places(comparison.keys, 'k'), ...places(comparison.columns, 'p')])
  return `insert into lake_prints select ${names} from (${printedRows(comparison, rows)}) semi join doubt_cells using (r, b)`
}

export function insertSourcePrints({ keys, columns }: Comparison, path: string): string {
  const k = places(keys, 'k')
  const p = places(columns, 'p')
  return `insert into source_prints select ${list([...k.map(unhexed), ...p])} from ${lines(path, [...k, ...p])}`
}

/** Keys whose prints differ, or that only one side has; numbers in their order, other keys in that of their texts. */
export function insertDoubt({ keys, columns }: Comparison): string {
  const k = places(keys, 'k')
  const different = places(columns, 'p').map((p) => `l.${p} is distinct from s.${p}`)
  return `insert into doubt select row_number() over (order by ${list(k.flatMap((name) => [`try_cast(${name} as hugeint)`, name]))}) - 1, * from (select distinct ${list(k.map((name) => `coalesce(l.${name}, s.${name}) as ${name}`))}
    from lake_prints as l full join source_prints as s on ${sameKey(k, 'l', 's')} where ${different.join(' or ')})`
}

/** Without a key: how many rows one side has more often than the other. */
export function countByPrint({ columns }: Comparison): string {
  const p = list(places(columns, 'p'))
  return `select coalesce(sum(greatest(coalesce(s.n, 0) - coalesce(l.n, 0), 0)), 0)::bigint as missing, coalesce(sum(greatest(coalesce(l.n, 0) - coalesce(s.n, 0), 0)), 0)::bigint as extra
    from (select ${p}, count(*) as n from lake_prints group by ${p}) as l
    full join (select ${p}, count(*) as n from source_prints group by ${p}) as s on ${places(columns, 'p')
      .map((name) => `l.${name} = s.${name}`)
      .join(' and ')}`
}

export const countDoubt = () => 'select count(*) as keys from doubt'

/** A page of keys, their texts as hex. */
export function selectDoubt({ keys }: Comparison, from: number, upTo: number): string {
  return `select ${list(places(keys, 'k').map((name) => `lower(hex(${name})) as ${name}`))} from doubt where i >= ${String(from)} and i < ${String(upTo)} order by i`
}

export const doubtBounds = () =>
  'select min(k0::hugeint)::varchar as low, max(k0::hugeint)::varchar as high, count(*) filter (k0 is null) as nulls from doubt'

export function createRowTables({ keys, columns }: Comparison, lakeColumns: readonly Column[]): string[] {
  const k = places(keys, 'k').map((name) => `${name} varchar`)
  const v = places(columns, 'v').map((name) => `${name} varchar`)
  const values = lakeColumns.map(({ fieldId, type }) => `c${String(fieldId)} ${duckdbType(type)}`)
  return [
    `create or replace temp table source_rows (${list([...k, ...v])})`,
    `create or replace temp table lake_rows (${list([...k, ...values])})`,
  ]
}

export function insertSourceRows({ keys, columns }: Comparison, path: string): string {
  const k = places(keys, 'k')
  const v = places(columns, 'v')
  const found = `select ${list([...k, ...v].map((name) => `${unhexed(name)} as ${name}`))} from ${lines(path, [...k, ...v])}`
  return `insert into source_rows select found.* from (${found}) as found semi join doubt on ${sameKey(k, 'found', 'doubt')}`
}

export function insertLakeRows({ keys }: Comparison, lakeColumns: readonly Column[], rows: string): string {
  const k = places(keys, 'k')
  const values = lakeColumns.map(({ fieldId }) => `c${String(fieldId)}`)
  const found = `select ${list([...keys.map((key, at) => `${lakeText(key, c(key))} as k${String(at)}`), ...values])} from (${rows})`
  return `insert into lake_rows select found.* from (${found}) as found semi join doubt on ${sameKey(k, 'found', 'doubt')}`
}

/** Any row: the source has a key in more than one row. */
export function selectDoubleSource({ keys }: Comparison): string {
  return `select count(*) as copies from source_rows group by ${list(places(keys, 'k'))} having count(*) > 1 limit 1`
}

/** `columns`: the places of those that differ, ascending. A side without the row is told by its row id, since any value may be NULL. */
export function createVerdict({ keys, columns }: Comparison): string {
  const k = places(keys, 'k')
  const differing = columns.map((column, at) => `case when ${differsHere(column, at)} then ${String(at)} end`)
  return `create or replace temp table verdict as
    select * exclude (in_source, in_lake), case when not in_source and not in_lake then 'equal' when not in_lake then 'missing'
      when not in_source then 'extra' when len(columns) > 0 then 'different' else 'equal' end as kind
    from (select doubt.*, s.rowid is not null as in_source, l.rowid is not null as in_lake,
        list_filter([${list(differing)}], x -> x is not null) as columns
      from doubt left join source_rows as s on ${sameKey(k, 'doubt', 's')} left join lake_rows as l on ${sameKey(k, 'doubt', 'l')})`
}

function differsHere(column: ComparedColumn, at: number): string {
  return `${sourceText(column, at)} is distinct from ${lakeText(column, `l.${c(column)}`)}`
}

/** What the lake would make of the source's text, in the form of comparison; a text that the lake's type cannot hold stands for itself. */
function sourceText(column: ComparedColumn, at: number): string {
  const text = `s.v${String(at)}`
  return `coalesce(${lakeText(column, typed(column, text))}, ${text})`
}

function typed(column: ComparedColumn, text: string): string {
  const type = duckdbType(column.column.type)
  return `${lakeValue(column, text, type)}::${type}`
}

export const countVerdict = () => 'select kind, count(*) as keys from verdict group by kind'
export const countColumns = () =>
  `select place, count(*) as keys from (select unnest(columns) as place from verdict where kind = 'different') group by place order by place`

export function selectExamples({ keys }: Comparison, kind: string, limit: number): string {
  const k = places(keys, 'k')
  return `select ${list([...k, 'columns::varchar as columns'])} from verdict where kind = ${literal(kind)} order by i limit ${String(limit)}`
}

/** Keys that turned out equal are in doubt no more. */
export function keepDoubt({ keys }: Comparison): string {
  return `create or replace temp table doubt as select row_number() over (order by i) - 1 as i, ${list(places(keys, 'k'))} from verdict where kind <> 'equal'`
}

/** Rows of the source that the lake's types cannot hold, by column. */
export function countUnfit({ columns }: Comparison): string {
  const counts = columns.map(
    (column, at) =>
      `count(*) filter (v${String(at)} is not null and ${typed(column, `v${String(at)}`)} is null) as n${String(at)}`,
  )
  return `select ${list(counts)} from source_rows`
}

/**
 * The changes that make the lake's rows the source's: `ord, op, c…`. A value that is equal in the form of comparison stays as
 * the lake has it, and so does every column that was not compared.
 */
export function createRepairs(
  comparison: Comparison,
  lakeColumns: readonly Column[],
  operation: Column | null,
): string {
  const { keys, columns } = comparison
  const k = places(keys, 'k')
  const values = lakeColumns.map((column) => {
    const at = columns.findIndex((one) => one.column.fieldId === column.fieldId)
    const compared = columns[at]
    const lake = `l.c${String(column.fieldId)}`
    if (compared === undefined)
      return `${column === operation ? `coalesce(${lake}, 'I')` : lake} as c${String(column.fieldId)}`
    const isKept = `s.rowid is null or (l.rowid is not null and not (${differsHere(compared, at)}))`
    return `case when ${isKept} then ${lake} else ${typed(compared, `s.v${String(at)}`)} end as c${String(column.fieldId)}`
  })
  return `create or replace temp table changes as
    select ${list([`doubt.i as ord`, `case when s.rowid is null then 'D' else 'U' end as op`, ...values])}
    from doubt left join source_rows as s on ${sameKey(k, 'doubt', 's')} left join lake_rows as l on ${sameKey(k, 'doubt', 'l')}
    where s.rowid is not null or l.rowid is not null`
}

const sameKey = (k: readonly string[], left: string, right: string) =>
  k.map((name) => `${left}.${name} is not distinct from ${right}.${name}`).join(' and ')

/** A hex field of a source's line as text. */
const unhexed = (field: string) => `decode(unhex(substr(${field}, 2)))`

/** A source's lines; empty fields are NULL. */
function lines(path: string, fields: readonly string[]): string {
  const columns = list(fields.map((name) => `${literal(name)}: 'VARCHAR'`))
  return `read_csv(${literal(path)}, auto_detect = false, header = false, columns = {${columns}}, delim = ',', quote = '', escape = '', nullstr = '', max_line_size = 134217728, buffer_size = 134217728, parallel = false)`
}
