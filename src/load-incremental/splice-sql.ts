import type { Column } from '../domain.ts'
import { differs, list } from '../engine/sql.ts'
import { selectArriving, selectStaying } from './sql.ts'

/*
 * What a splice needs beside the tables of the merge (sql.ts), one statement per function:
 *   row_groups   the row groups of the touched files that can be spliced: f, g, first (the place of its first row), rows
 *   differences  of each row that is to be replaced in its file, which columns differ: f, pos, changed, d<fieldId>…; where a row is `rough`,
 *                only whether any does
 */

const c = ({ fieldId }: Column) => `c${String(fieldId)}`
const d = ({ fieldId }: Column) => `d${String(fieldId)}`

export type GroupRange = { readonly f: number; readonly g: number; readonly first: number; readonly rows: number }

export function createRowGroups(groups: readonly GroupRange[]): string {
  const columns = 'f::integer as f, g::integer as g, first::bigint as first, rows::bigint as rows'
  if (groups.length === 0)
    return `create temp table row_groups as select ${columns} from (select 0 as f, 0 as g, 0 as first, 0 as rows) where false`
  const values = groups.map(({ f, g, first, rows }) => `(${list([f, g, first, rows].map(String))})`)
  return `create temp table row_groups as select ${columns} from (values ${list(values)}) as v(f, g, first, rows)`
}

/** The row groups in which a key of the batch stands: how many rows get a new image, and how many are deleted. */
export const selectHitGroups = () =>
  `select row_groups.f, row_groups.g, count(*) filter (last % 2 = 0) as images, count(*) filter (last % 2 = 1) as deletions
    from hits asof join row_groups on hits.f = row_groups.f and hits.pos >= row_groups.first group by all order by all`

export function createDifferences(written: readonly Column[]): string {
  return `create temp table differences (${list(['f integer', 'pos bigint', 'rough boolean', 'changed boolean', ...written.map((column) => `${d(column)} boolean`)])})`
}

/** `compared` decide whether a row changes at all; `written` are all that its file holds. */
export function insertDifferences(
  lakeRows: string,
  { compared, written }: { readonly compared: readonly Column[]; readonly written: readonly Column[] },
): string {
  const flags = written.map((column) => different(column))
  return `insert into differences select ${list(['n.f', 'n.pos', 'false', anyDiffers(compared), ...flags])}
    from ${besideLake(lakeRows)}`
}

/** Of how many rows each of these columns alone tells that they change: `d<fieldId>`. */
export const countDifferences = (lakeRows: string, columns: readonly Column[]) =>
  `select ${list(columns.map((column) => `count(*) filter (${different(column)}) as ${d(column)}`))}
    from ${besideLake(lakeRows)}`

/** Only whether a row changes, as far as `compared` say. */
export function insertRoughDifferences(lakeRows: string, compared: readonly Column[]): string {
  return `insert into differences (f, pos, rough, changed) select n.f, n.pos, true, ${anyDiffers(compared)}
    from ${besideLake(lakeRows)}`
}

/** The row groups with rows of which that is not said yet; of a file whose row groups are not known, g is null. */
export const selectUndecided = () =>
  `select undecided.f, row_groups.g, count(*) as undecided from (from differences where rough and not changed) as undecided
    asof left join row_groups on undecided.f = row_groups.f and undecided.pos >= row_groups.first group by all order by all`

/** The rest of it, by the other columns. */
export function decideRest(lakeRows: string, compared: readonly Column[]): string {
  return `update differences set changed = true from (
      select n.f, n.pos from (from differences where rough and not changed) as u join new_rows as n on u.f = n.f and u.pos = n.pos
        join (${lakeRows}) as d on n.f = d.f and n.pos = d.pos where ${anyDiffers(compared)}) as found
    where differences.f = found.f and differences.pos = found.pos`
}

