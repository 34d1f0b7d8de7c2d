import { DmscdcError } from '../errors.ts'

/** Parts of an SDK's error that tell what to do; whichever client threw it. */
type AwsError = {
  readonly name?: string
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

export function awsErrorName(thrown: unknown): string {
  return (thrown as AwsError | null)?.name ?? ''
}

/** What a call ended with after the client's own retries: refused for good, or a service that does not answer. */
export function awsError(thrown: unknown, asked: { readonly subject: string; readonly hint: string }): DmscdcError {
  if (thrown instanceof DmscdcError) return thrown
  const { name = 'error', message = '', $metadata } = (thrown ?? {}) as AwsError
  const status = $metadata?.httpStatusCode ?? 0
  const isThrottled = status === 429 || /Throttl|TooManyRequests|LimitExceeded/u.test(name)
  const isRefused = (status >= 400 && status < 500 && !isThrottled) || /Credentials/u.test(name)
  return new DmscdcError(isRefused ? 'invalid-config' : 'unavailable', `${asked.subject}: ${name}: ${message}`, {
    hint: isRefused ? asked.hint : 'run again; if it comes back, look at the state of the service in this region',
    cause: thrown,
  })
}
