import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { glueCatalog } from '../../src/catalog/glue-catalog.ts'
import { literal } from '../../src/engine/sql.ts'
import { glueCredentials, startGlue } from '../support/glue-server.ts'
import { type Cell, rowsOf } from '../support/lab-test.ts'
import { clientOf, newBucket } from '../support/s3-servers.ts'
import { dmscdc } from './process.ts'

/** The whole way: S3 landing and lake, rows in DynamoDB, tables in Glue, by the command itself. */
const server = await startGlue()

describe.skipIf(!server)('dmscdc on S3, DynamoDB and the Glue Data Catalog', () => {
  if (!server) return
  const catalog = glueCatalog(server.client)
  const name = { database: 'shop', table: 'orders' }
  const row = { Id: 'integer', day: 'date', price: 'decimal(10,2)' }
  let s3: S3Client
  let [landing, lake, folder] = ['', '', '']
  let sql: (statement: string) => Promise<Record<string, unknown>[]>
  beforeAll(async () => {
    s3 = clientOf(server.endpoint)
    landing = await newBucket(s3)
    lake = await newBucket(s3)
    folder = await mkdtemp(join(tmpdir(), 'dmscdc-e2e-'))
    const reader = await (await DuckDBInstance.create()).connect()
    sql = async (statement) => (await reader.runAndReadAll(statement)).getRowObjectsJson() as Record<string, unknown>[]
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function run(...args: readonly string[]) {
    const environment = {
      AWS_ENDPOINT_URL: server?.endpoint ?? '',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: glueCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: glueCredentials.secretAccessKey,
      DMSCDC_LANDING: `s3://${landing}/dms/`,
      DMSCDC_LAKE: `s3://${lake}/lake/`,
      DMSCDC_TEMP: folder,
    }
    const ended = await dmscdc([...args, '--json'], environment)
    return { code: ended.code, stderr: ended.stderr, json: JSON.parse(ended.stdout === '' ? 'null' : ended.stdout) }
  }

  async function runTable() {
    const { code, json } = await run('run', '--create-state')
    expect(code).toBe(0)
    return json.tables[0]
  }

  async function land(key: string, types: Record<string, string>, rows: readonly (readonly Cell[])[]): Promise<void> {
    const path = join(folder, 'landed.parquet')
    await sql(`copy (${rowsOf(types, rows)}) to ${literal(path)} (format parquet)`)
    const Body = await readFile(path)
    await s3.send(new PutObjectCommand({ Bucket: landing, Key: `dms/shop/orders/${key}`, Body }))
  }

  async function keysBelow(Prefix: string): Promise<string[]> {
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: lake, Prefix }))
    return (Contents ?? []).map(({ Key }) => Key ?? '')
  }

  const textAt = async (Key: string) =>
    (await s3.send(new GetObjectCommand({ Bucket: lake, Key }))).Body?.transformToString()
  const days = async () => (await catalog.listPartitions(name)).map(({ values }) => values.join()).sort()

  test('a first load makes database, table and partitions', async () => {
    await land('LOAD00000001.parquet', row, [
      [1, '2024-01-01', '1.50'],
      [2, '2024-01-02', '2.50'],
    ])
    await runTable()
    const views = ['--publish', 'glue,manifest', '--partition-key', 'day']
    expect(await run('set', 'shop.orders', '--active', '--primary-key', 'Id', ...views)).toMatchObject({ code: 0 })
    expect(await runTable()).toMatchObject({ status: 'initial', error: null, warnings: [] })
    expect(await catalog.getTable(name)).toMatchObject({
      format: 'symlink',
      location: `s3://${lake}/lake/shop/orders/_symlink_format_manifest/`,
      columns: [
        { name: 'id', type: 'int' },
        { name: 'price', type: 'decimal(10,2)' },
      ],
      partitionKeys: [{ name: 'day', type: 'date' }],
      parameters: { 'dmscdc.table': 'shop.orders', 'dmscdc.lake': `s3://${lake}/lake/` },
    })
    expect(await days()).toEqual(['2024-01-01', '2024-01-02'])
  })

  test('manifests name objects of the lake', async () => {
    const folderOfDay = 'lake/shop/orders/_symlink_format_manifest/day=2024-01-01/'
    expect(await keysBelow(folderOfDay)).toEqual([`${folderOfDay}manifest`])
    const uris = (await textAt(`${folderOfDay}manifest`))?.trimEnd().split('\n') ?? []
    expect(uris).toEqual((await keysBelow('lake/shop/orders/day=2024-01-01/')).map((key) => `s3://${lake}/${key}`))
  })

  test('changes that add a column and move a row are followed, and an idle run writes nothing', async () => {
    await land('20240103-000000000.parquet', { Op: 'varchar', ...row, note: 'varchar' }, [
      ['U', 2, '2024-01-03', '2.75', 'moved'],
    ])
    expect(await runTable()).toMatchObject({ status: 'incremental', error: null, warnings: [] })
    expect(await days()).toEqual(['2024-01-01', '2024-01-03'])
    const found = await catalog.getTable(name)
    expect(found?.columns).toEqual([
      { name: 'id', type: 'int' },
      { name: 'price', type: 'decimal(10,2)' },
      { name: 'note', type: 'string' },
    ])
    expect(await runTable()).toMatchObject({ status: 'idle', warnings: [] })
    expect(await catalog.getTable(name)).toEqual(found)
  })

  test('a Delta view makes it a native Delta table', async () => {
    await run('set', 'shop.orders', '--publish', 'glue,delta')
    expect(await runTable()).toMatchObject({ error: null, warnings: [] })
    expect(await catalog.getTable(name)).toMatchObject({
      format: 'delta',
      location: `s3://${lake}/lake/shop/orders/`,
      parameters: { table_type: 'DELTA', 'spark.sql.sources.provider': 'delta' },
    })
    expect(await days()).toEqual([])
    expect(await keysBelow('lake/shop/orders/_symlink_format_manifest/')).toEqual([])
    expect(await run('verify')).toMatchObject({ code: 0 })
  })

  test('another database takes it over, and taken off it is gone', async () => {
    const { json } = await run('run', '--glue-database', 'Everything')
    expect(json.tables[0]).toMatchObject({ error: null, warnings: [] })
    expect(await catalog.getTable(name)).toBeNull()
    const moved = { database: 'everything', table: 'orders' }
    expect(await catalog.getTable(moved)).not.toBeNull()
    await run('set', 'shop.orders', '--publish', '')
    expect(await runTable()).toMatchObject({ error: null, warnings: [] })
    expect(await catalog.getTable(moved)).toBeNull()
  })
})
