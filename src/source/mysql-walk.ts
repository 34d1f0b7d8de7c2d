import { comparedText, ident, keyLiteral, type MysqlColumn } from './mysql-columns.ts'
import type { ComparedColumn } from './source.ts'

/** The columns of an index, in their order in it. */
export type Index = readonly string[]

/**
 * The key columns in the order of a unique index over just them, by which the table can be read piece by piece; null: there is none,
 * or a column's order by the index is not that of its values compared with literals (an enum's).
 */
export function walkOrder(
  keys: readonly ComparedColumn[],
  uniqueIndexes: readonly Index[],
): readonly ComparedColumn[] | null {
  if (keys.length === 0 || !keys.every(isOrdered)) return null
  const index = uniqueIndexes.find(
    (columns) => columns.length === keys.length && keys.every(({ source }) => columns.includes(source.name)),
  )
  return index?.map((name) => keys.find(({ source }) => source.name === name) as ComparedColumn) ?? null
}

const ordered = new Set(
  'tinyint smallint mediumint int bigint decimal char varchar binary varbinary date datetime timestamp uuid'.split(' '),
)

function isOrdered({ source, emptyIsNull }: ComparedColumn): boolean {
  const { typeName, nullable } = source as MysqlColumn
  return ordered.has(typeName) && !nullable && !emptyIsNull
}

/** The query of the key so many rows of `whole` behind `from`, where the next piece begins: see `boundOf`. */
export function nextPiece(
  order: readonly ComparedColumn[],
  {
    table,
    whole,
    from,
    rows,
  }: { readonly table: string; readonly whole: string; readonly from: Bound; readonly rows: number },
): string {
  const texts = order.map((key, at) => `hex(${comparedText(key)}) as k${String(at)}`)
  const columns = order.map(({ source }) => ident(source.name)).join(', ')
  return `select ${texts.join(', ')} from ${table} where ${whole} and ${inPiece(order, from, null)} order by ${columns} limit 1 offset ${String(rows)}`
}

/** A literal for each column of the order; null: open. */
export type Bound = readonly string[] | null

/** Null where a text has no literal: then what is left is one piece. */
export function boundOf(order: readonly ComparedColumn[], row: { readonly [column: string]: unknown }): Bound {
  const literals = order.map((key, at) => {
    const hex = row[`k${String(at)}`]
    return typeof hex === 'string' ? keyLiteral(key, hex.toLowerCase()) : null
  })
  return literals.every((literal) => literal !== null) ? literals : null
}

/** From a key on, up to before another. */
export function inPiece(order: readonly ComparedColumn[], from: Bound, to: Bound): string {
  const parts = [
    ...(from === null ? [] : [`not ${isBefore(order, from)}`]),
    ...(to === null ? [] : [isBefore(order, to)]),
  ]
  const first = order[0] === undefined ? '' : ident(order[0].source.name)
  // What the optimizer needs to see the range behind the row comparison.
  const range = [
    ...(from === null ? [] : [`${first} >= ${from[0] ?? ''}`]),
    ...(to === null ? [] : [`${first} <= ${to[0] ?? ''}`]),
  ]
  return parts.length === 0 ? 'true' : [...range, ...parts].join(' and ')
}

/** In the order of the index: the first column that differs decides. */
function isBefore(order: readonly ComparedColumn[], bound: readonly string[]): string {
  const names = order.map(({ source }) => ident(source.name))
  const cases = names.map((name, at) => {
    const same = names.slice(0, at).map((other, place) => `${other} = ${bound[place] ?? ''}`)
    return `(${[...same, `${name} < ${bound[at] ?? ''}`].join(' and ')})`
  })
  return `(${cases.join(' or ')})`
}
