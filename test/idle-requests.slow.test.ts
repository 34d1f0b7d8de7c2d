import { readFile } from 'node:fs/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, describe, expect, test } from 'vitest'
import { dmscdc } from './e2e/process.ts'
import { startFaultProxy } from './support/dynamodb-faults.ts'
import { dynamodbServers } from './support/dynamodb-servers.ts'
import { openLab } from './support/lab.ts'
import { startS3FaultProxy } from './support/s3-faults.ts'
import { newBucket, s3Servers } from './support/s3-servers.ts'

const [s3, dynamodb] = [await s3Servers.VersityGW?.(), await dynamodbServers['DynamoDB Local']?.()]
const tables = 200

describe.skipIf(!s3 || !dynamodb)('a run over two hundred idle tables on S3 and DynamoDB', () => {
  if (!s3 || !dynamodb) return
  afterAll(async () => {
    await s3.stop()
    await dynamodb.stop()
  })

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
