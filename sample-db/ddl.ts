import type { TableId } from '../src/domain.ts'
import { DmscdcError } from '../src/errors.ts'
import { alterTable } from './ddl-alter.ts'
import { declaredCharset, declaredColumn } from './ddl-columns.ts'
import { hasWords, parenthesized, skipWords, splitAtCommas, tokensOf, unquoteName } from './ddl-tokens.ts'
import { type Catalog, findTable, type TableDefinition, withoutTable, withTable } from './definitions.ts'

/** What a statement of the binlog did: the catalog after it, and the tables that lost all their rows by it. */
export type DdlEffect = { readonly catalog: Catalog; readonly emptied: readonly TableId[] }

/**
 * Carries a statement over to the catalog; null when it changes no table's columns or existence.
 * Throws `invalid-config` for a statement that creates or alters a table in a way that is not understood.
 */
export function applyDdl(
  catalog: Catalog,
  sql: string,
  schema: string,
  isTaken: (id: TableId) => boolean,
): DdlEffect | null {
  const tokens = tokensOf(sql)
  if (hasWords(tokens, 0, 'create')) return applyCreate(catalog, tokens, schema, isTaken)
  if (hasWords(tokens, 0, 'alter')) return applyAlter(catalog, tokens, schema)
  if (hasWords(tokens, 0, 'drop')) return applyDrop(catalog, tokens, schema)
  if (hasWords(tokens, 0, 'truncate')) return applyTruncate(catalog, tokens, schema)
  if (hasWords(tokens, 0, 'rename', 'table') || hasWords(tokens, 0, 'rename', 'tables'))
    return applyRename(catalog, tokens, schema)
  return null
}

function applyCreate(
  catalog: Catalog,
  tokens: readonly string[],
  schema: string,
  isTaken: (id: TableId) => boolean,
): DdlEffect | null {
  const replaces = hasWords(tokens, 1, 'or', 'replace')
  const object = skipWords(tokens, 1, 'or', 'replace')
  if (hasWords(tokens, object, 'database') || hasWords(tokens, object, 'schema')) {
    const at = skipWords(tokens, object + 1, 'if', 'not', 'exists')
    const charset = declaredCharset(tokens.slice(at + 1)) ?? catalog.charset
    const schemaCharsets = { ...catalog.schemaCharsets, [unquoteName(tokens[at] ?? '')]: charset }
    return { catalog: { ...catalog, schemaCharsets }, emptied: [] }
  }
  if (!hasWords(tokens, object, 'table')) return null
  const { id, next } = nameAt(tokens, skipWords(tokens, object + 1, 'if', 'not', 'exists'), schema)
  const existing = findTable(catalog, id)
  if (!isTaken(id) || (existing !== null && !replaces)) return null
  return {
    catalog: withTable(catalog, createdTable(catalog, id, tokens, next, schema)),
    emptied: existing === null ? [] : [id],
  }
}

function createdTable(
  catalog: Catalog,
  id: TableId,
  tokens: readonly string[],
  at: number,
  schema: string,
): TableDefinition {
  const body = parenthesized(tokens, at)
  const like = hasWords(tokens, at, 'like') ? at + 1 : hasWords(tokens, at + 1, 'like') ? at + 2 : null
  if (like !== null) {
    const model = findTable(catalog, nameAt(tokens, like, schema).id)
    if (model === null) throw notUnderstood(id, 'create table like')
    return { ...model, ...id }
  }
  if (body === null) throw notUnderstood(id, 'create table')
  const charset = declaredCharset(tokens.slice(body.end)) ?? catalog.schemaCharsets[id.schema] ?? catalog.charset
  const parts = splitAtCommas(body.inner)
  const declared = parts.filter((part) => !isKeyClause(part)).map((part) => declaredColumn(part, charset))
  const keys = parts.flatMap((part) => primaryKeyOf(part) ?? [])
  return {
    ...id,
    charset,
    columns: declared.map(({ column }) => column),
    primaryKey: [...keys, ...declared.filter(({ isKey }) => isKey).map(({ column }) => column.name)],
  }
}

