import { allViews, type Landed, type OnVanish, type SeenWindow, type View, vanishPolicies } from '../domain.ts'
import { limits } from '../limits.ts'

/** The value of an attribute, or what is wrong with it ("names column "id" twice"). */
export type Parsed<T> = { readonly value: T } | { readonly problem: string }

/** Column names from a comma list; a name with a comma or a double quote stands in double quotes. `null` without: none. */
export function parseNames(text: string): Parsed<readonly string[] | null> {
  if (/^\s*null\s*$/iu.test(text)) return { value: null }
  const parts = splitList(text, 'plain')
  if (parts === null) return { problem: 'has a double quote without its other end' }
  return distinct(parts.map(unquote))
}

/** One column's name, written as in a list of them. */
export function parseSequenceColumn(text: string): Parsed<string | null> {
  const names = parseNames(text)
  if ('problem' in names) return names
  if (names.value === null) return { value: null }
  return names.value.length === 1 ? { value: names.value[0] as string } : { problem: 'names more than one column' }
}

/** Refuses empty names, and names that differ only by case: a lake has no two such columns. */
export function distinct(names: readonly string[]): Parsed<readonly string[]> {
  if (names.some((name) => name === '')) return { problem: 'has an empty name' }
  if (names.length > limits.columns) return { problem: `has more than ${String(limits.columns)} names` }
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name.toLowerCase())) return { problem: `names ${JSON.stringify(name)} twice` }
    seen.add(name.toLowerCase())
  }
  return { value: names }
}

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 }

/** Milliseconds of `7d`, `12h`, `30m`, `45s`, `1d12h` or `0`. */
export function parseDuration(text: string): Parsed<number> {
  if (text.trim() === '0') return { value: 0 }
  if (!/^\s*(\d+[dhms])+\s*$/u.test(text)) return { problem: 'is no duration' }
  const parts = [...text.matchAll(/(\d+)([dhms])/gu)]
  const ms = parts.reduce((sum, [, digits, unit]) => sum + Number(digits) * (unitMs[unit as string] as number), 0)
  return Number.isSafeInteger(ms) ? { value: ms } : { problem: 'is too long' }
}

/** A comma list or a list of texts, `null` for none; in the order of `allViews`. */
export function parseViews(value: string | readonly string[]): Parsed<readonly View[]> {
  const asked = (typeof value === 'string' ? value.split(',') : value).map((view) => view.trim().toLowerCase())
  const wanted = asked.filter((view) => view !== '' && view !== 'null')
  const other = wanted.find((view) => !allViews.some((known) => known === view))
  if (other !== undefined) return { problem: `not supported by this version: ${other}` }
  return { value: allViews.filter((view) => wanted.includes(view)) }
}

/** `keep`, `delete` or `archive:<folder of the landing>`; the last two with how long a file stays first, as `delete:30d`. */
export function parseLanded(text: string): Parsed<Landed> {
  const [kind = '', ...rest] = text.trim().split(':')
  switch (kind.toLowerCase()) {
    case 'keep':
      return rest.length === 0 ? { value: { kind: 'keep' } } : { problem: 'has more after keep' }
    case 'delete': {
      const retain = parseDuration(rest.length === 0 ? '0' : rest.join(':'))
      return 'value' in retain ? { value: { kind: 'delete', retainMs: retain.value } } : retain
    }
    case 'archive': {
      const retain = parseDuration(rest.at(-1) ?? '')
      const folder = ('value' in retain && rest.length > 1 ? rest.slice(0, -1) : rest).join(':')
      const prefix = `${folder.replace(/^\/+|\/+$/gu, '')}/`
      if (!prefix.slice(0, -1).split('/').every(isName)) return { problem: 'names no folder of the landing' }
      return { value: { kind: 'archive', prefix, retainMs: 'value' in retain && rest.length > 1 ? retain.value : 0 } }
    }
    default:
      return { problem: 'is none of them' }
  }
}

export function parseOnVanish(text: string): Parsed<OnVanish> {
  const found = vanishPolicies.find((policy) => policy === text.trim().toLowerCase())
  return found === undefined ? { problem: 'is none of them' } : { value: found }
}

/** The name of a time zone as the runtime's own database knows it. */
export function parseTimezone(text: string): Parsed<string> {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return { value: text }
  } catch {
    return { problem: 'is no time zone' }
  }
}

export function parseDelimiter(text: string): Parsed<string> {
  const code = /^\\u([0-9a-f]{4})$/iu.exec(text)?.[1]
  const char = text === '\\t' ? '\t' : code === undefined ? text : String.fromCharCode(Number.parseInt(code, 16))
  if (char.length !== 1) return { problem: `has ${char.length} characters` }
  return /["\r\n\0]/u.test(char) ? { problem: 'has another meaning in CSV' } : { value: char }
}

/** `<digest>`, or with a window `<digest> <the window's digest> <until> <after>`. Any other text is a digest that no table has. */
export function parseDigest(text: string): { readonly digest: string; readonly window: SeenWindow | null } {
  const [, digest, seen, until = '', after] = /^(\S+) (\S+) (\S+) (\S+)$/u.exec(text) ?? []
  const untilMs = Date.parse(until)
  if (digest === undefined || seen === undefined || after === undefined || Number.isNaN(untilMs))
    return { digest: text, window: null }
  return { digest, window: { after, digest: seen, untilMs } }
}

export function digestText(digest: string, window: SeenWindow | null): string {
  return window === null
    ? digest
    : [digest, window.digest, new Date(window.untilMs).toISOString(), window.after].join(' ')
}

/** A place without its scheme, ending with a slash: `s3://b/p`, `b/p` and `b/p/` are one place. */
export function parsePlace(text: string): Parsed<string> {
  const place = `${text
    .trim()
    .replace(/^(s3|s3a|s3n|file):\/\//u, '')
    .replace(/\/+$/u, '')}/`
  const segments = place.replace(/^\//u, '').slice(0, -1).split('/')
  return segments.every(isName) ? { value: place } : { problem: 'has an empty, "." or ".." part' }
}

/** The last folder of the table's lake, ending with a slash. Not trimmed: a table's name may begin with a space. */
export function parseFolder(text: string): Parsed<string> {
  const folder = text.replace(/\/+$/u, '')
  return folder.split('/').every(isName) ? { value: `${folder}/` } : { problem: 'has an empty, "." or ".." part' }
}

function isName(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..' && !segment.includes('\0')
}

/** Splits at commas outside of quotes (and of parentheses in types), and trims. Null: a quote is left open. */
export function splitList(text: string, items: 'plain' | 'with-types'): string[] | null {
  const parts: string[] = ['']
  let quoted = false
  let depth = 0
  for (const char of text) {
    if (char === '"') quoted = !quoted
    if (items === 'with-types' && !quoted && char === '(') depth++
    if (items === 'with-types' && !quoted && char === ')') depth--
    if (char === ',' && !quoted && depth <= 0) parts.push('')
    else parts[parts.length - 1] += char
  }
  return quoted ? null : parts.map((part) => part.trim())
}

export function unquote(part: string): string {
  return /^".*"$/su.test(part) ? part.slice(1, -1).replaceAll('""', '"') : part
}
