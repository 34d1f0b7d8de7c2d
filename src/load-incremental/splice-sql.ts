import type { Column } from '../domain.ts'
import { differs, list } from '../engine/sql.ts'
import { type RowsOfFile, selectGained } from './sql.ts'

/*
 * What a splice needs beside the tables of the merge (sql.ts), one statement per function:
 *   row_groups   the row groups of the touched files that can be spliced: f, g, first (the place of its first row), rows
 *   compared     of each row group in which the columns are told apart: f, g, which of them differ in a row that changes (d<fieldId>…), and
 *                the places of the rows that do not (unchanged)
 *   differences  of each other row that is to be replaced in its file, whether it changes: f, pos, changed
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
  const flags = written.map((column) => `${d(column)} boolean`)
  return `create temp table compared (${list(['f integer', 'g integer', ...flags, 'unchanged bigint[]'])});
    create temp table differences (f integer, pos bigint, changed boolean)`
}

/** Rows of the lake, as a relation, the first and last number of the files that they are of, and a relation of the new rows of these files, among others. */
export type LakeRows = {
  readonly select: string
  readonly first: number
  readonly last: number
  readonly newRows: string
}

/** `compared` decide whether a row changes at all; `written` are all that its file holds. */
export function insertCompared(
  lakeRows: LakeRows,
  { compared, written }: { readonly compared: readonly Column[]; readonly written: readonly Column[] },
): string {
  const flags = written.map((column) => `${different(column)} as ${d(column)}`)
  const differing = written.map((column) => `coalesce(bool_or(${d(column)}) filter (changed), false)`)
  return `insert into compared select ${list(['f', 'g', ...differing, 'list(pos) filter (not changed)'])}
    from (select ${list(['n.f', 'n.pos', `${anyDiffers(compared)} as changed`, ...flags])} from ${besideLake(lakeRows)}) as found
      join (select f as gf, g, first, first + rows as past from row_groups) as row_groups on found.f = gf and pos >= first and pos < past
    group by f, g`
}

/** Of how many rows each of these columns alone tells that they change: `d<fieldId>`. */
export const countDifferences = (lakeRows: LakeRows, columns: readonly Column[]) =>
  `select ${list(columns.map((column) => `count(*) filter (${different(column)}) as ${d(column)}`))}
    from ${besideLake(lakeRows)}`

/** Only whether a row changes, as far as `compared` say. */
export function insertRoughDifferences(lakeRows: LakeRows, compared: readonly Column[]): string {
  return `insert into differences select n.f, n.pos, ${anyDiffers(compared)}
    from ${besideLake(lakeRows)}`
}

/** The row groups with rows of which that is not said yet; of a file whose row groups are not known, g is null. */
export const selectUndecided = () =>
  `select undecided.f, row_groups.g, count(*) as undecided from (from differences where not changed) as undecided
    asof left join row_groups on undecided.f = row_groups.f and undecided.pos >= row_groups.first group by all order by all`

/** The rest of it, by the other columns. */
export function decideRest(lakeRows: LakeRows, compared: readonly Column[]): string {
  return `update differences set changed = true from (
      select n.f, n.pos from (from differences where not changed) as u join ${newRowsOf(lakeRows)} as n on u.f = n.f and u.pos = n.pos
        join (${lakeRows.select}) as d on n.f = d.f and n.pos = d.pos where ${anyDiffers(compared)}) as found
    where differences.f = found.f and differences.pos = found.pos`
}

/** Each row that is to be replaced, `d`, beside the one that replaces it, `n`. */
const besideLake = (lakeRows: LakeRows) =>
  `${newRowsOf(lakeRows)} as n join (${lakeRows.select}) as d on n.f = d.f and n.pos = d.pos`
const newRowsOf = ({ first, last, newRows }: LakeRows) =>
  `(from ${newRows} where f between ${String(first)} and ${String(last)})`
const different = (column: Column) => differs(column.type, `d.${c(column)}`, `n.${c(column)}`)
const anyDiffers = (compared: readonly Column[]) => `(${compared.map(different).join(' or ') || 'false'})`

/** Of `new_rows`, what equals the row that it would replace. */
export const deleteUnchanged = () =>
  `delete from new_rows where f is not null and (f, pos) in (select f, pos from (${unchangedRows}))`
export const insertUnchanged = () => `insert into unchanged select f, pos from (${unchangedRows})`

const unchangedRows = `select f, pos from differences where not changed
  union all select f, unnest(unchanged) as pos from compared`

/** Of the row groups of `compared`: which columns differ in it, and how many of its rows move to another file. */
export function selectGroupChanges(written: readonly Column[]): string {
  return `select ${list(['compared.f', 'compared.g', ...written.map((column) => `compared.${d(column)}`), 'coalesce(leaving.moved, 0) as moved'])}
    from compared left join (
      select moving.f, row_groups.g, count(*) as moved
      from (select f, pos from new_rows semi join (select ord from settled where came is not null and home is distinct from came) as s using (ord)) as moving
        asof join row_groups on moving.f = row_groups.f and moving.pos >= row_groups.first
      group by all) as leaving on leaving.f = compared.f and leaving.g = compared.g`
}

/** Rows that come into a file from elsewhere, by the file in which they stood (null: new keys). */
export const selectArrivals = () =>
  `select home as f, came, count(*) as arrivals from settled where home is not null and came is distinct from home group by home, came`

export type RowRange = { readonly first: number; readonly rows: number }

const within = (pos: string, { first, rows }: RowRange) =>
  `${pos} between ${String(first)} and ${String(first + rows - 1)}`

/** Of the rows of a file, those in one of the ranges. The engine reads no row group that lies outside. */
export const selectRanges = (lakeRows: string, ranges: readonly RowRange[]) =>
  `select * from (${lakeRows}) where ${ranges.map((range) => within('pos', range)).join(' or ')}`

/** The rows of a range in their order (the join alone moves the matches of each vector to its front), with their places and the columns that changed. */
export function selectInPlace(
  lakeRows: string,
  { number, newRows }: { readonly number: number; readonly newRows: string },
  range: RowRange,
  columns: readonly Column[],
): string {
  const values = columns.map(
    (column) => `case when n.pos is null then d.${c(column)} else n.${c(column)} end as ${c(column)}`,
  )
  return `select ${list(['d.pos::integer as pos', ...values])}
    from (select * from (${lakeRows}) where ${within('pos', range)}) as d
    left join (select pos, ${list(columns.map(c))} from ${newRows} where f = ${String(number)} and ${within('pos', range)}) as n on n.pos = d.pos order by d.pos`
}

/** Any row: what was encoded is not in the order of the rows that it stands for. */
export const selectMisplaced = (scan: string, { first }: RowRange) =>
  `select 1 as misplaced from ${scan} where pos <> file_row_number + ${String(first)} limit 1`

/** The rows of row groups that are encoded anew: those that stay, with new values, and those that come into the file. */
export function selectRegrouped(
  lakeRows: string,
  { number, rows }: { readonly number: number; readonly rows: RowsOfFile },
  ranges: readonly RowRange[],
  columns: readonly Column[],
): string {
  const file = String(number)
  const kept = ranges.map(
    (range) => `select ${list(columns.map(c))} from (select * from (${lakeRows}) where ${within('pos', range)})
      anti join (select pos from removed where f = ${file}) using (pos)`,
  )
  const here = ranges.map((range) => within('pos', range)).join(' or ') || 'false'
  return [...kept, ...selectGained(columns, number, rows, here)].join(' union all ')
}