/** Each row that is to be replaced, `d`, beside the one that replaces it, `n`. */
const besideLake = (lakeRows: string) => `new_rows as n join (${lakeRows}) as d on n.f = d.f and n.pos = d.pos`
const different = (column: Column) => differs(column.type, `d.${c(column)}`, `n.${c(column)}`)
const anyDiffers = (compared: readonly Column[]) => `(${compared.map(different).join(' or ') || 'false'})`

/** Of `new_rows`, what equals the row that it would replace. */
export const deleteUnchanged = () =>
  `delete from new_rows where f is not null and (f, pos) in (select f, pos from differences where not changed)`
export const insertUnchanged = () => `insert into unchanged select f, pos from differences where not changed`

/** What each touched row group goes through: rows lost, and the columns that differ in those that stay. */
export function selectGroupChanges(written: readonly Column[]): string {
  const flags = written.map((column) => `coalesce(bool_or(${d(column)}) filter (stays), false) as ${d(column)}`)
  return `select ${list(['f', 'g', 'count(*) filter (not stays) as lost', ...flags])}
    from (
      select row_groups.f, row_groups.g, coalesce(placed.home = removed.f, false) as stays, differences.*
      from removed asof join row_groups on removed.f = row_groups.f and removed.pos >= row_groups.first
        left join (select new_rows.f, new_rows.pos, settled.home from new_rows join settled using (ord)) as placed
          on placed.f = removed.f and placed.pos = removed.pos
        left join (select * rename (f as df, pos as dpos) from differences) as differences
          on differences.df = removed.f and differences.dpos = removed.pos)
    group by f, g order by f, g`
}

/** Rows that come into a file from elsewhere. */
export const selectArrivals = () =>
  `select settled.home as f, count(*) as arrivals from settled join new_rows using (ord)
    where settled.home is not null and new_rows.f is distinct from settled.home group by settled.home`

export type RowRange = { readonly first: number; readonly rows: number }

const within = (pos: string, { first, rows }: RowRange) =>
  `${pos} between ${String(first)} and ${String(first + rows - 1)}`

/** Of the rows of a file, those in one of the ranges. The engine reads no row group that lies outside. */
export const selectRanges = (lakeRows: string, ranges: readonly RowRange[]) =>
  `select * from (${lakeRows}) where ${ranges.map((range) => within('pos', range)).join(' or ')}`

/** The rows of a range in their order (the join alone moves the matches of each vector to its front), with their places and the columns that changed. */
export function selectInPlace(lakeRows: string, number: number, range: RowRange, columns: readonly Column[]): string {
  const values = columns.map(
    (column) => `case when n.pos is null then d.${c(column)} else n.${c(column)} end as ${c(column)}`,
  )
  return `select ${list(['d.pos::integer as pos', ...values])}
    from (select * from (${lakeRows}) where ${within('pos', range)}) as d
    left join (select pos, ${list(columns.map(c))} from new_rows where f = ${String(number)} and ${within('pos', range)}) as n on n.pos = d.pos order by d.pos`
}

/** Any row: what was encoded is not in the order of the rows that it stands for. */
export const selectMisplaced = (scan: string, { first }: RowRange) =>
  `select 1 as misplaced from ${scan} where pos <> file_row_number + ${String(first)} limit 1`

/** The rows of row groups that are encoded anew: those that stay, with new values, and those that come into the file. */
export function selectRegrouped(
  lakeRows: string,
  number: number,
  ranges: readonly RowRange[],
  columns: readonly Column[],
): string {
  const file = String(number)
  const kept = ranges.map(
    (range) => `select ${list(columns.map(c))} from (select * from (${lakeRows}) where ${within('pos', range)})
      anti join (select pos from removed where f = ${file}) using (pos)`,
  )
  const here = ranges.map((range) => within('pos', range)).join(' or ') || 'false'
  return [...kept, selectStaying(columns, number, here), selectArriving(columns, number)].join(' union all ')
}
