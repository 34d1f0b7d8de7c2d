import {
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  BatchUpdatePartitionCommand,
  CreateDatabaseCommand,
  CreateTableCommand,
  DeleteTableCommand,
  GetPartitionsCommand,
  GetTableCommand,
  GlueClient,
  type GlueClientConfig,
  type PartitionError,
  UpdateTableCommand,
} from '@aws-sdk/client-glue'
import type { Catalog, CatalogName, CatalogPartition, RefusedPartition } from './catalog.ts'
import { glueError, isMissing, isOvertaken, isThere, noRegion } from './glue-errors.ts'
import { foundTable, partitionInput, tableInput } from './glue-table.ts'

/** What Glue takes in one call. */
const changedMax = 100
const removedMax = 25
const pageMax = 1_000

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * A client for `glueCatalog`. The SDK itself tries again: each call may be repeated, since what was applied already is
 * an answer that the port foresees.
 */
export function glueClient(options: GlueClientConfig = {}): GlueClient {
  const requestHandler = { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true }
  return new GlueClient({ requestHandler, logger: silent, maxAttempts: 6, ...options })
}

/** The Glue Data Catalog of the client's account and region. */
export function glueCatalog(client: GlueClient): Catalog {
  return {
    async getTable(name) {
      const command = new GetTableCommand({ DatabaseName: name.database, Name: name.table })
      const answer = await asked(client, 'GetTable', name, () => client.send(command), { missing: null })
      return answer?.Table === undefined ? null : foundTable(answer.Table)
    },
    async createDatabase(database) {
      const command = new CreateDatabaseCommand({ DatabaseInput: { Name: database } })
      await asked(client, 'CreateDatabase', { database }, () => client.send(command), { there: null })
    },
    async createTable(name, table) {
      const TableInput = tableInput(name.table, table, null)
      const command = new CreateTableCommand({ DatabaseName: name.database, TableInput })
      const create = () => client.send(command).then(() => 'created' as const)
      return asked(client, 'CreateTable', name, create, { there: 'exists', missing: 'no-database' })
    },
    async updateTable(name, table, found) {
      const command = new UpdateTableCommand({
        DatabaseName: name.database,
        TableInput: tableInput(name.table, table, found),
        SkipArchive: true,
        ...(found.versionId === null ? {} : { VersionId: found.versionId }),
      })
      const update = () => client.send(command).then(() => 'updated' as const)
      return asked(client, 'UpdateTable', name, update, { overtaken: 'conflict' })
    },
    async deleteTable(name) {
      const command = new DeleteTableCommand({ DatabaseName: name.database, Name: name.table })
      await asked(client, 'DeleteTable', name, () => client.send(command), { missing: null })
    },
    listPartitions: (name) => listPartitions(client, name),
    async changePartitions(name, table, { create, update, remove }) {
      const place = { DatabaseName: name.database, TableName: name.table }
      const input = (partition: CatalogPartition) => partitionInput(table, partition)
      const removed = await inBatches(remove, removedMax, (some) => {
        const PartitionsToDelete = some.map((values) => ({ Values: [...values] }))
        return asked(client, 'BatchDeletePartition', name, () =>
          client.send(new BatchDeletePartitionCommand({ ...place, PartitionsToDelete })),
        )
      })
      const created = await inBatches(create, changedMax, (some) =>
        asked(client, 'BatchCreatePartition', name, () =>
          client.send(new BatchCreatePartitionCommand({ ...place, PartitionInputList: some.map(input) })),
        ),
      )
      const updated = await inBatches(update, changedMax, (some) => {
        const Entries = some.map((one) => ({ PartitionValueList: [...one.values], PartitionInput: input(one) }))
        return asked(client, 'BatchUpdatePartition', name, () =>
          client.send(new BatchUpdatePartitionCommand({ ...place, Entries })),
        )
      })
      return [...refusals('remove', removed), ...refusals('create', created), ...refusals('update', updated)]
    },
  }
}

/** Without the columns of each: of thousands of partitions they would be most of the answer. */
async function listPartitions(client: GlueClient, name: CatalogName): Promise<readonly CatalogPartition[]> {
  const found: CatalogPartition[] = []
  const place = { DatabaseName: name.database, TableName: name.table, ExcludeColumnSchema: true, MaxResults: pageMax }
  for (let NextToken: string | undefined; ; ) {
    const command = new GetPartitionsCommand({ ...place, ...(NextToken === undefined ? {} : { NextToken }) })
    const page = await asked(client, 'GetPartitions', name, () => client.send(command), { missing: null })
    for (const { Values, StorageDescriptor, Parameters } of page?.Partitions ?? [])
      found.push({ values: Values ?? [], location: StorageDescriptor?.Location ?? '', parameters: Parameters ?? {} })
    NextToken = page?.NextToken
    if (NextToken === undefined || NextToken === '') return found
  }
}

async function inBatches<T, Answer>(
  items: readonly T[],
  size: number,
  send: (some: readonly T[]) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (let at = 0; at < items.length; at += size) answers.push(await send(items.slice(at, at + size)))
  return answers
}

/** Batches answer 200 also where some or all of their items failed. */
function refusals(
  change: RefusedPartition['change'],
  answers: readonly { readonly Errors?: readonly PartitionError[] | undefined }[],
): readonly RefusedPartition[] {
  const errors = answers.flatMap(({ Errors }) => Errors ?? [])
  return errors.map(({ ErrorDetail }) => ({ change, code: ErrorDetail?.ErrorCode ?? 'no code' }))
}

type Foreseen<A> = { readonly missing?: A; readonly there?: A; readonly overtaken?: A }

/** Sends a call; the refusals that are answers become them, all others are thrown as errors of ours. */
async function asked<T, A = never>(
  client: GlueClient,
  action: string,
  name: { readonly database: string; readonly table?: string },
  send: () => Promise<T>,
  foreseen: Foreseen<A> = {},
): Promise<T | A> {
  await client.config.region().catch((thrown: unknown) => {
    throw noRegion(thrown)
  })
  try {
    return await send()
  } catch (thrown) {
    if ('missing' in foreseen && isMissing(thrown)) return foreseen.missing as A
    if ('there' in foreseen && isThere(thrown)) return foreseen.there as A
    if ('overtaken' in foreseen && isOvertaken(thrown)) return foreseen.overtaken as A
    const subject = name.table === undefined ? name.database : `${name.database}.${name.table}`
    throw glueError(thrown, { action, subject })
  }
}
