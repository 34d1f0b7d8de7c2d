import { DynamoDBServiceException } from '@aws-sdk/client-dynamodb'
import { DmscdcError } from '../errors.ts'

/**
 * How a try ended. `passing`: certainly not applied, worth another try. `lost`: the same, but it may have been applied.
 * `refused`: no second try mends it.
 */
export type Failure = 'condition-failed' | 'passing' | 'lost' | 'refused'

const passing: readonly string[] = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'Throttling',
  'TooManyRequestsException',
  'LimitExceededException',
  'TransactionConflictException',
  'TransactionInProgressException',
  'ReplicatedWriteConflictException',
]
/** The request never left. */
const notSent: readonly string[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']
const noCredentials: readonly string[] = ['CredentialsProviderError', 'ProviderError', 'TokenProviderError']
const wrongCredentials: readonly string[] = [
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'IncompleteSignatureException',
  'MissingAuthenticationTokenException',
  'ExpiredTokenException',
]

export function failureOf(thrown: unknown): Failure {
  const name = nameOf(thrown)
  if (name === 'ConditionalCheckFailedException') return 'condition-failed'
  if (codeOf(thrown) === 'ERR_INVALID_URL') return 'refused'
  if (lacksCredentials(thrown)) return 'passing'
  if (passing.includes(name) || notSent.includes(codeOf(thrown))) return 'passing'
  if (!(thrown instanceof DynamoDBServiceException)) return 'lost'
  // The client has set its clock by the answer.
  if ('clockSkewCorrected' in thrown.$metadata) return 'passing'
  const status = thrown.$metadata.httpStatusCode ?? 0
  if (status === 429) return 'passing'
  return status >= 400 && status < 500 && status !== 408 ? 'refused' : 'lost'
}

/** Worth another try, for whoever hands them out may be restarting; but where there are none, the answer must not take a minute. */
export const credentialTriesMax = 3

export function lacksCredentials(thrown: unknown): boolean {
  return noCredentials.includes(nameOf(thrown))
}

export type Asked = {
  readonly tableName: string
  readonly region: string
  readonly subject: string
  readonly tries: number
  readonly maybeApplied: boolean
}

/** What a call ended with for good, as an error of ours. */
export function stateTableError(thrown: unknown, asked: Asked): DmscdcError {
  const { tableName, region, subject, tries, maybeApplied } = asked
  const name = nameOf(thrown)
  if (name === 'ResourceNotFoundException') {
    return new DmscdcError('invalid-config', `state table ${tableName}: not found in ${region}, ${subject}`, {
      hint: `dmscdc run --create-state, or name the table that exists: --state dynamodb://<name>`,
      cause: thrown,
      maybeApplied,
    })
  }
  const isRefused = failureOf(thrown) === 'refused' || lacksCredentials(thrown)
  const times = tries === 1 ? '' : ` in ${tries} tries`
  return new DmscdcError(
    isRefused ? 'invalid-config' : 'unavailable',
    `state table ${tableName} in ${region}: ${subject}: ${reasonOf(thrown)}${times}`,
    { hint: isRefused ? refusalHint(thrown, tableName) : 'run again in some minutes', cause: thrown, maybeApplied },
  )
}

/** For a write of which nobody can tell whether it was applied before another writer came. */
export function unknownOutcome(tableName: string, subject: string, lost: unknown): DmscdcError {
  return new DmscdcError(
    'unavailable',
    `state table ${tableName}: ${subject}: the answer was lost (${reasonOf(lost)}), and then the row was changed by another`,
    { hint: 'look at the row: give the command again if it does not show the change', cause: lost, maybeApplied: true },
  )
}

export function noRegion(tableName: string, cause: unknown): DmscdcError {
  return new DmscdcError(
    'invalid-config',
    `state table ${tableName}: no AWS region is set, expected the one it lies in`,
    {
      hint: 'set AWS_REGION',
      cause,
    },
  )
}

function refusalHint(thrown: unknown, tableName: string): string {
  const name = nameOf(thrown)
  if (lacksCredentials(thrown))
    return 'give the task an IAM role, or name a profile that exists by AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
  if (wrongCredentials.includes(name)) return 'correct or renew the AWS credentials, then run again'
  if (codeOf(thrown) === 'ERR_INVALID_URL') return 'check AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL'
  if (name === 'ValidationException')
    return `check the name ${tableName}, that the only key of this table is "path" (a string), and that no row is above 400 KB`
  return `allow the identity that runs dmscdc to scan, get, put and update the items of ${tableName}`
}

/** The service's own words: they name actions and tables, never a row's values. */
function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? (thrown.message.split('\n')[0] as string) : ''
  return [nameOf(thrown), message].filter((part) => part !== '' && part !== 'Error').join(': ') || 'no answer'
}

export function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : ''
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
}
