import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, describe, expect, it } from 'vitest'
import { dynamodbState } from '../src/state/dynamodb-state.ts'
import { createStateTable } from '../src/state/dynamodb-table.ts'
import { describeDynamodb, landingPlace, orders, ordersPath } from './support/dynamodb-bench.ts'
import { clientOf, startSlowDynamodb } from './support/dynamodb-servers.ts'

await describeDynamodb('the state table', (bench) => {
  /** Where the bench has no table yet. */
  const absent = () => ({ tableName: `${bench().tableName}-absent`, client: bench().server.client })

  it('is named where it is missing, and so is the flag that makes it', async () => {
    const { tableName, client } = absent()
    const missing = dynamodbState({ tableName, client, landingPlace })
    const error = {
      kind: 'invalid-config',
      message: expect.stringContaining(tableName),
      hint: expect.stringContaining('--create-state'),
      maybeApplied: false,
    }
    await expect(missing.list()).rejects.toMatchObject(error)
    await expect(missing.get(orders)).rejects.toMatchObject(error)
    await expect(missing.register(orders, {})).rejects.toMatchObject(error)
    await expect(missing.update(orders, { set: { a: 1 } }, {})).rejects.toMatchObject(error)
  })

  it('is not asked twice where a right or the region is missing', async () => {
    const { proxy, server, state, tableName } = bench()
    proxy.fail('GetItem', ['refused'])
    await expect(state.get(orders)).rejects.toMatchObject({
      kind: 'invalid-config',
      message: expect.stringContaining('AccessDenied'),
    })
    expect(proxy.calls).toHaveLength(1)
    const region = () => Promise.reject(new Error('no region'))
    const lost = dynamodbState({ tableName, landingPlace, client: { ...server.client, region } })
    await expect(lost.list()).rejects.toMatchObject({ kind: 'invalid-config', hint: 'set AWS_REGION' })
  })

  it('is created once, on demand, with the key `path`', async () => {
    const created = absent()
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => createStateTable(created)))
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
    const { Table } = await bench().raw.send(new DescribeTableCommand({ TableName: created.tableName }))
    expect(Table).toMatchObject({
      TableStatus: 'ACTIVE',
      KeySchema: [{ AttributeName: 'path', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'path', AttributeType: 'S' }],
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    })
  })

  it('stays as it is where there is one', async () => {
    const { getRaw, proxy, putRaw, tableName } = bench()
    await putRaw({ path: { S: ordersPath } })
    expect(await createStateTable({ tableName, client: clientOf(proxy.endpoint) })).toBe('exists')
    expect(await getRaw()).toEqual({ path: { S: ordersPath } })
    expect(proxy.calls.map(({ operation }) => operation)).not.toContain('CreateTable')
  })

  it('is created though answers get lost', async () => {
    const { proxy } = bench()
    const created = { ...absent(), client: clientOf(proxy.endpoint) }
    proxy.fail('CreateTable', ['answer-lost'])
    proxy.fail('DescribeTable', ['throttled', 'answer-cut'])
    expect(await createStateTable(created)).toBe('exists')
    expect(await dynamodbState({ ...created, landingPlace }).list()).toEqual([])
  })

  it('is no table with another key', async () => {
    const other = absent()
    await bench().raw.send(
      new CreateTableCommand({
        TableName: other.tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    )
    await expect(createStateTable(other)).rejects.toMatchObject({
      kind: 'invalid-config',
      message: `state table ${other.tableName}: its key is id, expected path alone, a string`,
    })
    const state = dynamodbState({ ...other, landingPlace })
    await expect(state.get(orders)).rejects.toMatchObject({ kind: 'invalid-config' })
  })
})

describe('a state table that takes a while', async () => {
  const server = await startSlowDynamodb()
  afterAll(() => server?.stop())

  it.skipIf(server === null)('is ready for rows when it counts as created', async () => {
    const options = { tableName: 'Slow', client: server?.client ?? {} }
    expect(await createStateTable(options)).toBe('created')
    const { Table } = await new DynamoDBClient(options.client).send(new DescribeTableCommand({ TableName: 'Slow' }))
    expect(Table?.TableStatus).toBe('ACTIVE')
    expect(await dynamodbState({ ...options, landingPlace }).register(orders, {})).toBe('registered')
  })
})
