import type { Column } from '../domain.ts'
import { duckdbType, list, literal } from '../engine/sql.ts'

/*
 * The merge, one statement per function. The tables of one batch, temporary but for `new_rows`, `unchanged`, `removed` and `settled`, which several
 * connections read at once when files are written:
 *   changes      view: every landing row of the batch (ord, op, c…, b…)
 *   last_change  one row per key that the batch touches: k…, last = ord × 2 + (1 if it is a deletion); q with a sequence column
 *   lake_files   the data files with the bounds of their key columns
 *   hits         where a touched key stands in the lake today: f, pos, last
 *   new_rows     table or view: the last row image of each key that is to be there: ord, f, pos (NULL for a new key), c…
 *   unchanged    where new_rows is a view: what is no part of it any more: f, pos
 *   removed      positions that leave their file
 *   homes        the files that are written again: f, p… (their partition values as text)
 *   settled      the file that each new row joins: ord, came (the f of the row), home (NULL: a new file), p…
 * `last` names a key of the batch: two keys never share one.
 */

const c = ({ fieldId }: Column) => `c${String(fieldId)}`
const b = ({ fieldId }: Column) => `b${String(fieldId)}`
const k = ({ fieldId }: Column) => `k${String(fieldId)}`

/**
 * The last change per key decides. A changed key (by its before-images) is a deletion of the old key at the same place.
 * An empty before-image of a partition column is the NULL that the lake holds for it; a NULL one says "did not change".
 * With a sequence column its value decides first, and no value (NULL) is lower than any.
 */
export function createLastChange(
  keys: readonly Column[],
  options: {
    readonly beforeImages: boolean
    readonly partitionColumns: readonly string[]
    readonly sequence: Column | null
  },
): string {
  const { sequence } = options
  const value = sequence === null ? [] : [`${c(sequence)} as q`]
  const events = [
    `select ${list([...keys.map((key) => `${c(key)} as ${k(key)}`), ...value])}, ord * 2 + (op = 'D')::bigint as last from changes`,
  ]
  if (options.beforeImages) {
    const emptyIsNull = ({ name, type }: Column) => options.partitionColumns.includes(name) && type.kind === 'string'
    const image = (key: Column) => `coalesce(${b(key)}, ${c(key)})`
    const old = (key: Column) => (emptyIsNull(key) ? `nullif(${image(key)}, '')` : image(key))
    const moved = keys.map((key) => `${old(key)} is distinct from ${c(key)}`).join(' or ')
    events.push(
      `select ${list([...keys.map((key) => `${old(key)} as ${k(key)}`), ...value])}, ord * 2 + 1 as last from changes where op = 'U' and (${moved})`,
    )
  }
  const names = list(keys.map(k))
  const all = events.join(' union all ')
  if (sequence === null)
    return `create temp table last_change as select ${names}, max(last) as last from (${all}) group by ${names}`
  return `create temp table last_change as select ${names}, last, q from (${all})
    qualify row_number() over (partition by ${names} order by q desc nulls last, last desc) = 1`
}

/** Reads the JSON lines of `lakeFilesJson`. */
export function createLakeFiles(path: string, keys: readonly Column[]): string {
  const texts = [
    'f',
    ...keys.flatMap(({ fieldId }) => ['min', 'max', 'nulls', 'known'].map((part) => `${part}${String(fieldId)}`)),
  ]
  const json = `read_json(${literal(path)}, format = 'newline_delimited', columns = {${list(texts.map((name) => `${name}: 'VARCHAR'`))}})`
  const typed = keys.flatMap(({ fieldId, type }) => [
    `min${String(fieldId)}::${duckdbType(type)} as min${String(fieldId)}`,
    `max${String(fieldId)}::${duckdbType(type)} as max${String(fieldId)}`,
    `nulls${String(fieldId)}::boolean as nulls${String(fieldId)}`,
    `known${String(fieldId)}::boolean as known${String(fieldId)}`,
  ])
  return `create temp table lake_files as select ${list(['f::integer as f', ...typed])} from ${json}`
}

