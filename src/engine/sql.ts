import type { LakeType } from '../domain.ts'

/** A quoted identifier. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text literal. A zero byte would end it, and the statement: it is put in by its code. */
export function literal(text: string): string {
  const quoted = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`)
  return quoted.length === 1 ? String(quoted[0]) : `(${quoted.join(' || chr(0) || ')})`
}

export function list(items: readonly string[]): string {
  return items.join(', ')
}

/** A list literal of texts or of SQL expressions that are written already. */
export function listLiteral(items: readonly string[]): string {
  return `[${items.join(', ')}]`
}

/** DuckDB's name of a lake type. */
export function duckdbType(type: LakeType): string {
  switch (type.kind) {
    case 'boolean':
      return 'boolean'
    case 'byte':
      return 'tinyint'
    case 'short':
      return 'smallint'
    case 'integer':
      return 'integer'
    case 'long':
      return 'bigint'
    case 'float':
      return 'float'
    case 'double':
      return 'double'
    case 'string':
      return 'varchar'
    case 'binary':
      return 'blob'
    case 'date':
      return 'date'
    case 'timestamp':
      return 'timestamptz'
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
  }
}

/** True where the two expressions differ as stored values: NULL equals NULL, NaN equals NaN, -0.0 differs from 0.0. */
export function differs(type: LakeType, left: string, right: string): string {
  const different = `${left} is distinct from ${right}`
  if (type.kind !== 'float' && type.kind !== 'double') return different
  return `(${different} or signbit(${left}) is distinct from signbit(${right}))`
}

/** The scan of Parquet files that share one layout, its columns named by position so that no column name can collide. */
export function readParquet(paths: readonly string[], alias: string, columnNames: readonly string[]): string {
  const files = listLiteral(paths.map(literal))
  return `read_parquet(${files}, hive_partitioning = false) as ${alias}(${list(columnNames)})`
}

/** The item that belongs to the file a row was scanned from; `items` in the order of the scan's paths. */
export function byFile(items: readonly string[]): string {
  return `${listLiteral(items)}[(file_index + 1)::bigint]`
}
