import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withConnection } from '../../sample-db/connection.ts'
import { openStandIn, type StandIn } from '../../sample-db/standin.ts'
import type { Reconciliation } from '../../src/reconcile/reconcile-table.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'
import { newBucket, s3Servers } from '../support/s3-servers.ts'
import { dmscdc, type Ended, openPlaces, type Places, runJson, stdoutOf } from './process.ts'

const [server, s3] = [await startMariadb(), (await s3Servers.VersityGW?.()) ?? null]
afterAll(async () => {
  await server?.stop()
  await s3?.stop()
})

let places: Places
beforeEach(() => {
  places = openPlaces()
})
afterEach(() => places.remove())

const password = 'hush:@/% 1'
const table = 'sampledb.product'

describe.skipIf(server === null)('dmscdc reconcile', () => {
  test('goes from equal to different to repaired, in text and in JSON, with its exits', async () => {
    const dms = standIn(server!)
    await dms.init()
    const position = await dms.fullLoad()
    await activate()
    const equal = await reconcile(['--source', url('root')])
    expect([equal.code, equal.stderr]).toEqual([0, expect.stringContaining('reads range 1 of 1')])
    expect(equal.stdout).toMatch(/sampledb\.product +equal +25 +25 +0 +0 +0 +0\n/u)

    await dms.change()
    await dms.followUntilCaughtUp(position)
    const waiting = await reconcile(['--source', url('root')])
    expect([waiting.code, waiting.stdout]).toEqual([
      1,
      expect.stringContaining('landing files that wait to be merged: 1;'),
    ])
    const [file = ''] = readdirSync(join(places.landing, 'sampledb/product')).filter((name) => /^\d/u.test(name))
    await stdoutOf(['skip', table, file, '--why', 'a test'], places.environment)

    const different = await json(['--source', url('root'), '--limit', '1'], 1)
    expect(different).toMatchObject({
      ok: false,
      key: ['id'],
      rows: { source: 24, lake: 25 },
      lake: { version: 1, upTo: file, pending: 0 },
      differences: { missing: 0, extra: 1, different: 1, inFlight: 0 },
      columns: { name: 1, dept: 1, category: 1 },
      examples: { extra: [{ key: ['1002'] }], different: [{ key: ['1001'], columns: ['name', 'dept', 'category'] }] },
      repaired: null,
    })
    const repaired = await reconcile(['--source', url('root'), '--repair'])
    expect(repaired.code).toBe(0)
    expect(repaired.stdout).toContain('repaired in version 2: 1 updated, 1 deleted')
    expect(await stdoutOf(['history', table], places.environment)).toMatch(/^2 .* REPAIR +1 updated, 1 deleted +24 /mu)
    expect((await runJson(places, ['--table', table])).tables).toMatchObject([{ status: 'idle' }])
    expect(await json(['--source', url('root')])).toMatchObject({ ok: true, differences: { inFlight: 0 } })
  })

  test('takes the LOAD files of a fresh full load, of the table alone or of a whole landing', async () => {
    const dms = standIn(server!)
    await dms.init()
    await dms.fullLoad()
    await activate()
    const fresh = join(places.folder, 'fresh')
    cpSync(places.landing, fresh, { recursive: true })
    expect(await json(['--source', fresh])).toMatchObject({ ok: true, rows: { source: 25, lake: 25 } })
    expect(await json(['--source', `file://${fresh}/sampledb/product`])).toMatchObject({ ok: true })
    expect(await json(['--source', join(fresh, 'sampledb/store')], 1)).toMatchObject({ rows: { source: 8, lake: 25 } })
    expectError(
      await reconcile(['--source', join(places.folder, 'temp')]),
      2,
      /holds no LOAD file of sampledb\.product/u,
    )
  })

  test('never says the password, whatever goes wrong', async () => {
    const dms = standIn(server!)
    await dms.init()
    await dms.fullLoad()
    await activate()
    await withConnection({ socket: server!.socket, user: 'root' }, async (connection) => {
      await connection.query(`create or replace user reader@'%' identified by '${password}'`)
      await connection.query(`grant select on sampledb.product to reader@'%'`)
    })
    const secret = url(`reader:${encodeURIComponent(password)}`)
    const ends = [
      expectOk(await reconcile(['--source', secret, '--verbose'])),
      expectOk(await reconcile(['--source', url('reader'), '--verbose'], { DMSCDC_SOURCE_PASSWORD: password })),
      expectOk(await reconcile([], { MYSQL_PWD: password, DMSCDC_SOURCE: url('reader') })),
      expectError(
        await reconcile(['--source', secret, '--source-table', 'sampledb.store']),
        2,
        /has no table sampledb\.store/u,
      ),
      expectError(await reconcile(['--source', secret.replace(/\/$/u, '/other')]), 2, /refuses the connection \(ER_/u),
      expectError(
        await reconcile(['--source', url('reader:wrong-one')]),
        2,
        /refuses the connection \(ER_ACCESS_DENIED_ERROR\)/u,
      ),
      expectError(
        await reconcile(['--source', secret.replace(`:${String(server!.port)}`, ':1'), '--verbose']),
        1,
        /cannot be connected to \(ECONNREFUSED\)/u,
      ),
      expectError(await reconcile(['--source', `mysql://reader:${password}@h`]), 2, /found no URL/u),
      expectError(
        await reconcile(['--source', `postgres://reader:${encodeURIComponent(password)}@h/x`]),
        2,
        /found scheme postgres:/u,
      ),
      expectError(await reconcile(['--source', `${secret}?when=now`]), 2, /found option when/u),
    ]
    for (const { stdout, stderr } of ends)
      for (const part of [password, encodeURIComponent(password), 'wrong-one'])
        expect(stdout + stderr).not.toContain(part)
  })

  test('wrong use ends with exit 2', async () => {
    await standIn(server!).init()
    await standIn(server!).fullLoad()
    expectError(await reconcile([]), 2, /--source is missing, and so is DMSCDC_SOURCE/u)
    expectError(await reconcile(['--source', url('root'), '--limit', 'x']), 2, /--limit: found "x"/u)
    expectError(await reconcile(['--source', url('root'), '--settle', 'soon']), 2, /--settle: found "soon"/u)
    expectError(await reconcile(['--source', url('root')]), 2, /was not loaded yet/u)
    expectError(
      await dmscdc(['reconcile', 'a.b', '--source', url('root')], places.environment),
      2,
      /there is no table a\.b/u,
    )
  })
})

describe.skipIf(s3 === null)('dmscdc reconcile with files in S3', () => {
  test('holds a lake on this machine against a full load in a bucket', async () => {
    cpSync(new URL('../../sample-db/recorded/load', import.meta.url), places.landing, { recursive: true })
    await activate()
    const bucket = await newBucket(s3!.client)
    const key = 'fresh/sampledb/product/LOAD00000001.parquet'
    const body = readFileSync(join(places.landing, 'sampledb/product/LOAD00000001.parquet'))
    await s3!.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }))
    const aws = {
      AWS_ENDPOINT_URL: s3!.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'testtest',
    }
    for (const source of [`s3://${bucket}/fresh/`, `s3://${bucket}/fresh/sampledb/product`])
      expect((await reconcile(['--source', source], aws)).stdout).toMatch(/sampledb\.product +equal +25 +25 /u)
    expectError(await reconcile(['--source', `s3://${bucket}/other/`], aws), 2, /holds no LOAD file/u)
  })
})

