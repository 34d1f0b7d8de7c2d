import { GlueServiceException } from '@aws-sdk/client-glue'
import { DmscdcError } from '../errors.ts'

/** The version that an update was made from is not the newest any more, or the table is gone. */
const overtaken: readonly string[] = [
  'ConcurrentModificationException',
  'VersionMismatchException',
  'EntityNotFoundException',
]
const passing: readonly string[] = [
  'ConcurrentModificationException',
  'InternalServiceException',
  'OperationTimeoutException',
  'ResourceNotReadyException',
  'ThrottlingException',
]
const noCredentials: readonly string[] = ['CredentialsProviderError', 'ProviderError', 'TokenProviderError']

export const isMissing = (thrown: unknown) => nameOf(thrown) === 'EntityNotFoundException'
export const isThere = (thrown: unknown) => nameOf(thrown) === 'AlreadyExistsException'
export const isOvertaken = (thrown: unknown) => overtaken.includes(nameOf(thrown))

/** `action` is the API's word, `subject` the database or table: never a partition, whose values are row values. */
export type Asked = { readonly action: string; readonly subject: string }

/** What a call ended with for good. Only the code is told where the service's own words may hold a partition's values. */
export function glueError(thrown: unknown, { action, subject }: Asked): DmscdcError {
  const name = nameOf(thrown)
  const isRefused = noCredentials.includes(name) || (isClientFault(thrown) && !passing.includes(name))
  const text = action.includes('Partition') ? '' : messageOf(thrown)
  const reason = [name, text].filter((part) => part !== '' && part !== 'Error').join(': ') || 'no answer'
  return new DmscdcError(isRefused ? 'invalid-config' : 'unavailable', `glue ${action} ${subject}: ${reason}`, {
    hint: hintOf(thrown, action),
    cause: thrown,
  })
}

export function noRegion(cause: unknown): DmscdcError {
  return new DmscdcError('invalid-config', 'glue: no AWS region is set, expected the one of the catalog', {
    hint: 'set AWS_REGION',
    cause,
  })
}

function hintOf(thrown: unknown, action: string): string {
  const name = nameOf(thrown)
  if (noCredentials.includes(name))
    return 'give AWS credentials: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID with its secret'
  if (name === 'AccessDeniedException')
    return `allow glue:${action} on the catalog, the database and the table to the role that dmscdc runs as`
  if (name === 'InvalidInputException') return 'choose another --glue-database, or take the view off: --publish'
  return 'run again: the next run brings the catalog up to date'
}

function isClientFault(thrown: unknown): boolean {
  return thrown instanceof GlueServiceException && thrown.$fault === 'client' && thrown.$metadata.httpStatusCode !== 429
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : ''
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : ''
}
