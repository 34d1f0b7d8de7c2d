import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { DmscdcError } from '../errors.ts'
import { credentialTriesMax, failureOf, lacksCredentials, noRegion, stateTableError } from './dynamodb-errors.ts'

export type StateTable = {
  readonly client: DynamoDBClient
  readonly tableName: string
  /** For how long a call is tried again. */
  readonly patienceMs: number
}

export type StateTableOptions = {
  readonly tableName: string
  /** Endpoint, region, credentials, where the SDK's own variables do not say them. */
  readonly client?: DynamoDBClientConfig
  readonly patienceMs?: number
}

/** `lost`: what an earlier try of this write ended with that may have been applied; null when there was none. */
export type Answer<Output> =
  | { readonly kind: 'answered'; readonly output: Output }
  | { readonly kind: 'condition-failed'; readonly lost: unknown }

/** Less than a lease lasts, so that a renewal through bad weather still comes in time. */
const patienceMsDefault = 25_000
const pauseMsFirst = 50
const pauseMsMax = 4_000

/** One try a call, cut off after 5 s: this file alone tries again, for it must know which tries may have been applied. */
export function stateTable({ tableName, client, patienceMs = patienceMsDefault }: StateTableOptions): StateTable {
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true }
  return { client: new DynamoDBClient({ requestHandler, ...client, maxAttempts: 1 }), tableName, patienceMs }
}

/**
 * Tries until there is an answer: throttling, errors of the server and lost answers are passing trouble. Throws `unavailable`
 * when that lasts, and `invalid-config` for what no second try mends. `subject` is for messages: `get the row of sales.orders`.
 */
export async function read<Output>(table: StateTable, subject: string, send: () => Promise<Output>): Promise<Output> {
  const answer = await ask(table, subject, send)
  if (answer.kind === 'answered') return answer.output
  throw new DmscdcError(
    'bug',
    `state table ${table.tableName}: ${subject}: a condition failed, expected none in a read`,
    {
      hint: 'report this with the log of the run',
    },
  )
}

/** As `read`, for a write, conditional or not. `maybeApplied` stands in the error if any try may have been applied. */
export async function write<Output>(
  table: StateTable,
  subject: string,
  send: () => Promise<Output>,
): Promise<Answer<Output>> {
  return ask(table, subject, send, { writes: true })
}

async function ask<Output>(
  table: StateTable,
  subject: string,
  send: () => Promise<Output>,
  { writes = false } = {},
): Promise<Answer<Output>> {
  const region = await regionOf(table)
  const givenUpAtMs = performance.now() + table.patienceMs
  let lost: unknown = null
  for (let tries = 1; ; tries++) {
    try {
      return { kind: 'answered', output: await send() }
    } catch (thrown) {
      const failure = failureOf(thrown)
      if (failure === 'condition-failed') return { kind: 'condition-failed', lost }
      if (failure === 'lost' && writes) lost ??= thrown
      const pauseMs = Math.random() * Math.min(pauseMsMax, pauseMsFirst * 2 ** tries)
      const hopeless = failure === 'refused' || (lacksCredentials(thrown) && tries >= credentialTriesMax)
      if (hopeless || performance.now() + pauseMs > givenUpAtMs) {
        const { tableName } = table
        throw stateTableError(thrown, { tableName, region, subject, tries, maybeApplied: lost !== null })
      }
      await sleep(pauseMs)
    }
  }
}

async function regionOf({ client, tableName }: StateTable): Promise<string> {
  try {
    return await client.config.region()
  } catch (thrown) {
    throw noRegion(tableName, thrown)
  }
}
