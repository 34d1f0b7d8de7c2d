import { S3ServiceException } from '@aws-sdk/client-s3'
import { DmscdcError } from '../errors.ts'
import { shownKey } from './keys.ts'

/** What an answer or its absence means for the next attempt, and for a write that was sent. */
export type Failure = {
  /** `never`: the same request fails again. */
  readonly retry: 'never' | 'soon' | 'slowly'
  /** `no`: the server refused the request, or it never left. */
  readonly applied: 'no' | 'maybe'
}

const throttled = ['SlowDown', 'SlowDownRead', 'SlowDownWrite', 'RequestLimitExceeded', 'TooManyRequestsException']
const throttledByKms = ['ThrottlingException', 'Throttling', 'RequestThrottled', 'KMS.ThrottlingException']
/** Refusals below 500 that the next attempt may not meet. */
const passing = [
  'ConditionalRequestConflict',
  'OperationAborted',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'BadDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
]

/**
 * Reads an error of the SDK by its code, its status and the system call that failed, never by its text. A 5xx and silence say nothing
 * about a write; `SlowDown` and 409 say that it was refused.
 */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof DmscdcError) return { retry: 'never', applied: thrown.maybeApplied ? 'maybe' : 'no' }
  const name = nameOf(thrown)
  const status = statusOf(thrown)
  if (throttled.includes(name) || throttledByKms.includes(name) || status === 429) {
    return { retry: 'slowly', applied: 'no' }
  }
  if (passing.includes(name) || lacksCredentials(thrown) || status === 408 || status === 409)
    return { retry: 'soon', applied: 'no' }
  if (status === 501) return { retry: 'never', applied: 'no' }
  // Refused; but why is known only where the answer came whole and was S3's own.
  if (status >= 300 && status < 500) return { retry: wasRead(thrown) ? 'never' : 'soon', applied: 'no' }
  if (status === 503) return { retry: 'slowly', applied: 'maybe' }
  return { retry: 'soon', applied: neverConnected(thrown) ? 'no' : 'maybe' }
}

/** Whether S3 answered with one of these codes. HEAD answers have no body: there the code is `NotFound` for any 404. */
export function isAnswer(thrown: unknown, ...codes: readonly string[]): boolean {
  return wasRead(thrown) && codes.includes(nameOf(thrown))
}

/** The object is not there; a missing bucket is another matter. */
export function isMissingObject(thrown: unknown): boolean {
  return isAnswer(thrown, 'NoSuchKey', 'NotFound')
}

/** 412, or the 404 with which S3 answers an `If-Match` put on a key that is not there. */
export function isPreconditionFailed(thrown: unknown): boolean {
  return isAnswer(thrown, 'PreconditionFailed') || statusOf(thrown) === 412
}

export type Subject = {
  /** The action in IAM's words, without the service: `PutObject`. */
  readonly action: string
  readonly bucket: string
  /** Whole key or prefix in the bucket. */
  readonly key: string
}

/** As every message of the adapter begins; a key may hold a new line. */
export function subjectText({ action, bucket, key }: Subject): string {
  return `${action} ${shownKey(`s3://${bucket}/${key}`)}`
}

/**
 * What S3 or the way to it refused, for the operator: `invalid-config` for what stays wrong until somebody changes a
 * setting or a right, else `unavailable`. Errors of ours pass unchanged.
 */
export function s3Error(thrown: unknown, subject: Subject, maybeApplied: boolean): DmscdcError {
  if (thrown instanceof DmscdcError) return thrown
  const hint = configurationHint(thrown, subject)
  return new DmscdcError(
    hint === null ? 'unavailable' : 'invalid-config',
    `${subjectText(subject)}: ${reasonOf(thrown)}`,
    { hint: hint ?? passingHint(thrown), cause: thrown, maybeApplied },
  )
}

/** What the SDK refused to send: a region, an endpoint or credentials are missing. Passing trouble with credentials stays as it is. */
export function unsentError(thrown: unknown, subject: Subject): unknown {
  if (thrown instanceof DmscdcError || lacksCredentials(thrown)) return thrown
  return new DmscdcError('invalid-config', `${subjectText(subject)}: was not sent: ${reasonOf(thrown)}`, {
    hint: 'check AWS_REGION, AWS_ENDPOINT_URL and AWS_PROFILE',
    cause: thrown,
  })
}

