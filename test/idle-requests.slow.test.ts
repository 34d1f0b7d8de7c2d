import { readFile } from 'node:fs/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { afterAll, describe, expect, test } from 'vitest'
import { setTables } from '../src/controller/set-table.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { fileState } from '../src/state/file-state.ts'
import { dmscdc } from './e2e/process.ts'
import { startFaultProxy } from './support/dynamodb-faults.ts'
import { dynamodbServers } from './support/dynamodb-servers.ts'
import { openLab } from './support/lab.ts'
import { startS3FaultProxy } from './support/s3-faults.ts'
import { newBucket, s3Servers } from './support/s3-servers.ts'

const [s3, dynamodb] = [await s3Servers.VersityGW?.(), await dynamodbServers['DynamoDB Local']?.()]
const tables = 200

afterAll(async () => {
  await s3?.stop()
  await dynamodb?.stop()
})

describe.skipIf(!s3)('a table with 2,500 landing files on S3', () => {
  test('is idle by one request, and by three where it is listed whole', async () => {
    if (!s3) return
    const lab = await openLab()
    const stores = ['landing', 'lake'].map(async (prefix) =>
      s3Objects(s3.client, { bucket: await newBucket(s3.client), prefix, scratchDir: `${lab.folder}/fetched` }),
    )
    const [landing, lake] = (await Promise.all(stores)) as [ObjectStore, ObjectStore]
    let laterMs = 0
    const clock = { ...lab.ports.clock, nowMs: () => lab.ports.clock.nowMs() + laterMs }
    const ports = {
      ...lab.ports,
      landing,
      lake,
      clock,
      state: fileState({ dir: lab.state, landingPlace: landing.place }),
    }
    const change = await readFile(await lab.land('made', `select 'I' as "Op", 1 as id`))
    const land = (name: string, body: Uint8Array) => landing.put(`s/t/${name}`, body, { kind: 'any' })
    const nameOf = (hour: number) =>
      `${new Date(Date.UTC(2024, 0, 1, hour)).toISOString().slice(0, 13).replaceAll('-', '').replace('T', '-')}0000000.parquet`
    const atOnce = pLimit(8)
    await Promise.all(Array.from({ length: 2_499 }, (_, hour) => atOnce(() => land(nameOf(hour), change))))
    await land('LOAD00000001.parquet', await readFile(await lab.land('made', 'select 1 as id')))
    await lab.run({ ports })
    const row = (await ports.state.get({ schema: 's', table: 't' }))?.row
    // As an adopted table begins, so that the test need not merge them all.
    const LastIncrementalFile = `${String(row?.path)}${nameOf(2_490)}`
    await setTables(ports, 's.t', { active: true, primaryKey: 'id' })
    await ports.state.update({ schema: 's', table: 't' }, { set: { LastIncrementalFile } }, {})
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null, files: 9 })

    const idleBy = (lists: number) => ({
      status: 'idle',
      requests: { get: 0, put: 0, copy: 0, list: lists, delete: 0 },
    })
    for (let time = 0; time < 2; time++) expect(await lab.runOne('s.t', { ports })).toMatchObject(idleBy(1))
    laterMs = 23 * 3_600_000
    expect(await lab.runOne('s.t', { ports })).toMatchObject(idleBy(3))
    await land(nameOf(2_500), change)
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ status: 'incremental', files: 1, requests: { list: 4 } })
    expect(await lab.runOne('s.t', { ports })).toMatchObject(idleBy(1))
    await lab.close()
  })
})

describe.skipIf(!s3 || !dynamodb)('a run over two hundred idle tables on S3 and DynamoDB', () => {
  if (!s3 || !dynamodb) return

  test('lists each table once, reads nothing of the lake, writes nothing, and says so', async () => {
    const [s3Proxy, dynamodbProxy] = [await startS3FaultProxy(s3.endpoint), await startFaultProxy(dynamodb.endpoint)]
    const [landing, lake] = [await newBucket(s3.client), await newBucket(s3.client)]
    const lab = await openLab()
    const body = await readFile(await lab.land('s/t/LOAD00000001.parquet', 'select 1 as id'))
    await lab.close()
    for (let at = 0; at < tables; at++)
      await s3.client.send(
        new PutObjectCommand({ Bucket: landing, Key: `dms/shop/t${String(at)}/LOAD00000001.parquet`, Body: body }),
      )
    const environment = {
      ...{
        DMSCDC_LANDING: `s3://${landing}/dms/`,
        DMSCDC_LAKE: `s3://${lake}/`,
        DMSCDC_STATE: 'dynamodb://Idle_Tables',
      },
      ...{ AWS_ENDPOINT_URL_S3: s3Proxy.endpoint, AWS_ENDPOINT_URL_DYNAMODB: dynamodbProxy.endpoint },
      ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'testtest' },
    }
    const command = async (...args: string[]) => {
      const { code, stdout, stderr } = await dmscdc(args, environment)
      expect([args, code, code === 0 ? '' : stderr]).toEqual([args, 0, ''])
      return stdout
    }
    await command('run', '--create-state', '--json')
    await command('set', 'shop.*', '--active', '--primary-key', 'id')
    const loaded = JSON.parse(await command('run', '--json'))
    expect(new Set(loaded.tables.map(({ status }: { status: string }) => status))).toEqual(new Set(['initial']))

    const [sent, asked] = [s3Proxy.seen.length, dynamodbProxy.calls.length]
    const idle = JSON.parse(await command('run', '--json'))
    const operations = s3Proxy.seen.slice(sent).map(({ operation }) => operation)
    const discovery = 2
    expect(operations).toEqual(Array(tables + discovery).fill('ListObjectsV2'))
    expect(idle.requests).toEqual({ get: 0, put: 0, copy: 0, list: tables + discovery, delete: 0 })
    for (const { status, requests } of idle.tables)
      expect([status, requests]).toEqual(['idle', { get: 0, put: 0, copy: 0, list: 1, delete: 0 }])
    expect(new Set(dynamodbProxy.calls.slice(asked).map(({ operation }) => operation))).toEqual(new Set(['Scan']))

    expect(await command('run')).toContain(`Requests to landing and lake: ${String(tables + discovery)} list`)
    await Promise.all([s3Proxy.stop(), dynamodbProxy.stop()])
  })
})
