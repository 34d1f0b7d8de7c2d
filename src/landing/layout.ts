import type { LakeType } from '../domain.ts'
import { literal } from '../engine/sql.ts'

/** What one column of a landing file is to us. */
export type LandingColumn = {
  readonly name: string
  /** `op`: DMS's operation column. `before`: the old value of column `of`. `data`: a column of the source. */
  readonly role: 'op' | 'before' | 'data'
  readonly of: string | null
  /** The engine's name of the type as the file has it. */
  readonly fileType: string
  /** The type the lake would give it; null where the lake has none. */
  readonly type: LakeType | null
}

/** The columns of a landing file in their order. Files with equal layouts are read by one scan, by position. */
export type LandingLayout = {
  readonly columns: readonly LandingColumn[]
  readonly fingerprint: string
}

export type NamedType = { readonly name: string; readonly fileType: string }

/** The name DMS gives its operation column. */
export const operationColumn = 'Op'

/**
 * `Op` is DMS's, exactly so written and once; a column named prefix + another column of the same file is that one's
 * before-image; all else belongs to the source, whatever its name.
 */
export function layoutOf(columns: readonly NamedType[], beforeImagePrefix: string): LandingLayout {
  const names = new Set(columns.map(({ name }) => name))
  const operationAt = columns.findIndex(({ name }) => name === operationColumn)
  const described = columns.map(({ name, fileType }, at): LandingColumn => {
    const type = lakeTypeOf(fileType)
    if (at === operationAt) return { name, role: 'op', of: null, fileType, type }
    const of =
      beforeImagePrefix !== '' && name.startsWith(beforeImagePrefix) ? name.slice(beforeImagePrefix.length) : null
    if (of !== null && names.has(of)) return { name, role: 'before', of, fileType, type }
    return { name, role: 'data', of: null, fileType, type }
  })
  return { columns: described, fingerprint: JSON.stringify(columns.map(({ name, fileType }) => [name, fileType])) }
}

const plainTypes: Readonly<Record<string, LakeType>> = {
  BOOLEAN: { kind: 'boolean' },
  TINYINT: { kind: 'byte' },
  SMALLINT: { kind: 'short' },
  INTEGER: { kind: 'integer' },
  BIGINT: { kind: 'long' },
  UTINYINT: { kind: 'short' },
  USMALLINT: { kind: 'integer' },
  UINTEGER: { kind: 'long' },
  UBIGINT: { kind: 'decimal', precision: 20, scale: 0 },
  FLOAT: { kind: 'float' },
  DOUBLE: { kind: 'double' },
  VARCHAR: { kind: 'string' },
  JSON: { kind: 'string' },
  UUID: { kind: 'string' },
  BLOB: { kind: 'binary' },
  DATE: { kind: 'date' },
  TIME: { kind: 'string' },
  TIMESTAMP: { kind: 'timestamp' },
  TIMESTAMP_NS: { kind: 'timestamp' },
  'TIMESTAMP WITH TIME ZONE': { kind: 'timestamp' },
}

/** The lake's type for a column that the engine reads as `fileType` (delta-log §2); null for nested and unknown ones. */
export function lakeTypeOf(fileType: string): LakeType | null {
  const decimal = /^DECIMAL\((\d+),\s?(\d+)\)$/u.exec(fileType)
  if (decimal) return { kind: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) }
  return plainTypes[fileType] ?? null
}

/**
 * Times of day become text with six fraction digits: Spark cannot open a file that holds a Parquet TIME. A time without a zone is
 * taken as UTC by its microseconds; the engine's cast asks a calendar for each, which takes as long as to encode it. Infinities are left to the cast.
 */
export function asLakeValue(expression: string, fileType: string): string {
  switch (fileType) {
    case 'TIME':
      return `strftime(date '2000-01-01' + ${expression}, ${literal('%H:%M:%S.%f')})`
    case 'TIMESTAMP':
    case 'TIMESTAMP_NS':
      return `coalesce(make_timestamptz(epoch_us(${expression})), ${expression}::timestamptz)`
    default:
      return expression
  }
}
