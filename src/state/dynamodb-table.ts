import { setTimeout as sleep } from 'node:timers/promises'
import { CreateTableCommand, DescribeTableCommand, type TableDescription } from '@aws-sdk/client-dynamodb'
import { DmscdcError } from '../errors.ts'
import { read, type StateTable, type StateTableOptions, stateTable, write } from './dynamodb-client.ts'
import { nameOf } from './dynamodb-errors.ts'

const activeMsMax = 300_000
const lookAgainMs = 500

/**
 * Makes the state's table where it is missing (on demand, its key the string `path`) and returns when it is active. A table
 * that is there stays as it is; one with another key is `invalid-config`.
 */
export async function createStateTable(options: StateTableOptions): Promise<'created' | 'exists'> {
  const table = stateTable(options)
  try {
    const outcome = (await describe(table)) === null ? await create(table) : 'exists'
    await waitUntilActive(table)
    return outcome
  } finally {
    table.client.destroy()
  }
}

/** Null when there is no such table. */
function describe(table: StateTable): Promise<TableDescription | null> {
  const command = new DescribeTableCommand({ TableName: table.tableName })
  const send = () =>
    table.client.send(command).then(
      ({ Table }) => Table ?? null,
      (thrown: unknown) => {
        if (nameOf(thrown) === 'ResourceNotFoundException') return null
        throw thrown
      },
    )
  return read(table, 'describe it', send)
}

/** Another run may be faster, or the answer of an earlier try be lost: then it exists. */
async function create(table: StateTable): Promise<'created' | 'exists'> {
  const command = new CreateTableCommand({
    TableName: table.tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'path', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'path', KeyType: 'HASH' }],
  })
  const send = () =>
    table.client.send(command).then(
      () => 'created' as const,
      (thrown: unknown) => {
        if (nameOf(thrown) === 'ResourceInUseException') return 'exists' as const
        throw thrown
      },
    )
  const answer = await write(table, 'create it', send)
  return answer.kind === 'answered' ? answer.output : 'exists'
}

/** A table that was just made may be unknown to the next question. While it is `UPDATING` it can be used. */
async function waitUntilActive(table: StateTable): Promise<void> {
  const givenUpAtMs = performance.now() + activeMsMax
  for (;;) {
    const found = await describe(table)
    if (found !== null) requireKey(table, found)
    const status = found?.TableStatus ?? 'NOT_FOUND'
    if (status === 'ACTIVE' || status === 'UPDATING') return
    if (performance.now() > givenUpAtMs) throw notActive(table, status)
    await sleep(lookAgainMs)
  }
}

function requireKey({ tableName }: StateTable, { KeySchema = [], AttributeDefinitions = [] }: TableDescription): void {
  const key = KeySchema.map(({ AttributeName }) => AttributeName)
  const types = AttributeDefinitions.filter(({ AttributeName }) => key.includes(AttributeName))
  if (key.length === 1 && key[0] === 'path' && types[0]?.AttributeType === 'S') return
  throw new DmscdcError(
    'invalid-config',
    `state table ${tableName}: its key is ${key.join(', ')}, expected path alone, a string`,
    {
      hint: 'name another table: --state dynamodb://<name>',
    },
  )
}

function notActive({ tableName }: StateTable, status: string): DmscdcError {
  return new DmscdcError(
    'unavailable',
    `state table ${tableName}: its status is ${status} after ${activeMsMax / 60_000} minutes, expected ACTIVE`,
    { hint: `run again when the console shows ${tableName} as active` },
  )
}
