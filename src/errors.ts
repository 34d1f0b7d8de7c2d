/**
 * The six kinds of error, chosen by what the caller does next, and the one table that says what that is.
 * Messages are lower case, subject first, with what was found and what was expected; `hint` is the operator's next action.
 * No row value ever stands in a message.
 */
export type ErrorKind = 'invalid-config' | 'bad-landing' | 'corrupt-lake' | 'conflict' | 'unavailable' | 'bug'

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
  /** The engine's memory did not suffice; with less beside it the same work may do. */
  readonly outOfMemory: boolean

  constructor(
    kind: ErrorKind,
    message: string,
    options: { hint: string; cause?: unknown; maybeApplied?: boolean; outOfMemory?: boolean },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'DmscdcError'
    this.kind = kind
    this.hint = options.hint
    this.maybeApplied = options.maybeApplied ?? false
    this.outOfMemory = options.outOfMemory ?? false
  }
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
