import { list } from '../engine/sql.ts'
import { lakePrint, lakeText } from './forms.ts'
import type { ComparedColumn, Comparison } from './source.ts'

/**
 * DuckDB's `select r, b, h, k…, p…` of rows with columns `c…` of the lake's types: range, bucket, hash, the key's texts, a print of
 * each column. Ranges are those of the table `range_starts` (r, start). What a source computes is to be the same, bit for bit.
 */
export function printedRows({ keys, columns, lead, bucketBits }: Comparison, rows: string): string {
  const k = keys.map((key, at) => `${lakeText(key, cellOf(key))} as k${String(at)}`)
  const p = columns.map((column, at) => `${lakePrint(column, cellOf(column))} as p${String(at)}`)
  const leads = lead === null ? 'null::hugeint' : `${cellOf(lead)}::hugeint`
  const texts = `select ${list([...k, ...p, `${leads} as lead`])} from (${rows})`
  const prints = (of: readonly unknown[]) => `md5(concat_ws(',', ${list(of.map((_, at) => `p${String(at)}`))}))`
  const bucket = `(('0x' || left(${prints(keys.length > 0 ? keys : columns)}, 4))::integer >> ${String(16 - bucketBits)})`
  const hash = `('0x' || left(${prints(columns)}, 16))::ubigint`
  const hashed = `select ${bucket} as b, ${hash} as h, * from (${texts})`
  return lead === null
    ? `select 0 as r, * from (${hashed})`
    : `select coalesce(range_starts.r, 0) as r, rows.* from (${hashed}) as rows asof left join range_starts on rows.lead >= range_starts.start`
}

const cellOf = ({ column }: ComparedColumn) => `c${String(column.fieldId)}`
