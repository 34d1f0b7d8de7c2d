import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listTables } from '../src/controller/list-tables.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { restoreTable } from '../src/controller/restore-table.ts'
import { runCycle } from '../src/controller/run-cycle.ts'
import { setTables } from '../src/controller/set-table.ts'
import { verifyTables } from '../src/controller/verify-tables.ts'
import { whyKey } from '../src/controller/why-key.ts'
import { literal } from '../src/engine/sql.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import type { Ports } from '../src/ports.ts'
import { dynamodbState } from '../src/state/dynamodb-state.ts'
import { createStateTable } from '../src/state/dynamodb-table.ts'
import { dynamodbServers } from './support/dynamodb-servers.ts'
import { type Lab, openLab } from './support/lab.ts'
import { rowsOf } from './support/lab-test.ts'
import { nameOf, row } from './support/plain-table.ts'
import { clientOf, newBucket } from './support/s3-servers.ts'

const server = await dynamodbServers.moto?.()
const tableName = 'DMSCDC_Controller'

describe.skipIf(!server)('the original’s table in S3 and DynamoDB', () => {
  if (!server) return
  const dynamodb = new DynamoDBClient(server.client)
  let lab: Lab
  let ports: Ports
  let path: string

  beforeEach(async () => {
    lab = await openLab()
    const client = clientOf(server.endpoint)
    const objects = async (prefix: string) =>
      s3Objects(client, { bucket: await newBucket(client), prefix, scratchDir: join(lab.folder, 'scratch') })
    const [landing, lake] = [await objects('dms/'), await objects('tables/')]
    await createStateTable({ tableName, client: server.client })
    const state = dynamodbState({ tableName, landingPlace: landing.place, client: server.client })
    ports = { ...lab.ports, landing, lake, state }
    path = `${landing.place}s/t/`
    await put(landing, 's/t/LOAD00000001.parquet', rowsOf(row, [[1, 'load']]))
    for (const day of [1, 2, 3]) await put(landing, `s/t/${nameOf(day)}`, changes(day))
    const original = { Op: 'varchar', ...row }
    await put(lake, 't/part-00000-x.snappy.parquet', rowsOf(original, [['I', 1, 'load']]))
    await put(
      lake,
      't/part-00001-x.snappy.parquet',
      rowsOf(original, [
        ['I', 11, 'day 1'],
        ['I', 12, 'day 2'],
      ]),
    )
  })
  afterEach(() => lab.close())
  afterAll(() => server.stop())

  const changes = (day: number) => rowsOf({ Op: 'varchar', ...row }, [['I', 10 + day, `day ${String(day)}`]])

  async function put(store: Ports['lake'], key: string, select: string): Promise<void> {
    const file = join(lab.folder, 'made.parquet')
    await lab.sql(`copy (${select}) to ${literal(file)} (format parquet)`)
    await store.put(key, await readFile(file), { kind: 'any' })
  }

  /** An item as the original's controller writes it: no `out_path`, no attribute of ours. */
  async function putOriginalItem(): Promise<void> {
    const [bucket = '', ...folders] = path.split('/')
    const Item = marshall({
      ...{ path, bucket, prefix: `${folders.slice(0, -2).join('/')}/`, folder: 't/' },
      ...{ PrimaryKey: 'id', PartitionKey: 'null', ActiveFlag: 'true' },
      ...{ LastFullLoadDate: '2099-01-01 00:00:00', LastIncrementalFile: `${path}${nameOf(2)}` },
    })
    await dynamodb.send(new PutItemCommand({ TableName: tableName, Item }))
  }

  const item = async () =>
    unmarshall((await dynamodb.send(new GetItemCommand({ TableName: tableName, Key: marshall({ path }) }))).Item ?? {})
  const setCursor = (cursor: string) =>
    dynamodb.send(
      new UpdateItemCommand({
        TableName: tableName,
        Key: marshall({ path }),
        UpdateExpression: 'set LastIncrementalFile = :c',
        ExpressionAttributeValues: marshall({ ':c': cursor }),
      }),
    )
  const run = async () => (await runCycle(ports, { tables: [], concurrency: 1 })).tables[0]

  it('is adopted in its old place, goes on after its cursor, and obeys a cursor edited in the console once', async () => {
    await putOriginalItem()
    expect(await planTables(ports, [])).toMatchObject([{ work: 'incremental', inputs: [nameOf(3)] }])
    expect(await run()).toMatchObject({ version: 1, files: 1, changes: { inserted: 1 }, error: null })
    expect(await listTables(ports)).toMatchObject([{ rows: 4, pending: 0, adopted: { files: 2, rows: 3 } }])
    expect(await verifyTables(ports, [])).toMatchObject([{ ok: true, rows: 4, problems: [] }])
    expect(await item()).toMatchObject({ Version: 1, LastIncrementalFile: `${path}${nameOf(3)}` })
    await setCursor(`${path}${nameOf(1)}`)
    expect(await run()).toMatchObject({ files: 2, changes: { unchanged: 2 }, error: null })
    expect(await run()).toMatchObject({ status: 'idle', files: 0 })
    expect(await item()).toMatchObject({
      LastIncrementalFile: `${path}${nameOf(3)}`,
      MirroredIncrementalFile: `${path}${nameOf(3)}`,
    })
  })

  it('goes back to what was adopted, out of the retained files, and on from there', async () => {
    await putOriginalItem()
    await setTables(ports, 's.t', { retain: '7d' })
    await put(ports.landing, `s/t/${nameOf(4)}`, rowsOf({ Op: 'varchar', ...row }, [['U', 11, 'changed']]))
    expect(await run()).toMatchObject({ version: 1, files: 2, error: null })
    expect(await item()).toMatchObject({ Retained: 7 * 86_400_000 })
    const id = { schema: 's', table: 't' }
    expect(await restoreTable(ports, id, { version: 0, keepProgress: false })).toBe(2)
    expect(await item()).toMatchObject({
      ActiveFlag: 'false',
      Version: 2,
      LastIncrementalFile: `${path}${nameOf(2)}`,
      MirroredIncrementalFile: `${path}${nameOf(2)}`,
    })
    expect(await item()).not.toHaveProperty('Lease')
    expect(await verifyTables(ports, [])).toMatchObject([{ ok: true, rows: 3, problems: [] }])
    expect(await whyKey(ports, id, ['11'])).toMatchObject({ row: { values: { v: 'day 1' } } })
    await setTables(ports, 's.t', { active: true })
    expect(await run()).toMatchObject({ version: 3, files: 2, changes: { inserted: 1, updated: 1 }, error: null })
    expect(await verifyTables(ports, [])).toMatchObject([{ ok: true, rows: 4, problems: [] }])
  })
})
