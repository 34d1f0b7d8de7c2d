import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Catalog, CatalogTable, FoundTable } from '../src/catalog/catalog.ts'
import { glueCatalog, glueClient } from '../src/catalog/glue-catalog.ts'
import { type GlueStub, startGlueStub } from './support/glue-stub.ts'

const name = { database: 'sales', table: 'orders' }
const table: CatalogTable = {
  format: 'delta',
  location: 's3://lake/sales/orders/',
  columns: [{ name: 'id', type: 'bigint' }],
  partitionKeys: [],
  parameters: { table_type: 'DELTA' },
}
const found: FoundTable = { ...table, versionId: '41', description: 'theirs' }
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const partition = (value: string) => ({ values: [value], location: `s3://lake/p=${value}/`, parameters: {} })
const many = (count: number) => Array.from({ length: count }, (_, at) => String(at))

let stub: GlueStub
let catalog: Catalog
beforeEach(async () => {
  stub = await startGlueStub()
  catalog = glueCatalog(glueClient({ endpoint: stub.endpoint, region: 'eu-west-1', credentials }))
})
afterEach(() => stub.stop())

const inputs = (operation: string) =>
  stub.calls.filter((call) => call.operation === operation).map(({ input }) => input)

describe('what Glue is asked', () => {
  test('an update names the version that it was made from, keeps no archive, and says what Delta readers want', async () => {
    expect(await catalog.updateTable(name, table, found)).toBe('updated')
    expect(inputs('UpdateTable')).toEqual([
      {
        DatabaseName: 'sales',
        SkipArchive: true,
        VersionId: '41',
        TableInput: {
          Name: 'orders',
          Description: 'theirs',
          TableType: 'EXTERNAL_TABLE',
          Parameters: { EXTERNAL: 'TRUE', table_type: 'DELTA' },
          PartitionKeys: [],
          StorageDescriptor: expect.objectContaining({
            Location: table.location,
            Columns: [{ Name: 'id', Type: 'bigint' }],
          }),
        },
      },
    ])
  })

  test('partitions go in batches of what one call takes', async () => {
    const changes = {
      create: many(201).map(partition),
      update: many(100).map(partition),
      remove: many(51).map((value) => [value]),
    }
    await catalog.changePartitions(name, table, changes)
    const sizes = (operation: string, list: string) =>
      inputs(operation).map((input) => (input[list] as readonly unknown[]).length)
    expect(sizes('BatchCreatePartition', 'PartitionInputList')).toEqual([100, 100, 1])
    expect(sizes('BatchUpdatePartition', 'Entries')).toEqual([100])
    expect(sizes('BatchDeletePartition', 'PartitionsToDelete')).toEqual([25, 25, 1])
  })

  test('all pages of the partitions are read', async () => {
    const page = (value: string, NextToken?: string) => ({
      body: { Partitions: [{ Values: [value], StorageDescriptor: { Location: value } }], NextToken },
    })
    stub.answer('GetPartitions', page('a', 'more'), page('b', 'even more'), page('c'))
    expect((await catalog.listPartitions(name)).map(({ location }) => location)).toEqual(['a', 'b', 'c'])
    expect(inputs('GetPartitions').map(({ NextToken }) => NextToken)).toEqual([undefined, 'more', 'even more'])
  })
})

describe('what Glue answers', () => {
  test.each(['ConcurrentModificationException', 'VersionMismatchException', 'EntityNotFoundException'])(
    'an update that meets a newer version is told: %s',
    async (type) => {
      stub.answer('UpdateTable', ...Array.from({ length: 6 }, () => ({ status: 400, type })))
      expect(await catalog.updateTable(name, table, found)).toBe('conflict')
    },
  )

  test('errors of single items inside a 200 are read, from every batch', async () => {
    const refusal = (ErrorCode: string) => ({
      body: { Errors: [{ PartitionValues: ['7'], ErrorDetail: { ErrorCode, ErrorMessage: 'it is' } }] },
    })
    stub.answer('BatchCreatePartition', refusal('AlreadyExistsException'), refusal('InternalServiceException'))
    const changes = { create: many(150).map(partition), update: [], remove: [] }
    expect(await catalog.changePartitions(name, table, changes)).toEqual([
      { change: 'create', code: 'AlreadyExistsException' },
      { change: 'create', code: 'InternalServiceException' },
    ])
  })

  test('throttling, errors of the server and lost answers are survived', async () => {
    const busy = { status: 400, type: 'ThrottlingException' }
    const broken = { status: 500, type: 'InternalServiceException' }
    stub.answer('GetTable', busy, 'lost', broken, { body: { Table: { Name: 'orders', VersionId: '7' } } })
    expect(await catalog.getTable(name)).toMatchObject({ versionId: '7', format: 'other', columns: [] })
  })

  test('a refusal says which right is missing, and is a matter of configuration', async () => {
    stub.answer('CreateTable', { status: 400, type: 'AccessDeniedException' })
    await expect(catalog.createTable(name, table)).rejects.toMatchObject({
      kind: 'invalid-config',
      message: 'glue CreateTable sales.orders: AccessDeniedException: AccessDeniedException it is',
      hint: expect.stringContaining('allow glue:CreateTable'),
    })
  })

  test('its own words about a partition are not repeated: they may hold a row’s value', async () => {
    const body = { message: 'value secret-day is invalid' }
    stub.answer('BatchCreatePartition', { status: 400, type: 'InvalidInputException', body })
    const changes = { create: [partition('secret-day')], update: [], remove: [] }
    const thrown = await catalog.changePartitions(name, table, changes).catch((error: unknown) => error)
    expect(thrown).toMatchObject({ message: 'glue BatchCreatePartition sales.orders: InvalidInputException' })
  })

  test('a table that is none of our kind is read nonetheless', async () => {
    const StorageDescriptor = { InputFormat: 'org.apache.hadoop.mapred.TextInputFormat' }
    stub.answer('GetTable', { body: { Table: { Name: 'orders', StorageDescriptor } } })
    expect(await catalog.getTable(name)).toEqual({
      format: 'other',
      location: '',
      columns: [],
      partitionKeys: [],
      parameters: {},
      versionId: null,
      description: null,
    })
  })
})

test('without a region the operator is told what to set', async () => {
  const region = () => Promise.reject(new Error('none'))
  const lost = glueCatalog(glueClient({ endpoint: stub.endpoint, credentials, region }))
  await expect(lost.getTable(name)).rejects.toMatchObject({ kind: 'invalid-config', hint: 'set AWS_REGION' })
  expect(stub.calls).toEqual([])
})