function applyAlter(catalog: Catalog, tokens: readonly string[], schema: string): DdlEffect | null {
  const object = skipWords(tokens, skipWords(tokens, 1, 'online'), 'ignore')
  if (!hasWords(tokens, object, 'table')) return null
  const { id, next } = nameAt(tokens, skipWords(tokens, object + 1, 'if', 'exists'), schema)
  const table = findTable(catalog, id)
  if (table === null) return null
  const altered = alterTable(table, splitAtCommas(tokens.slice(next)))
  return { catalog: withTable(withoutTable(catalog, id), altered), emptied: [] }
}

function applyDrop(catalog: Catalog, tokens: readonly string[], schema: string): DdlEffect | null {
  if (hasWords(tokens, 1, 'database') || hasWords(tokens, 1, 'schema')) {
    const dropped = unquoteName(tokens[skipWords(tokens, 2, 'if', 'exists')] ?? '')
    return dropTables(
      catalog,
      catalog.tables.filter((table) => table.schema === dropped),
    )
  }
  if (!hasWords(tokens, 1, 'table') && !hasWords(tokens, 1, 'tables')) return null
  const names = splitAtCommas(tokens.slice(skipWords(tokens, 2, 'if', 'exists')))
  return dropTables(
    catalog,
    names.map((name) => nameAt(name, 0, schema).id),
  )
}

function dropTables(catalog: Catalog, ids: readonly TableId[]): DdlEffect {
  const emptied = ids.map(({ schema, table }) => ({ schema, table }))
  return { catalog: emptied.reduce(withoutTable, catalog), emptied }
}

function applyTruncate(catalog: Catalog, tokens: readonly string[], schema: string): DdlEffect {
  return { catalog, emptied: [nameAt(tokens, skipWords(tokens, 1, 'table'), schema).id] }
}

function applyRename(catalog: Catalog, tokens: readonly string[], schema: string): DdlEffect {
  const renamed = splitAtCommas(tokens.slice(2)).reduce((before, part) => {
    const from = nameAt(part, 0, schema)
    const to = nameAt(part, skipWords(part, from.next, 'to'), schema)
    const table = findTable(before, from.id)
    return table === null ? before : withTable(withoutTable(before, from.id), { ...table, ...to.id })
  }, catalog)
  return { catalog: renamed, emptied: [] }
}

function nameAt(tokens: readonly string[], at: number, schema: string): { id: TableId; next: number } {
  const first = unquoteName(tokens[at] ?? '')
  if (tokens[at + 1] !== '.') return { id: { schema, table: first }, next: at + 1 }
  return { id: { schema: first, table: unquoteName(tokens[at + 2] ?? '') }, next: at + 3 }
}

/** A clause of `create table` that declares no column. A column of such a name stands in backticks. */
function isKeyClause(part: readonly string[]): boolean {
  const words = ['primary', 'key', 'index', 'unique', 'constraint', 'foreign', 'check', 'fulltext', 'spatial', 'period']
  return words.includes(part[0]?.toLowerCase() ?? '')
}

function primaryKeyOf(part: readonly string[]): string[] | null {
  const at = part.findIndex((_, i) => hasWords(part, i, 'primary', 'key'))
  const open = part.indexOf('(')
  if (!isKeyClause(part) || at === -1 || open === -1) return null
  return splitAtCommas(parenthesized(part, open)?.inner ?? []).map(([name = '']) => unquoteName(name))
}

function notUnderstood(id: TableId, what: string): DmscdcError {
  return new DmscdcError('invalid-config', `${id.schema}.${id.table}: a "${what}" in the binlog is not understood`, {
    hint: 'take a new full load, or leave the table out with --table',
  })
}
