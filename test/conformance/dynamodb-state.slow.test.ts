import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, describe } from 'vitest'
import { dynamodbState } from '../../src/state/dynamodb-state.ts'
import { createStateTable } from '../../src/state/dynamodb-table.ts'
import { dynamodbServers } from '../support/dynamodb-servers.ts'
import { describeStateStore } from './state-store.ts'

const landingPlace = 'landing-bucket/dms/'

for (const [name, start] of Object.entries(dynamodbServers)) {
  const server = await start()
  describe.skipIf(server === null)('the state in DynamoDB', () => {
    const client = server?.client ?? {}
    const raw = new DynamoDBClient(client)
    let tables = 0
    afterAll(() => server?.stop())

    describeStateStore(
      name,
      async () => {
        const tableName = `Controller_${++tables}`
        await createStateTable({ tableName, client })
        return {
          store: dynamodbState({ tableName, landingPlace, client }),
          landingPlace,
          lose: async (id) => {
            const Key = { path: { S: `${landingPlace}${id.schema}/${id.table}/` } }
            await raw.send(new DeleteItemCommand({ TableName: tableName, Key }))
          },
        }
      },
      { rowsCanBeDamaged: false },
    )
  })
}
