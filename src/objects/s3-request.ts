import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  $Command,
  S3Client,
  S3ClientResolvedConfig,
  ServerSideEncryption,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { DmscdcError } from '../errors.ts'
import { fileError } from './file-error.ts'
import { shownKey } from './keys.ts'
import type { OnRequest, RequestVerb } from './request-ledger.ts'
import {
  credentialAttemptsMax,
  failureOf,
  lacksCredentials,
  type Subject,
  s3Error,
  subjectText,
  unsentError,
} from './s3-error.ts'

/** What every function of the adapter is given. `prefix` is empty or ends with a slash. */
export type S3 = {
  readonly client: S3Client
  readonly bucket: string
  readonly prefix: string
  readonly scratchDir: string
  readonly owner: { readonly ExpectedBucketOwner?: string }
  readonly encryption: { readonly ServerSideEncryption?: ServerSideEncryption; readonly SSEKMSKeyId?: string }
  readonly limits: S3Limits
  readonly onRequest: OnRequest
}

/** S3's own limits and what we make of them; tests have smaller ones. */
export type S3Limits = {
  readonly attemptsMax: number
  /** Bodies above it go up by parts. */
  readonly putBytesMax: number
  /** What CopyObject copies in one request; above it objects are copied by parts. */
  readonly copyBytesMax: number
  readonly partBytes: number
  readonly copyPartBytes: number
}

/**
 * On objects. `none`: they stay as they are. `repeatable`: a write that may be sent again after an attempt that was perhaps applied.
 * `once`: one that may not, since it would meet its own object: sent again only after a certain refusal, and only briefly.
 */
export type Effect = 'none' | 'repeatable' | 'once'

type S3Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>

export type Request<I extends ServiceInputTypes, O extends ServiceOutputTypes, T> = {
  readonly verb: RequestVerb
  readonly action: string
  /** Whole key or prefix in the bucket. */
  readonly key: string
  readonly effect: Effect
  /** Anew for each attempt: a body that was sent halfway cannot be sent again. */
  readonly command: () => Prepared<I, O> | Promise<Prepared<I, O>>
  /** Reads what follows the headers; `allowMs` gives it time from now on. */
  readonly read: (output: O, allowMs: (ms: number) => void) => T | Promise<T>
  /** The refusals that are an answer; undefined for all others. */
  readonly refused?: (thrown: unknown) => T | undefined
  readonly deadlineMs?: number
}

export type Prepared<I extends ServiceInputTypes, O extends ServiceOutputTypes> = {
  readonly command: S3Command<I, O>
  /** The command's body where it is a stream. */
  readonly stream?: Readable | undefined
}

const onceAttemptsMax = 3
const deadlineMs = 30_000
const bytesPerMsMin = 256

/** For a request without a body worth mentioning, and as long again for each 7.5 MB that it moves. */
export function transferMs(bytes: number): number {
  return deadlineMs + Math.ceil(bytes / bytesPerMsMin)
}

/**
 * Sends a request until it is answered, within bounds of attempts and of time. Throws what `s3Error` says, with `maybeApplied`
 * for a write of which any attempt may have been applied.
 */
export async function request<I extends ServiceInputTypes, O extends ServiceOutputTypes, T>(
  s3: S3,
  asked: Request<I, O, T>,
): Promise<T> {
  const subject: Subject = { action: asked.action, bucket: s3.bucket, key: asked.key }
  const attemptsMax = asked.effect === 'once' ? Math.min(onceAttemptsMax, s3.limits.attemptsMax) : s3.limits.attemptsMax
  let inDoubt = false
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendOnce(s3, asked, subject)
    } catch (thrown) {
      const answer = asked.refused?.(thrown)
      if (answer !== undefined) return answer
      const { retry, applied } = failureOf(thrown)
      inDoubt ||= asked.effect !== 'none' && applied === 'maybe'
      const triesMax = lacksCredentials(thrown) ? Math.min(credentialAttemptsMax, attemptsMax) : attemptsMax
      const ended = retry === 'never' || attempt >= triesMax || (inDoubt && asked.effect === 'once')
      if (ended) throw s3Error(thrown, subject, inDoubt)
      await sleep(backOffMs(retry, attempt))
    }
  }
}

/** Full jitter: writers that were refused together do not come back together. */
function backOffMs(retry: 'soon' | 'slowly', attempt: number): number {
  const [baseMs, maxMs] = retry === 'soon' ? [100, 5_000] : [500, 20_000]
  return Math.random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1))
}

async function sendOnce<I extends ServiceInputTypes, O extends ServiceOutputTypes, T>(
  s3: S3,
  asked: Request<I, O, T>,
  subject: Subject,
): Promise<T> {
  const { command, stream } = await asked.command()
  const stop = new AbortController()
  const deadline = deadlineOf(stop, subject)
  stream?.once('error', (thrown) =>
    stop.abort(fileError(thrown, `put ${shownKey(asked.key)}`, { place: s3.scratchDir, maybeApplied: false })),
  )
  let sent = false
  reportSending(command, () => {
    sent = true
    s3.onRequest(asked.verb)
  })
  try {
    deadline.allowMs(asked.deadlineMs ?? deadlineMs)
    return await asked.read(await s3.client.send(command, { abortSignal: stop.signal }), deadline.allowMs)
  } catch (thrown) {
    const why: unknown = stop.signal.aborted ? stop.signal.reason : thrown
    // Or else a connection with half a body in it would be held until it times out.
    stop.abort()
    throw sent ? why : unsentError(why, subject)
  } finally {
    deadline.clear()
    stream?.destroy()
  }
}

function deadlineOf(stop: AbortController, subject: Subject) {
  let timer: NodeJS.Timeout | undefined
  return {
    allowMs(ms: number) {
      clearTimeout(timer)
      timer = setTimeout(() => stop.abort(new Error(`${subjectText(subject)} did not end within ${ms} ms`)), ms)
    },
    clear: () => clearTimeout(timer),
  }
}

/** The innermost middleware: what passes here goes out. */
function reportSending<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  command: S3Command<I, O>,
  onSending: () => void,
): void {
  command.middlewareStack.add(
    (next) => (args) => {
      onSending()
      return next(args)
    },
    { step: 'deserialize', priority: 'low', name: 'reportSending' },
  )
}

/** An answer that did not keep what its headers said: to be asked again. */
export function brokenAnswer(expectedBytes: number, foundBytes: number): Error {
  return new Error(`the answer ended after ${foundBytes} of ${expectedBytes} bytes`)
}

/** The object was replaced again and again while it was read. */
export function neverTheSame(s3: S3, key: string): DmscdcError {
  return new DmscdcError(
    'unavailable',
    `${subjectText({ action: 'GetObject', bucket: s3.bucket, key })}: was replaced each time while it was read`,
    {
      hint: 'find out what writes this object all the time, then run again',
    },
  )
}