/** The files whose bounds, key column by key column, can hold a key of the batch. */
export function selectCandidates(keys: readonly Column[]): string {
  const passing = keys.map((key) => {
    const id = String(key.fieldId)
    // A key of one column stands once in `last_change`.
    const distinct = keys.length === 1 ? '' : 'distinct'
    const values = `(select ${distinct} ${k(key)} as v from last_change where ${k(key)} is not null)`
    return `(select f from lake_files where not known${id}
      union select f from lake_files where nulls${id} and exists (select 1 from last_change where ${k(key)} is null)
      union select l.f from (from lake_files where known${id} and min${id} is not null) as l
        asof join ${values} as batch on l.min${id} <= batch.v where batch.v <= l.max${id})`
  })
  return `select f from (${passing.join(' intersect ')}) order by f`
}

export function createHits(lakeKeys: string, keys: readonly Column[], sequence: Column | null): string {
  const same = keys.map((key) => `d.${c(key)} is not distinct from t.${k(key)}`).join(' and ')
  const value = sequence === null ? [] : [`d.${c(sequence)} as q`]
  return `create temp table hits as select ${list(['d.f', 'd.pos', 't.last', ...value])} from (${lakeKeys}) as d join last_change as t on ${same}`
}

export const selectHits = () =>
  `select f, count(*) filter (last % 2 = 0) as images, count(*) filter (last % 2 = 1) as deletions from hits group by f order by f`

/** Any row: the lake holds a key twice. */
export const selectDoubleHit = () => `select last from hits group by last having count(*) > 1 limit 1`

export const countKeys = () => `select count(*) as keys from last_change`

export const createNewRows = (columns: readonly Column[]) => `create table new_rows as ${selectImages(columns)}`

export const partOfNewKeys = '-1'

/** With the part that each belongs to, by the number of its file. */
export const selectInParts = (columns: readonly Column[], partOf: ReadonlyMap<number, number>) =>
  `select coalesce(v.part, ${partOfNewKeys}) as part, i.* from (${selectImages(columns)}) as i
    left join (values ${list([...partOf].map(([f, part]) => `(${String(f)}, ${String(part)})`))}) as v(f, part) on i.f = v.f`

/** Of spilled rows, in the order in which the files are written: what reads the rows of one passes over the others. */
export const selectInFiles = (paths: readonly string[]) => `from ${spilledRows(paths)} order by f, pos`

export function selectImages(columns: readonly Column[]): string {
  return `select place.ord, place.f, place.pos, ${list(columns.map((column) => `changes.${c(column)}`))}
    from changes join (
      select last_change.last // 2 as ord, hits.f, hits.pos from last_change left join hits using (last) where last % 2 = 0
    ) as place on changes.ord = place.ord`
}

/** The same of Parquet files, less the rows of `unchanged`. */
export const selectSpilled = (paths: readonly string[]) =>
  `select * from ${spilledRows(paths)} anti join unchanged using (f, pos)`

export const createNewRowsOf = (paths: readonly string[]) => `create view new_rows as ${selectSpilled(paths)}`

const spilledRows = (paths: readonly string[]) =>
  `read_parquet([${list(paths.map(literal))}], hive_partitioning = false)`

export const createUnchanged = () => 'create table unchanged (f integer, pos bigint)'

export const createRemoved = () =>
  `create table removed as
    select f, pos from hits where last % 2 = 1
    union all select f, pos from new_rows where f is not null`

export const selectTouched = () => `select f, count(*) as removed from removed group by f order by f`

export type Home = { readonly number: number; readonly partition: readonly (string | null)[] }

export function createHomes(homes: readonly Home[], partitions: number): string {
  const names = list(['f', ...places(partitions)])
  const types = list(['f::integer as f', ...places(partitions).map((p) => `${p}::varchar as ${p}`)])
  if (homes.length === 0)
    return `create temp table homes as select ${types} from (select ${list(['null as f', ...places(partitions).map((p) => `null as ${p}`)])}) where false`
  const rows = homes.map(({ number, partition }) => `(${list([String(number), ...partition.map(textOrNull)])})`)
  return `create temp table homes as select ${types} from (values ${list(rows)}) as v(${names})`
}

/** A changed row stays in its file unless its partition changed. `texts`: the partition values of a new row as text. */
export function createSettled(texts: readonly string[]): string {
  const stays = texts.map((text, at) => `${text} is not distinct from homes.p${String(at)}`)
  const values = texts.map((text, at) => `${text} as p${String(at)}`)
  return `create table settled as
    select ${list(['ord', 'new_rows.f as came', `case when ${['homes.f is not null', ...stays].join(' and ')} then homes.f end as home`, ...values])}
    from new_rows left join homes on new_rows.f = homes.f`
}

