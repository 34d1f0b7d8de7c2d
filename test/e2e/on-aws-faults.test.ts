import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect } from 'vitest'
import type { RunReport } from '../../src/controller/run-cycle.ts'
import { listAll, type ObjectStore } from '../../src/objects/object-store.ts'
import { s3Objects } from '../../src/objects/s3-objects.ts'
import { type Fault as StateFault, startFaultProxy } from '../support/dynamodb-faults.ts'
import { dynamodbServers } from '../support/dynamodb-servers.ts'
import { onLoopback } from '../support/loopback.ts'
import { type Fault as S3Fault, startS3FaultProxy } from '../support/s3-faults.ts'
import { newBucket, s3Servers } from '../support/s3-servers.ts'
import { modelTables } from './model-tables.ts'
import { test } from './places-test.ts'
import { dmscdc, type Places, start, stdoutOf } from './process.ts'
import { printedRandom } from './seeded-random.ts'
import { openSql } from './table-rows.ts'

const killedRuns = 6
const rows = { 'shop.large': 200_000, 'shop.middle': 5_000, 'shop.small': 300 }

const s3 = await s3Servers.VersityGW?.()
const lenientS3 = await s3Servers.moto?.()
const dynamodb = await dynamodbServers['DynamoDB Local']?.()
const sql = await openSql()
afterAll(async () => {
  sql.close()
  await Promise.all([s3?.stop(), lenientS3?.stop(), dynamodb?.stop()])
})

const fewRows = { 'shop.middle': 500, 'shop.small': 100 }
const s3Operations = ['ListObjectsV2', 'GetObject', 'HeadObject', 'PutObject', 'CopyObject', 'DeleteObjects'] as const
type Weather = {
  readonly onS3: { readonly [operation in (typeof s3Operations)[number] | 'all']?: readonly S3Fault[] }
  readonly onState: readonly StateFault[]
}
const weather: readonly Weather[] = [
  { onS3: { all: ['request-lost', 'slow-down'] }, onState: ['throttled', 'throttled'] },
  { onS3: { all: ['answer-lost'] }, onState: ['answer-lost'] },
  { onS3: { all: ['error-after', 'server-error'] }, onState: ['error-after'] },
  { onS3: { all: ['slow-down', 'slow-down'] }, onState: ['server-error', 'request-lost'] },
  {
    onS3: {
      GetObject: ['body-cut', 'body-cut'],
      PutObject: ['conflict', 'conflict'],
      CopyObject: ['error-in-200', 'slow-down'],
      DeleteObjects: ['keys-failed', 'keys-failed'],
    },
    onState: ['answer-cut'],
  },
]

describe.skipIf(!s3 || !dynamodb)('a run on S3 and DynamoDB that is killed at any moment', () => {
  test('leaves a lake that the next run ends right, with nothing lying about', async ({ places }) => {
    if (!s3 || !dynamodb) return
    const random = printedRandom('killed runs on S3')
    const bucket = await newBucket(s3.client)
    const lake = s3Objects(s3.client, { bucket, prefix: 'lake', scratchDir: join(places.folder, 'scratch') })
    const environment = onAws(places, { s3: s3.endpoint, dynamodb: dynamodb.endpoint, lake: `s3://${bucket}/lake` })
    const onS3 = { ...places, environment }
    const run = () => stdoutOf(['run', '--json', '--create-state', '--concurrency', '2'], environment)
    const tables = modelTables(sql, onS3, { rows, published: 'shop.middle' })
    await run()
    await tables.load()
    await run()
    let diedHolding = 0
    for (let attempt = 0; attempt < killedRuns; attempt++) {
      await tables.change(random)
      const killed = start(['run', '--json', '--concurrency', '2'], environment)
      let ended = false
      void killed.ended.then(() => {
        ended = true
      })
      while (!ended && (await stagedIn(lake)).length === 0) await sleep(5)
      await sleep(random.below(200))
      killed.kill('SIGKILL')
      if ((await killed.ended).signal !== null) diedHolding++
      const when = `attempt ${String(attempt)}, seed ${String(random.seed)}`
      await run()
      await mirror(lake, places.lake)
      expect(await tables.differences(), when).toEqual({})
      expect(await stagedIn(lake), when).toEqual([])
      expect(JSON.parse(await stdoutOf(['verify', '--json'], environment)), when).toMatchObject({ ok: true })
      expect(await readdir(places.temp), when).toEqual([])
    }
    expect(diedHolding).toBeGreaterThanOrEqual(2)
  }, 240_000)
})

