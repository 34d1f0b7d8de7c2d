import type { LakeType } from '../domain.ts'
import { distinct, type Parsed, splitList, unquote } from './attribute-text.ts'

export type CsvColumn = { readonly name: string; readonly type: LakeType }

/** Columns from `id bigint, name string, "unit price" decimal(10,2)`. */
export function parseCsvColumns(text: string): Parsed<readonly CsvColumn[]> {
  const parts = splitList(text, 'with-types')
  return parts === null ? { problem: 'has a double quote without its other end' } : parseColumnList(parts)
}

/** The same, one column an item. */
export function parseColumnList(items: readonly string[]): Parsed<readonly CsvColumn[]> {
  const columns: CsvColumn[] = []
  for (const item of items) {
    const match = /^("(?:[^"]|"")+"|[^\s"]+)\s+(.+)$/su.exec(item.trim())
    if (match === null) return { problem: `has ${JSON.stringify(item.trim())}, which is no name and type` }
    const type = parseLakeType(match[2] as string)
    if (type === null) return { problem: `has the type ${JSON.stringify(match[2])}, which is not known` }
    columns.push({ name: unquote(match[1] as string), type })
  }
  const names = distinct(columns.map((column) => column.name))
  return 'problem' in names ? names : { value: columns }
}

const typeNames: readonly (readonly [Exclude<LakeType['kind'], 'decimal'>, string])[] = [
  ['boolean', 'boolean bool'],
  ['byte', 'byte tinyint'],
  ['short', 'short smallint int2 int16'],
  ['integer', 'integer int int4 int32 mediumint'],
  ['long', 'long bigint int64'],
  ['float', 'float real float4'],
  ['double', 'double float8 double-precision'],
  ['string', 'string varchar text char nvarchar nchar character bpchar clob time uuid json'],
  ['binary', 'binary varbinary blob bytea bytes'],
  ['date', 'date'],
  ['timestamp', 'timestamp timestamptz datetime datetime2 timestamp-with-time-zone timestamp-without-time-zone'],
]

const typeByName = new Map(
  typeNames.flatMap(([kind, names]) => names.split(' ').map((name) => [name, { kind } as LakeType] as const)),
)

const typeLengthMax = 100

/**
 * A type under its SQL, Hive or Delta name; a length is no part of it. Null: not known. `int8` is not: eight
 * bytes to some, eight bits to DMS.
 */
export function parseLakeType(text: string): LakeType | null {
  if (text.length > typeLengthMax) return null
  const match = /^([a-z][a-z0-9 ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?$/u.exec(text.trim().toLowerCase())
  if (match === null) return null
  const name = (match[1] as string).replace(/\s+/gu, '-')
  if (name !== 'decimal' && name !== 'numeric') return typeByName.get(name) ?? null
  const precision = Number(match[2] ?? 10)
  const scale = Number(match[3] ?? 0)
  return precision >= 1 && precision <= 38 && scale <= precision ? { kind: 'decimal', precision, scale } : null
}
