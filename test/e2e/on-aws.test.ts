import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunReport } from '../../src/controller/run-cycle.ts'
import { listAll, type ObjectStore } from '../../src/objects/object-store.ts'
import { s3Objects } from '../../src/objects/s3-objects.ts'
import { dynamodbServers } from '../support/dynamodb-servers.ts'
import { newBucket, s3Servers } from '../support/s3-servers.ts'
import { dmscdc, stdoutOf } from './process.ts'
import { folderOf, openSql, viewOf } from './table-rows.ts'

const recorded = fileURLToPath(new URL('../../sample-db/recorded/', import.meta.url))
const pairs = [
  ['VersityGW', 'DynamoDB Local'],
  ['moto', 'moto'],
] as const
const tables = ['product', 'productorder', 'store']

const sql = await openSql()
afterAll(() => sql.close())

for (const [s3Name, stateName] of pairs) {
  const s3 = await s3Servers[s3Name]?.()
  const dynamodb = await dynamodbServers[stateName]?.()
  afterAll(async () => {
    await s3?.stop()
    await dynamodb?.stop()
  })

  describe.skipIf(!s3 || !dynamodb)(`the service on S3 (${s3Name}) and DynamoDB (${stateName})`, () => {
    let folder: string
    let landing: ObjectStore
    let lake: ObjectStore
    let buckets: readonly [landing: string, lake: string]
    let environment: Record<string, string>
    beforeAll(async () => {
      if (!s3 || !dynamodb) return
      folder = await mkdtemp(join(tmpdir(), 'dmscdc-on-aws-'))
      buckets = [await newBucket(s3.client), await newBucket(s3.client)]
      const open = (bucket: string, prefix: string) =>
        s3Objects(s3.client, { bucket, prefix, scratchDir: join(folder, 'test') })
      landing = open(buckets[0], 'dms')
      lake = open(buckets[1], 'lake')
      environment = {
        AWS_ENDPOINT_URL_S3: s3.endpoint,
        AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'testtest',
        DMSCDC_LANDING: `s3://${buckets[0]}/dms/`,
        DMSCDC_LAKE: `s3://${buckets[1]}/lake`,
        DMSCDC_TEMP: join(folder, 'work'),
      }
      await land(landing, 'load')
    })
    afterAll(async () => rm(folder, { recursive: true, force: true }))
    const said = async (args: readonly string[], code = 0) => stdoutOf(args, environment, code)
    const run = async (args: readonly string[] = []) => JSON.parse(await said(['run', '--json', ...args])) as RunReport

    test('names a state table that is missing, and makes it when it is told to', async () => {
      const refused = await dmscdc(['run'], environment)
      expect(refused).toMatchObject({ code: 2, stdout: '' })
      expect(refused.stderr).toMatch(/^error: .*DMSCDC_Controller.*\nTry: .*--create-state/u)
      const report = await run(['--create-state'])
      expect(report.tables.map(({ table, status }) => [table, status])).toEqual(
        tables.map((table) => [`sampledb.${table}`, 'inactive']),
      )
    })

    test('loads what is onboarded, merges what lands, and ends with the rows of the database', async () => {
      await said(['set', 'sampledb.*', '--active', '--primary-key', 'id'])
      await said(['set', 'sampledb.product', '--publish', 'delta'])
      await said(['set', 'sampledb.productorder', '--partition-key', 'create_dt'])
      const first = await run()
      expect(first.tables.map(({ status, changes }) => [status, changes.inserted])).toEqual([
        ['initial', 25],
        ['initial', 8425],
        ['initial', 8],
      ])
      await land(landing, 'changes')
      const planned = JSON.parse(await said(['plan', '--json']))
      expect(planned.tables.map(({ work }: { work: string }) => work)).toEqual(Array(3).fill('incremental'))
      const second = await run()
      expect(second.tables.map(({ changes }) => [changes.inserted, changes.updated, changes.deleted])).toEqual([
        [0, 1, 1],
        [1345, 0, 0],
        [1, 0, 0],
      ])
      const copy = join(folder, 'lake')
      await download(lake, copy)
      const published = viewOf(copy, 'sampledb.product')
      const relations = [published, ...['productorder', 'store'].map((table) => folderOf(copy, `sampledb.${table}`))]
      const counts = await Promise.all(relations.map((relation) => sql.rows(`select count(*) from ${relation}`)))
      expect(counts.flat(2)).toEqual(['24', '9770', '9'])
      expect(await sql.rows(`select name from ${published} where id = 1001`)).toEqual([
        ['Crème Brûlée Torch, refillable'],
      ])
      expect(JSON.parse(await said(['verify', '--json']))).toMatchObject({ ok: true })
      expect(await keysBelow(lake, '_dmscdc/', '/staging/')).toEqual([])
    })

    test('costs one LIST per table and no read of the lake when nothing has landed', async () => {
      const before = await keysBelow(lake, '', '')
      const idle = await run()
      expect(idle.tables.map(({ status, requests }) => [status, requests])).toEqual(
        tables.map(() => ['idle', { get: 0, put: 0, copy: 0, list: 1, delete: 0 }]),
      )
      expect(await keysBelow(lake, '', '')).toEqual(before)
    })

    test('takes the places by the names that the original has, and leaves no local file', async () => {
      const { DMSCDC_LANDING: _, DMSCDC_LAKE: __, ...rest } = environment
      const places = ['--bucket', buckets[0], '--prefix', 'dms/', '--out_bucket', buckets[1], '--out_prefix', 'lake']
      const report = JSON.parse(await stdoutOf(['run', '--json', ...places], rest)) as RunReport
      expect(report.tables.map(({ status }) => status)).toEqual(['idle', 'idle', 'idle'])
      expect(await readdir(environment.DMSCDC_TEMP as string)).toEqual([])
    })

    test('leaves no local file either where it cannot even open the state', async () => {
      const refused = await dmscdc(['run', '--create-state'], {
        ...environment,
        AWS_ENDPOINT_URL_DYNAMODB: 'nonsense',
      })
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('check AWS_ENDPOINT_URL_DYNAMODB') })
      expect(await readdir(environment.DMSCDC_TEMP as string)).toEqual([])
    })

    test('says what is wrong with a place: a bucket that is missing, one of another account, a name that is none', async () => {
      const missing = await dmscdc(['run', '--landing', 's3://no-such-bucket-of-ours/dms/'], environment)
      expect(missing).toMatchObject({ code: 2 })
      expect(missing.stderr).toMatch(/^error: .*no-such-bucket-of-ours.*\nTry: /u)
      const none = await dmscdc(['run', '--landing', 's3://Not_A_Bucket/'], environment)
      expect(none).toMatchObject({ code: 2 })
      expect(none.stderr).toMatch(/^error: --landing: found bucket "Not_A_Bucket"/u)
      const twice = await dmscdc(['run', '--landing', 's3://abc/', '--bucket', 'abc'], environment)
      expect(twice.stderr).toContain('name the same place twice')
    })
  })
}

async function land(landing: ObjectStore, what: 'load' | 'changes'): Promise<void> {
  const root = join(recorded, what)
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    await landing.put(path.slice(root.length + 1), await readFile(path), { kind: 'absent' })
  }
}

async function download(store: ObjectStore, folder: string): Promise<void> {
  for (const key of await keysBelow(store, '', '')) {
    const found = await store.get(key)
    await mkdir(dirname(join(folder, key)), { recursive: true })
    await writeFile(join(folder, key), found?.body ?? '')
  }
}

async function keysBelow(store: ObjectStore, prefix: string, part: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { objects } of listAll(store, { prefix })) keys.push(...objects.map(({ key }) => key))
  return keys.filter((key) => key.includes(part))
}
