import type { SourceColumn } from './columns.ts'
import { hasWords, parenthesized, skipWords, unquoteName } from './ddl-tokens.ts'
import { charsetOfCollation } from './definitions.ts'

/** A column as a statement declares it, and where it goes: null is the end, `''` the front, a name the column before it. */
export type DeclaredColumn = { readonly column: SourceColumn; readonly isKey: boolean; readonly after: string | null }

/** Reads `name type(size) attributes… [first | after name]`; `charset` is the table's own. */
export function declaredColumn(tokens: readonly string[], charset: string): DeclaredColumn {
  const name = unquoteName(tokens[0] ?? '')
  const { word, next } = typeWord(tokens)
  const size = parenthesized(tokens, next)
  const rest = tokens.slice(size?.end ?? next).map((text) => text.toLowerCase())
  const columnType = typeText(word, size?.inner ?? null, rest)
  return {
    column: { name, columnType, charset: isText(columnType) ? (declaredCharset(rest) ?? charset) : null },
    isKey: rest.some((_, i) => hasWords(rest, i, 'primary', 'key')),
    after: placeOf(tokens),
  }
}

/** The character set that these words name, be it by its collation; null when they name none. */
export function declaredCharset(words: readonly string[]): string | null {
  for (let i = 0; i < words.length; i++) {
    const named = skipWords(words, skipWords(words, i, 'character', 'set'), 'charset')
    if (named > i) return unquoteValue(words[skipWords(words, named, '=')] ?? '')
    if (hasWords(words, i, 'collate')) {
      return charsetOfCollation(unquoteValue(words[skipWords(words, i + 1, '=')] ?? ''))
    }
  }
  return null
}

export function isText(columnType: string): boolean {
  return /^(?:var)?char|text|^enum|^set|^json/iu.test(columnType)
}

const synonyms: Readonly<Record<string, string>> = {
  integer: 'int',
  dec: 'decimal',
  numeric: 'decimal',
  fixed: 'decimal',
  bool: 'tinyint',
  boolean: 'tinyint',
  real: 'double',
  character: 'char',
  int1: 'tinyint',
  int2: 'smallint',
  int3: 'mediumint',
  int4: 'int',
  int8: 'bigint',
  float4: 'float',
  float8: 'double',
  serial: 'bigint unsigned',
}

function typeWord(tokens: readonly string[]): { word: string; next: number } {
  const first = (tokens[1] ?? '').toLowerCase()
  if (first === 'double') return { word: 'double', next: skipWords(tokens, 2, 'precision') }
  if ((first === 'char' || first === 'character') && hasWords(tokens, 2, 'varying')) return { word: 'varchar', next: 3 }
  return { word: synonyms[first] ?? first, next: 2 }
}

/** As information_schema writes a type. */
function typeText(word: string, size: readonly string[] | null, rest: readonly string[]): string {
  const unsigned = rest.includes('unsigned') || rest.includes('zerofill')
  return `${word}${size === null ? '' : `(${size.join('')})`}${unsigned ? ' unsigned' : ''}`
}

function placeOf(tokens: readonly string[]): string | null {
  if (hasWords(tokens, tokens.length - 1, 'first')) return ''
  return hasWords(tokens, tokens.length - 2, 'after') ? unquoteName(tokens.at(-1) ?? '') : null
}

function unquoteValue(word: string): string {
  return word.replace(/^['"`]|['"`]$/gu, '')
}