function configurationHint(thrown: unknown, { action, bucket }: Subject): string | null {
  const name = nameOf(thrown)
  const status = statusOf(thrown)
  if (name === 'NoSuchBucket') return `create the bucket ${bucket}, or correct its name in --landing or --lake`
  if (lacksCredentials(thrown))
    return 'give the task an IAM role, or name a profile that exists by AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
  if (expired.includes(name)) return 'renew the AWS credentials, then run again'
  if (status === 301 || name === 'AuthorizationHeaderMalformed') return regionHint(thrown, bucket)
  if (name.startsWith('KMS.'))
    return `check the KMS key that the bucket ${bucket} encrypts with, and the right to use it`
  if ((status === 401 || status === 403) && wasRead(thrown)) {
    return `allow ${permissionOf(action)} on the bucket ${bucket} (and its KMS key) to the role that dmscdc runs as, and check the expected bucket owner`
  }
  if (status === 501) return `use an S3 endpoint that supports ${action} with all of its headers`
  if (name === 'KeyTooLongError') return 'shorten the schema, table or partition values that this key is made of'
  return null
}

/** Worth another try, for whoever hands them out may be restarting; but where there are none, the answer must not take a minute. */
export const credentialAttemptsMax = 3

export function lacksCredentials(thrown: unknown): boolean {
  return ['CredentialsProviderError', 'ProviderError', 'TokenProviderError'].includes(nameOf(thrown))
}

const expired = ['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'InvalidAccessKeyId', 'SignatureDoesNotMatch']

function regionHint(thrown: unknown, bucket: string): string {
  const region = thrown instanceof S3ServiceException ? thrown.$response?.headers['x-amz-bucket-region'] : undefined
  return `set AWS_REGION to the region of the bucket ${bucket}${region === undefined ? '' : `, ${region}`}`
}

/** The right that an API call needs goes by another name for these. */
function permissionOf(action: string): string {
  const permissions: Readonly<Record<string, string>> = {
    ListObjectsV2: 's3:ListBucket',
    HeadObject: 's3:GetObject and s3:ListBucket',
    GetObject: 's3:GetObject and s3:ListBucket',
    CopyObject: 's3:GetObject and s3:PutObject',
    DeleteObjects: 's3:DeleteObject',
  }
  return permissions[action] ?? `s3:${action}`
}

function passingHint(thrown: unknown): string {
  if (failureOf(thrown).retry === 'slowly')
    return 'run again later, or with a lower --concurrency: S3 asks for fewer requests'
  return statusOf(thrown) === 0
    ? 'check the network between this machine and the S3 endpoint, then run again'
    : 'run again; if it stays, look up the error code in the S3 API reference'
}

function reasonOf(thrown: unknown): string {
  const status = statusOf(thrown)
  // The SDK's further lines are for those who debug it.
  const message = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0] ?? ''
  if (status === 0) return message === '' ? codeOf(thrown) : message
  const text = [nameOf(thrown), message].filter((part) => part !== '' && part !== 'UnknownError')
  return `answered ${status} ${[...new Set(text)].join(': ')}`.trimEnd()
}

/** An answer that was cut short, or that a proxy gave in S3's place, is an error that has a status but is none of S3's. */
function wasRead(thrown: unknown): boolean {
  return thrown instanceof S3ServiceException
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : ''
}

/** 0: there was no answer. */
export function statusOf(thrown: unknown): number {
  const metadata = (thrown as { $metadata?: { httpStatusCode?: number } } | null | undefined)?.$metadata
  return metadata?.httpStatusCode ?? 0
}

/** No address of the endpoint was found or answered; a name with several addresses fails once for each. */
function neverConnected(thrown: unknown): boolean {
  if (thrown instanceof AggregateError) return thrown.errors.length > 0 && thrown.errors.every(neverConnected)
  const syscall = (thrown as { syscall?: unknown } | null | undefined)?.syscall
  return syscall === 'connect' || syscall === 'getaddrinfo'
}

function codeOf(thrown: unknown): string {
  return String((thrown as { code?: unknown } | null | undefined)?.code ?? nameOf(thrown))
}
