import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import type { RunReport } from '../src/controller/run-cycle.ts'
import { startFaultProxy } from '../test/support/dynamodb-faults.ts'
import { dynamodbServers } from '../test/support/dynamodb-servers.ts'
import { startS3FaultProxy } from '../test/support/s3-faults.ts'
import { newBucket, s3Servers } from '../test/support/s3-servers.ts'
import type { BenchOptions } from './bench.ts'
import { writeLoad } from './files.ts'
import { type Measured, measure } from './process.ts'
import { launcher } from './systems.ts'
import { type TableKind, tableKinds } from './workload.ts'

const bareLists = fileURLToPath(new URL('bare-lists.mjs', import.meta.url))
const atOnce = 8

/** What a run over as many idle tables takes, and bare LISTs beside it: in turns, each a process of its own, the fastest of each. */
export type IdleFigure = {
  /** To S3 and to DynamoDB. */
  readonly requests: number
  readonly ours: Measured
  readonly bare: Measured
}

/** Tables of one small LOAD file each, in VersityGW and DynamoDB Local. */
export async function measureIdleTables(options: BenchOptions, folder: string, tables: number): Promise<IdleFigure> {
  const [s3, dynamodb] = [await s3Servers.VersityGW?.(), await dynamodbServers['DynamoDB Local']?.()]
  if (!s3 || !dynamodb) throw new Error('VersityGW needs Go, DynamoDB Local needs Java 17 and Maven')
  const [landing, lake] = [await newBucket(s3.client), await newBucket(s3.client)]
  const env = (endpoints: { readonly s3: string; readonly dynamodb: string }) => ({
    DMSCDC_LANDING: `s3://${landing}/`,
    DMSCDC_LAKE: `s3://${lake}/`,
    DMSCDC_STATE: 'dynamodb://Idle_Tables',
    DMSCDC_TEMP: join(folder, 'temp'),
    DMSCDC_CONCURRENCY: String(atOnce),
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'testtest' },
  })
  const direct = env({ s3: s3.endpoint, dynamodb: dynamodb.endpoint })
  const command = (environment: typeof direct, ...args: string[]) =>
    measure(process.execPath, [launcher, ...args], environment)
  const run = (environment = direct) => command(environment, 'run', '--json', '--memory', options.memory)
  try {
    const prefixes = Array.from({ length: tables }, (_, at) => `bench/t${String(at)}/`)
    const [load = ''] = await writeLoad(join(folder, 'load'), tableKinds[0] as TableKind, 10)
    const Body = await readFile(load)
    const limit = pLimit(atOnce)
    const land = (prefix: string) =>
      s3.client.send(new PutObjectCommand({ Bucket: landing, Key: `${prefix}LOAD00000001.parquet`, Body }))
    await Promise.all(prefixes.map((prefix) => limit(() => land(prefix))))
    await command(direct, 'run', '--create-state')
    await command(direct, 'set', 'bench.*', '--active', '--primary-key', 'id')
    await run()
    const [ours, bare]: [Measured[], Measured[]] = [[], []]
    for (let time = 0; time < options.runs; time++) {
      ours.push(idleRun(await run()))
      bare.push(await measure(process.execPath, [bareLists, landing, String(atOnce), ...prefixes], direct))
    }
    return { requests: await countRequests(s3.endpoint, dynamodb.endpoint), ours: fastest(ours), bare: fastest(bare) }
  } finally {
    await Promise.all([s3.stop(), dynamodb.stop()])
  }

  /** In a run of its own: the proxies take time. */
  async function countRequests(s3Endpoint: string, dynamodbEndpoint: string): Promise<number> {
    const proxies = [await startS3FaultProxy(s3Endpoint), await startFaultProxy(dynamodbEndpoint)] as const
    const [toS3, toDynamodb] = proxies
    try {
      idleRun(await run(env({ s3: toS3.endpoint, dynamodb: toDynamodb.endpoint })))
      return toS3.seen.length + toDynamodb.calls.length
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.stop()))
    }
  }
}

function idleRun(measured: Measured): Measured {
  const busy = (JSON.parse(measured.stdout) as RunReport).tables.find(({ status }) => status !== 'idle')
  if (busy !== undefined) throw new Error(`${busy.table} is ${busy.status}, expected idle`)
  return measured
}

const fastest = (runs: readonly Measured[]) =>
  runs.reduce((best, one) => (one.wallSeconds < best.wallSeconds ? one : best))
