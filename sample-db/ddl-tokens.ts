/** The words of an SQL statement, comments left out: names in backticks and quoted texts stay whole, with their quotes. */
export function tokensOf(sql: string): string[] {
  // what stands in /*! … */ is carried out by the server, so it is read too
  const plain = sql.replace(/\/\*M?!\d*([\s\S]*?)\*\//gu, ' $1 ')
  return (plain.match(token) ?? []).filter((text) => !/^(?:\/\*|--\s|#)/u.test(text))
}

/** A name without its backticks. */
export function unquoteName(token: string): string {
  return /^[`"]/u.test(token) ? token.slice(1, -1).replaceAll('``', '`') : token
}

/** A text without its quotes. */
export function unquoteText(token: string): string {
  return token.slice(1, -1).replaceAll("''", "'").replace(/\\(.)/gu, '$1')
}

/** Splits at the commas that stand outside parentheses. */
export function splitAtCommas(tokens: readonly string[]): string[][] {
  const parts: string[][] = [[]]
  let depth = 0
  for (const text of tokens) {
    if (text === '(') depth += 1
    if (text === ')') depth -= 1
    if (text === ',' && depth === 0) parts.push([])
    else parts.at(-1)?.push(text)
  }
  return parts.filter((part) => part.length > 0)
}

/** What stands between the parenthesis at `start` and its match, and the index after that; null when none opens there. */
export function parenthesized(tokens: readonly string[], start: number): { inner: string[]; end: number } | null {
  if (tokens[start] !== '(') return null
  let depth = 0
  for (let i = start; i < tokens.length; i++) {
    if (tokens[i] === '(') depth += 1
    if (tokens[i] === ')') depth -= 1
    if (depth === 0) return { inner: tokens.slice(start + 1, i), end: i + 1 }
  }
  return null
}

/** Whether the tokens from `start` on are these words, in any case. */
export function hasWords(tokens: readonly string[], start: number, ...words: readonly string[]): boolean {
  return words.every((word, i) => tokens[start + i]?.toLowerCase() === word)
}

/** The index after the words when they stand at `start`, otherwise `start`. */
export function skipWords(tokens: readonly string[], start: number, ...words: readonly string[]): number {
  return hasWords(tokens, start, ...words) ? start + words.length : start
}

const token =
  /\/\*[\s\S]*?\*\/|--\s[^\n]*|#[^\n]*|`(?:[^`]|``)*`|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|[\p{L}\p{N}_$@]+|[^\s]/gu
