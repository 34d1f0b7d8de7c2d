import { limits } from './limits.ts'

/**
 * The six kinds of error, chosen by what the caller does next, and the one table that says what that is.
 * Messages are lower case, subject first, with what was found and what was expected; `hint` is the operator's next action.
 * No row value ever stands in a message.
 */
export const errorKinds = ['invalid-config', 'bad-landing', 'corrupt-lake', 'conflict', 'unavailable', 'bug'] as const
export type ErrorKind = (typeof errorKinds)[number]

/** What a run does with an error of a kind: hold the table until its cause is gone, or fail this time and try at the next run. */
export const errorPolicy: Readonly<Record<ErrorKind, { readonly status: 'held' | 'failed' }>> = {
  'invalid-config': { status: 'held' },
  'bad-landing': { status: 'held' },
  'corrupt-lake': { status: 'held' },
  conflict: { status: 'failed' },
  unavailable: { status: 'failed' },
  bug: { status: 'failed' },
}

export class DmscdcError extends Error {
  readonly kind: ErrorKind
  readonly hint: string
  /** For a write whose answer was lost: it may have been applied. False: it certainly was not. */
  readonly maybeApplied: boolean
  /** What other tables did meanwhile was in the way (they took the memory, or broke the engine): with nothing beside it the same work may do. */
  readonly tryAlone: boolean

  constructor(
    kind: ErrorKind,
    message: string,
    options: { hint: string; cause?: unknown; maybeApplied?: boolean; tryAlone?: boolean },
  ) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'DmscdcError'
    this.kind = kind
    this.hint = printable(options.hint)
    this.maybeApplied = options.maybeApplied ?? false
    this.tryAlone = options.tryAlone ?? false
  }
}

/**
 * A text that may hold names of others', as one line for a terminal or a log: characters that would move the cursor,
 * colour or reorder what follows are escaped, and it is cut where it is too long to be read.
 */
export function printable(text: string): string {
  const cut = text.length > limits.messageLength ? `${text.slice(0, limits.messageLength)}…` : text
  return cut.replaceAll(
    /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A name of others' as a word of a shell, so that a hint can be pasted as it is. */
export function shellWord(text: string): string {
  return /^[\w.-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Any thrown thing as one of ours; what nobody foresaw is a `bug`. */
export function asDmscdcError(thrown: unknown): DmscdcError {
  if (thrown instanceof DmscdcError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new DmscdcError('bug', message, { hint: 'run again with --verbose and report the trace', cause: thrown })
}

/** Exit 2: the command was used wrongly; nothing was done. */
export class UsageError extends Error {
  readonly hint: string
  constructor(message: string, hint: string) {
    super(message)
    this.name = 'UsageError'
    this.hint = hint
  }
}
