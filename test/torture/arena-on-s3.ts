import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { listAll, type ObjectStore } from '../../src/objects/object-store.ts'
import { s3Objects } from '../../src/objects/s3-objects.ts'
import { dynamodbServers } from '../support/dynamodb-servers.ts'
import { newBucket, s3Servers } from '../support/s3-servers.ts'
import type { Arena } from './arena.ts'
import { schema } from './tables.ts'

/** Landing and lake on a real S3 server, the state on a real DynamoDB. Null where one of them cannot be had. */
export async function onS3(folder: string): Promise<Arena | null> {
  const [s3, dynamodb] = [await s3Servers.VersityGW?.(), await dynamodbServers['DynamoDB Local']?.()]
  if (!s3 || !dynamodb) return null
  const temp = join(folder, 'temp')
  mkdirSync(temp)
  const buckets = { landing: await newBucket(s3.client), lake: await newBucket(s3.client) }
  const open = (bucket: string, prefix: string) =>
    s3Objects(s3.client, { bucket, prefix, scratchDir: join(folder, 'fetched') })
  const [landing, lake] = [open(buckets.landing, 'dms'), open(buckets.lake, 'lake')]
  return {
    environment: {
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'testtest',
      DMSCDC_LANDING: `s3://${buckets.landing}/dms/`,
      DMSCDC_LAKE: `s3://${buckets.lake}/lake`,
      DMSCDC_TEMP: temp,
    },
    registers: ['run', '--create-state'],
    landing: {
      put: async (key, path) => void (await landing.put(key, { scratchFile: path }, { kind: 'any' })),
      remove: (key) => landing.deleteMany([key]),
    },
    // Dates have whole seconds.
    datesDifferMs: 2000,
    filesOf: async (table) => {
      const keys = await keysBelow(landing, `${schema}/${table}/`)
      return keys.map((key) => key.slice(key.lastIndexOf('/') + 1))
    },
    staged: async () => (await keysBelow(lake, '_dmscdc/')).filter((key) => key.includes('/staging/')),
    close: async () => {
      await s3.stop()
      await dynamodb.stop()
    },
  }
}

async function keysBelow(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { objects } of listAll(store, { prefix })) keys.push(...objects.map(({ key }) => key))
  return keys
}
