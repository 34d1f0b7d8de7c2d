import { DmscdcError } from '../errors.ts'

/** The statement broke the database: every other one on it fails from now on. */
export const isBreaking = (cause: unknown) => /^(?:INTERNAL|FATAL) Error/u.test(messageOf(cause))

/** Another statement did. */
export const isBroken = (cause: unknown) => messageOf(cause).includes('database has been invalidated')

/** Of what a session threw: the statement may go well when no other one is under way. */
export const isOutOfMemory = (thrown: unknown) =>
  thrown instanceof DmscdcError && messageOf(thrown.cause).startsWith(outOfMemory)

const outOfMemory = 'Out of Memory'

/** For the tables that were at work beside the one whose file broke the database. */
export function engineLost(cause?: unknown): DmscdcError {
  return new DmscdcError('unavailable', 'engine: it broke while it read a damaged file of another table', {
    hint: 'run again; the table with the damaged file is held and named',
    tryAlone: true,
    cause,
  })
}

/** DuckDB tells its errors apart by the first words of the message alone; no value of a row passes on. */
export function engineError(sql: string, cause: unknown): DmscdcError {
  const message = messageOf(cause)
  if (message.startsWith(outOfMemory))
    return new DmscdcError('unavailable', `engine ran out of memory: ${firstLine(message)}`, {
      hint: 'give more with --memory, or fewer tables at once with --concurrency',
      tryAlone: true,
      cause,
    })
  if (/No space left|Could not write all|max_temp_directory_size/u.test(message)) return noSpaceLeft(cause)
  // These are about the statement; all others may quote a row.
  const aboutStatement = /^(?:Binder|Parser|Catalog) Error: [^\n]{0,200}/u.exec(message)?.[0]
  const kind = aboutStatement ?? /^[A-Z][A-Za-z ]* Error/u.exec(message)?.[0] ?? 'error'
  return new DmscdcError('bug', `engine: ${kind} in ${sql.slice(0, 60).replaceAll(/\s+/gu, ' ')}…`, {
    hint: 'run again with --verbose and report the trace',
    cause,
  })
}

/** Of what is written to the work folder without a statement. */
export const scratchError = (thrown: unknown) =>
  /^(?:ENOSPC|EDQUOT)\b/u.test(messageOf(thrown)) ? noSpaceLeft(thrown) : thrown

const noSpaceLeft = (cause: unknown) =>
  new DmscdcError('unavailable', 'engine could not write its work folder: no space left', {
    hint: 'give a larger folder with --temp',
    cause,
  })

export const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
const firstLine = (text: string) => text.split('\n')[0] ?? text