describe.skipIf(!s3 || !dynamodb)('a run on S3 and DynamoDB in bad weather', () => {
  test('survives by itself what passes, each kind of it in each kind of request', async ({ places }) => {
    if (!s3 || !dynamodb) return
    const random = printedRandom('bad weather')
    const bucket = await newBucket(s3.client)
    const lake = s3Objects(s3.client, { bucket, prefix: 'lake', scratchDir: join(places.folder, 'scratch') })
    const [s3Proxy, stateProxy] = [await startS3FaultProxy(s3.endpoint), await startFaultProxy(dynamodb.endpoint)]
    const proxied = { s3: s3Proxy.endpoint, dynamodb: stateProxy.endpoint, lake: `s3://${bucket}/lake` }
    const environment = { ...onAws(places, proxied), DMSCDC_STATE: 'dynamodb://Controller_in_bad_weather' }
    const tables = modelTables(sql, { ...places, environment }, { rows: fewRows, published: 'shop.middle' })
    try {
      await stdoutOf(['run', '--create-state'], environment)
      await tables.load()
      for (const [at, { onS3, onState }] of weather.entries()) {
        const when = `${JSON.stringify(weather[at])}, seed ${String(random.seed)}`
        for (const operation of s3Operations) s3Proxy.fail(operation, onS3[operation] ?? onS3.all ?? [])
        for (const operation of ['Scan', 'GetItem', 'UpdateItem']) stateProxy.fail(operation, onState)
        const report = JSON.parse(await stdoutOf(['run', '--json'], environment)) as RunReport
        const work = at === 0 ? 'initial' : 'incremental'
        const ends = report.tables.map(({ status, warnings }) => [status, warnings])
        expect(ends, when).toEqual(report.tables.map(() => [work, []]))
        s3Proxy.reset()
        stateProxy.reset()
        await mirror(lake, places.lake)
        expect(await tables.differences(), when).toEqual({})
        expect(await stagedIn(lake), when).toEqual([])
        await tables.change(random)
      }
      expect(JSON.parse(await stdoutOf(['verify', '--json'], environment))).toMatchObject({ ok: true })
      expect(await readdir(places.temp)).toEqual([])
    } finally {
      await s3Proxy.stop()
      await stateProxy.stop()
    }
  }, 240_000)
})

describe.skipIf(!lenientS3)('an endpoint that ignores If-None-Match', () => {
  test('is refused by the run, which names it and has committed nothing', async ({ places }) => {
    if (!lenientS3) return
    const bucket = await newBucket(lenientS3.client)
    const proxy = await withoutCondition(lenientS3.endpoint)
    try {
      const { endpoint } = proxy
      const environment = {
        ...onAws(places, { s3: endpoint, dynamodb: endpoint, lake: `s3://${bucket}/lake` }),
        DMSCDC_STATE: places.state,
      }
      await modelTables(sql, { ...places, environment }, { rows: { 'shop.small': 10 }, published: 'shop.small' }).load()
      const refused = await dmscdc(['run'], environment)
      expect(refused.code).toBe(1)
      expect(refused.stdout).toContain(`S3 endpoint ${endpoint}: a second put of one key with If-None-Match`)
      const lake = s3Objects(lenientS3.client, { bucket, prefix: 'lake', scratchDir: places.temp })
      expect(await keysBelow(lake, '')).toEqual([])
    } finally {
      await proxy.stop()
    }
  })
})

function onAws(
  { landing, temp }: Places,
  { s3, dynamodb, lake }: { readonly s3: string; readonly dynamodb: string; readonly lake: string },
): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_S3: s3,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'testtest',
    DMSCDC_LANDING: landing,
    DMSCDC_LAKE: lake,
    DMSCDC_STATE: 'dynamodb://Controller_of_killed_runs',
    DMSCDC_TEMP: temp,
  }
}

const stagedIn = async (lake: ObjectStore) =>
  (await keysBelow(lake, '_dmscdc/')).filter((key) => key.includes('/staging/'))

async function keysBelow(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { objects } of listAll(store, { prefix })) keys.push(...objects.map(({ key }) => key))
  return keys
}

async function mirror(lake: ObjectStore, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  for (const key of await keysBelow(lake, 'shop/')) {
    const found = await lake.get(key)
    await mkdir(dirname(join(folder, key)), { recursive: true })
    await writeFile(join(folder, key), found?.body ?? '')
  }
}

/** A proxy as some S3 clones are: the condition of a put goes lost on the way. */
async function withoutCondition(target: string): ReturnType<typeof onLoopback> {
  const server = createServer((incoming, answer) => {
    const { 'if-none-match': _, ...headers } = incoming.headers
    const outgoing = request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers)
      response.pipe(answer)
    })
    incoming.pipe(outgoing)
  })
  return onLoopback(server)
}