function standIn(at: Mariadb): StandIn {
  return openStandIn({ source: { socket: at.socket, user: at.user }, target: places.landing, nowMs: () => Date.now() })
}

/** `who`: a user, perhaps with a password. */
const url = (who: string) => `mysql://${who}@127.0.0.1:${String(server?.port)}/`

async function activate(): Promise<void> {
  await stdoutOf(['tables'], places.environment)
  await stdoutOf(['set', table, '--active', '--primary-key', 'id'], places.environment)
  expect((await runJson(places, ['--table', table])).ok).toBe(true)
}

function reconcile(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return dmscdc(['reconcile', table, ...args], { ...places.environment, ...environment })
}

async function json(args: readonly string[], code = 0): Promise<Reconciliation> {
  return JSON.parse(await stdoutOf(['reconcile', table, ...args, '--json'], places.environment, code)) as Reconciliation
}

function expectOk(ended: Ended): Ended {
  expect([ended.code, ended.stderr]).toEqual([0, expect.anything()])
  return ended
}

function expectError(ended: Ended, code: number, message: RegExp): Ended {
  expect(ended.stderr).toMatch(message)
  expect(ended.stderr).toMatch(/^Try: .+$/mu)
  expect([ended.code, ended.stdout]).toEqual([code, ''])
  return ended
}
