import type { Column } from '../domain.ts'
import { duckdbType, list, readParquet } from '../engine/sql.ts'

/*
 * What a sequence column adds to the tables of a batch (see sql.ts), all temporary:
 *   last_change  q: the sequence value of the change
 *   hits         q: that of the row in the lake
 *   kept         deletions kept in mind in small files, which a new file takes in: k…, q, ms
 *   remembered   of all that are kept in mind, those of keys of the batch: k…, q
 *   lost         last: changes that are older than what the lake, or the memory, has of their key
 *   gone         deletions of the batch that are to be kept in mind: k…, q
 */

const k = ({ fieldId }: Column) => `k${String(fieldId)}`
const same = (keys: readonly Column[], left: string, right: string) =>
  keys.map((key) => `${left}.${k(key)} is not distinct from ${right}.${k(key)}`).join(' and ')

export type SequencedKeys = { readonly keys: readonly Column[]; readonly column: Column }

/** `select k…, q, ms` over files of deletions taken after `afterMs`, typed as the lake is now: a column may be wider than the file. */
export function deletionsSelect({ keys, column }: SequencedKeys, paths: readonly string[], afterMs: number): string {
  const names = [...keys.map(k), 'q', 'ms']
  const typed = [
    ...keys.map((key) => `${k(key)}::${duckdbType(key.type)} as ${k(key)}`),
    `q::${duckdbType(column.type)} as q`,
    'ms::bigint as ms',
  ]
  const none = [...keys, column].map(({ type }) => `null::${duckdbType(type)}`)
  const empty = `select * from (select ${list([...none, 'null::bigint'])} where false) as t(${list(names)})`
  const scans = paths.map((path) => `select ${list(typed)} from ${readParquet([path], 't', names)}`)
  return `select * from (${[empty, ...scans].join(' union all ')}) where ms > ${String(afterMs)}`
}

export const createKept = (deletions: string) => `create temp table kept as ${deletions}`

/** `deletions`: those in files that stay as they are. */
export function createRemembered({ keys }: SequencedKeys, deletions: string): string {
  return `create temp table remembered as select ${list(keys.map(k))}, max(q) as q
    from (${deletions} union all select * from kept) as d semi join last_change as t on ${same(keys, 'd', 't')} group by ${list(keys.map(k))}`
}

/** A row in the lake speaks for its key; a remembered deletion only where there is none. An equal value applies. */
export function createLost({ keys }: SequencedKeys): string {
  const older = (than: string) => `${than}.q is not null and (t.q is null or t.q < ${than}.q)`
  return `create temp table lost as
    select t.last from last_change as t join hits using (last) where ${older('hits')}
    union all select t.last from last_change as t join remembered as r on ${same(keys, 't', 'r')}
      where t.last not in (select last from hits) and ${older('r')}`
}

export const countLost = () => `select count(*) as lost from lost`
export const dropLost = (from: 'hits' | 'last_change') => `delete from ${from} where last in (select last from lost)`

/** Without a value a deletion is older than everything: it keeps nothing out. */
export function createGone({ keys }: SequencedKeys): string {
  return `create temp table gone as select ${list(keys.map(k))}, q
    from last_change as t where last % 2 = 1 and q is not null
      and not exists (select 1 from remembered as r where ${same(keys, 't', 'r')} and r.q >= t.q)`
}

export const countGone = () => `select count(*) as gone from gone`

/** The rows of a new file: the batch's deletions and, so that files stay few, those of the small files that it replaces. */
export function selectDeleteFile({ keys }: SequencedKeys, nowMs: number): string {
  const names = list(keys.map(k))
  return `select ${names}, max(q) as q, max(ms) as ms from (
      select ${names}, q, ${String(nowMs)}::bigint as ms from gone union all select * from kept
    ) group by ${names}`
}
