import { type AttributeValue, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, beforeEach, describe } from 'vitest'
import { dynamodbState } from '../../src/state/dynamodb-state.ts'
import { createStateTable } from '../../src/state/dynamodb-table.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { type FaultProxy, startFaultProxy } from './dynamodb-faults.ts'
import { clientOf, type DynamodbServer, dynamodbServers } from './dynamodb-servers.ts'

export const landingPlace = 'landing-bucket/dms/'
export const orders = { schema: 'sales', table: 'orders' }
export const ordersPath = `${landingPlace}sales/orders/`

/** What a test works with: an empty table of its own, seen by the state through a proxy and by `raw` directly. */
export type DynamodbBench = {
  readonly server: DynamodbServer
  readonly raw: DynamoDBClient
  readonly proxy: FaultProxy
  readonly tableName: string
  readonly state: StateStore
  /** Another store of the same table. */
  store(options?: { readonly landingPlace?: string; readonly patienceMs?: number }): StateStore
  putRaw(item: Record<string, AttributeValue>): Promise<unknown>
  /** The item of `orders` as it is stored. */
  getRaw(): Promise<Record<string, AttributeValue> | undefined>
}

/** Describes tests on every server that speaks DynamoDB; `bench` gives the running test its bench. Await it at the top of a test file. */
export async function describeDynamodb(title: string, tests: (bench: () => DynamodbBench) => void): Promise<void> {
  for (const [name, start] of Object.entries(dynamodbServers)) {
    const server = await start()
    describe.skipIf(server === null)(`${title} in ${name}`, () => {
      if (server !== null) tests(benchOf(server))
    })
  }
}

function benchOf(server: DynamodbServer): () => DynamodbBench {
  const raw = new DynamoDBClient(server.client)
  let proxy: FaultProxy
  let bench: DynamodbBench
  let tables = 0
  beforeAll(async () => {
    proxy = await startFaultProxy(server.endpoint)
  })
  afterAll(async () => {
    await proxy.stop()
    await server.stop()
  })
  beforeEach(async () => {
    const tableName = `DMSCDC_Controller_${++tables}`
    await createStateTable({ tableName, client: server.client })
    proxy.reset()
    bench = { server, raw, proxy, tableName, ...accessTo(raw, proxy, tableName) }
  })
  return () => bench
}

function accessTo(raw: DynamoDBClient, proxy: FaultProxy, tableName: string) {
  const store: DynamodbBench['store'] = (options = {}) =>
    dynamodbState({ landingPlace, ...options, tableName, client: clientOf(proxy.endpoint) })
  return {
    store,
    state: store(),
    putRaw: (item: Record<string, AttributeValue>) =>
      raw.send(new PutItemCommand({ TableName: tableName, Item: item })),
    getRaw: async () => {
      const Key = { path: { S: ordersPath } }
      return (await raw.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }))).Item
    },
  }
}
