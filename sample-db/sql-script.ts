import { readFile } from 'node:fs/promises'
import { type Source, withConnection } from './connection.ts'

/** Runs a script of the `mysql` client statement by statement on one connection; stops at the first that fails. */
export async function runScriptFile(source: Source, path: string): Promise<void> {
  await runScript(source, await readFile(path, 'utf8'))
}

export async function runScript(source: Source, script: string): Promise<void> {
  await withConnection(source, async (connection) => {
    for (const statement of statements(script)) await connection.query(statement)
  })
}

/** The statements of a script, without their delimiters. Knows `DELIMITER`, comments and quotes. */
export function statements(script: string): string[] {
  const found: string[] = []
  let delimiter = ';'
  let current = ''
  let at = 0
  while (at < script.length) {
    const command = atLineStart(script, at)
      ? /^[ \t]*delimiter[ \t]+(\S+)[^\n]*\n?/iu.exec(script.slice(at, at + 200))
      : null
    if (command !== null && current.trim() === '') {
      delimiter = command[1] ?? ';'
      at += command[0].length
    } else if (script.startsWith(delimiter, at)) {
      found.push(current.trim())
      current = ''
      at += delimiter.length
    } else {
      const token = tokenAt(script, at)
      current += isComment(token) ? ' ' : token
      at += token.length
    }
  }
  return [...found, current.trim()].filter((statement) => statement !== '')
}

function atLineStart(script: string, at: number): boolean {
  return at === 0 || script[at - 1] === '\n'
}

/** A comment or quoted text as a whole, otherwise one character. */
function tokenAt(script: string, at: number): string {
  const special =
    /(?:'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`|#[^\n]*|--(?=[\s]|$)[^\n]*|\/\*(?!!)[\s\S]*?\*\/)/uy
  special.lastIndex = at
  return special.exec(script)?.[0] ?? script[at] ?? ''
}

function isComment(token: string): boolean {
  return /^(?:#|--|\/\*)/u.test(token)
}
