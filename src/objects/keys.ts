import { DmscdcError } from '../errors.ts'

/**
 * Refuses a key that a file system cannot hold as it is: an empty segment (also a slash at either end), `.`, `..`, a NUL.
 * A backslash is an ordinary character. Throws `invalid-config`.
 */
export function checkKey(key: string): void {
  const wrong = key.split('/').find((segment) => !isSegment(segment))
  if (wrong === undefined) return
  throw new DmscdcError(
    'invalid-config',
    `object key ${JSON.stringify(key)}: has the segment ${JSON.stringify(wrong)}, expected a name`,
    {
      hint: 'rename the schema, table or column that this key is made of',
    },
  )
}

/** Whether a key may hold this text between two slashes. */
export function isSegment(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !text.includes('\0')
}

/** A key for a message, quoted: the values in partition folders are rows' own and left out. */
export function shownKey(key: string): string {
  return JSON.stringify(key.replace(/([^/=]+)=[^/]*(?=\/)/gu, '$1=…'))
}