/** The rows without a home, by partition. */
export function selectPools(partitions: number): string {
  const columns = places(partitions)
  const groups = columns.length === 0 ? 'having count(*) > 0' : `group by ${list(columns)}`
  return `select ${list(['count(*) as total', ...columns])} from settled where home is null ${groups}`
}

export const countHomeless = () => `select count(*) as total from settled where home is null`

/** Gives the homeless rows of the partitions of `numbers` a home there. */
export function settleIn(numbers: readonly number[], partitions: number): string {
  const same = places(partitions).map((p) => ` and settled.${p} is not distinct from homes.${p}`)
  return `update settled set home = homes.f from homes
    where settled.home is null and homes.f in (${list(numbers.map(String))})${same.join('')}`
}

/** Takes these files from the homes: what was to stand there is homeless. */
export const unsettle = (numbers: readonly number[]) =>
  `update settled set home = null where home in (${list(numbers.map(String))})`

const places = (partitions: number) => Array.from({ length: partitions }, (_, at) => `p${String(at)}`)
const textOrNull = (text: string | null) => (text === null ? 'null' : literal(text))

/** Relations that hold those of `new_rows` that a file gets, among others: those that stand where a row of it stood, and those that come into it (null: none). */
export type RowsOfFile = { readonly staying: string; readonly arriving: string | null }

/** What is left of a data file, and the rows that it gets. */
export function selectRewritten(
  lakeRows: string,
  number: number,
  columns: readonly Column[],
  rows: RowsOfFile,
): string {
  const file = String(number)
  const left = `select ${list(columns.map(c))} from (${lakeRows}) as d anti join (select pos from removed where f = ${file}) as r using (pos)`
  return [left, ...selectGained(columns, number, rows)].join(' union all ')
}

/** The rows that a file gets: those that stay, with new values, and those that come into it. `where`: of those that stay. */
export function selectGained(
  columns: readonly Column[],
  number: number,
  { staying, arriving }: RowsOfFile,
  where = 'true',
): readonly string[] {
  const file = String(number)
  const stay = `${selectNewRows(columns, `home = ${file} and came = ${file}`, { from: staying })} where f = ${file} and (${where})`
  if (arriving === null) return [stay]
  return [stay, selectNewRows(columns, `home = ${file} and came is distinct from ${file}`, { from: arriving })]
}

/** What is left of the files that are merged, then the rows without a home. */
export function selectBegun(columns: readonly Column[], mergedRows: string): string {
  return `select ${list([placeBefore, ...columns.map(c)])} from (${mergedRows}) as d anti join removed using (f, pos)
    union all select ord as place, ${list(columns.map(c))} from (${selectNewRows(columns, 'home is null', { more: ['ord'] })})`
}

/** Of a row that was in the lake: in the order of the files, before all rows that arrive. */
export const placeBefore = '(f::bigint << 40) + pos - (1::bigint << 62) as place'

function selectNewRows(
  columns: readonly Column[],
  settled: string,
  { from = 'new_rows', more = [] }: { readonly from?: string; readonly more?: readonly string[] },
): string {
  return `select ${list([...more, ...columns.map(c)])} from ${from} semi join (select ord from settled where ${settled}) as s using (ord)`
}

export const countNewRows = () =>
  `select count(*) filter (f is null) as inserted, count(*) filter (f is not null) as updated from new_rows`

/** Any row: a key of the batch stands twice in what was written, or is there although it was deleted. */
export function selectSpoiled(written: string, keys: readonly Column[]): string {
  const same = keys.map((key) => `d.${c(key)} is not distinct from t.${k(key)}`).join(' and ')
  return `select t.last % 2 as deleted from (${written}) as d join last_change as t on ${same}
    group by t.last having count(*) > 1 or t.last % 2 = 1 limit 1`
}

/** Over all rows of the relations, whatever their order: the same for the same keys, as often. */
export const selectKeySum = (relations: readonly string[], keys: readonly Column[]) =>
  `select sum(hash(${list(keys.map(c))})::hugeint)::varchar as total from (${relations
    .map((relation) => `select ${list(keys.map(c))} from (${relation})`)
    .join(' union all ')})`
