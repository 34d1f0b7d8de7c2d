import type { SourceColumn } from './columns.ts'
import { type DeclaredColumn, declaredCharset, declaredColumn, isText } from './ddl-columns.ts'
import { hasWords, parenthesized, skipWords, splitAtCommas, unquoteName } from './ddl-tokens.ts'
import type { TableDefinition } from './definitions.ts'

/** The table after the clauses of an `alter table`, one after the other. Clauses that touch no column change nothing. */
export function alterTable(table: TableDefinition, clauses: readonly (readonly string[])[]): TableDefinition {
  return clauses.reduce(applyClause, table)
}

function applyClause(table: TableDefinition, clause: readonly string[]): TableDefinition {
  const verb = clause[0]?.toLowerCase() ?? ''
  if (hasWords(clause, 1, 'primary', 'key')) return alterPrimaryKey(table, clause)
  if (namesNoColumn.has(clause[1]?.toLowerCase() ?? '')) return table
  const subject = skipIfExists(clause, skipWords(clause, 1, 'column'))
  const name = unquoteName(clause[subject] ?? '')
  switch (verb) {
    case 'add':
      return addColumns(table, clause.slice(subject))
    case 'drop':
      return withColumns(
        table,
        table.columns.filter((column) => !sameName(column.name, name)),
      )
    case 'modify':
      return replaceColumn(table, name, declaredColumn(clause.slice(subject), table.charset))
    case 'change':
      return replaceColumn(table, name, declaredColumn(clause.slice(subject + 1), table.charset))
    case 'rename':
      return rename(table, clause)
    case 'convert':
      return convertCharset(table, clause)
    default:
      return { ...table, charset: declaredCharset(clause) ?? table.charset }
  }
}

/** What may follow `add` or `drop` and is no column. A column of such a name stands in backticks. */
const namesNoColumn = new Set(
  'index key constraint unique fulltext spatial foreign check partition period system'.split(' '),
)

function skipIfExists(clause: readonly string[], at: number): number {
  return skipWords(clause, skipWords(clause, at, 'if', 'not', 'exists'), 'if', 'exists')
}

function alterPrimaryKey(table: TableDefinition, clause: readonly string[]): TableDefinition {
  if (hasWords(clause, 0, 'drop')) return { ...table, primaryKey: [] }
  const columns = splitAtCommas(parenthesized(clause, clause.indexOf('('))?.inner ?? [])
  return { ...table, primaryKey: columns.map(([name = '']) => unquoteName(name)) }
}

/** `add column name …` and `add column (name …, name …)`; a column that is there already stays as it is. */
function addColumns(table: TableDefinition, declaration: readonly string[]): TableDefinition {
  const list = parenthesized(declaration, 0)
  const declarations = list === null ? [declaration] : splitAtCommas(list.inner)
  return declarations.reduce((before, tokens) => {
    const declared = declaredColumn(tokens, before.charset)
    const isThere = before.columns.some((column) => sameName(column.name, declared.column.name))
    return isThere ? before : withColumns(before, place(before.columns, declared, before.columns.length))
  }, table)
}

function replaceColumn(table: TableDefinition, name: string, declared: DeclaredColumn): TableDefinition {
  const at = table.columns.findIndex((column) => sameName(column.name, name))
  if (at === -1) return table
  const others = table.columns.filter((_, i) => i !== at)
  const primaryKey = table.primaryKey.map((key) => (sameName(key, name) ? declared.column.name : key))
  return { ...table, columns: place(others, declared, at), primaryKey }
}

/** Puts the column where its declaration says, otherwise at `fallback`. */
function place(columns: readonly SourceColumn[], declared: DeclaredColumn, fallback: number): SourceColumn[] {
  const after = declared.after
  const at =
    after === null ? fallback : after === '' ? 0 : columns.findIndex((column) => sameName(column.name, after)) + 1
  return [...columns.slice(0, at), declared.column, ...columns.slice(at)]
}

function rename(table: TableDefinition, clause: readonly string[]): TableDefinition {
  if (hasWords(clause, 1, 'column')) {
    const [from, to] = [unquoteName(clause[2] ?? ''), unquoteName(clause[4] ?? '')]
    const renamed = (name: string) => (sameName(name, from) ? to : name)
    return {
      ...table,
      columns: table.columns.map((column) => ({ ...column, name: renamed(column.name) })),
      primaryKey: table.primaryKey.map(renamed),
    }
  }
  const at = skipWords(clause, skipWords(clause, 1, 'to'), 'as')
  const first = unquoteName(clause[at] ?? '')
  if (clause[at + 1] !== '.') return { ...table, table: first }
  return { ...table, schema: first, table: unquoteName(clause[at + 2] ?? '') }
}

function convertCharset(table: TableDefinition, clause: readonly string[]): TableDefinition {
  const charset = declaredCharset(clause) ?? table.charset
  const columns = table.columns.map((column) => (isText(column.columnType) ? { ...column, charset } : column))
  return { ...table, charset, columns }
}

function withColumns(table: TableDefinition, columns: readonly SourceColumn[]): TableDefinition {
  return { ...table, columns }
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
