import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { countRequests } from '../src/objects/counting-objects.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { s3Client } from '../src/objects/s3-client.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { newScratch } from './support/lake-fixtures.ts'
import { type FaultProxy, startS3FaultProxy } from './support/s3-faults.ts'
import { clientOf, newBucket, s3Servers } from './support/s3-servers.ts'

const server = await s3Servers.VersityGW?.()
const any = { kind: 'any' } as const
const absent = { kind: 'absent' } as const
const one = Buffer.from('one')

describe.skipIf(!server)('an S3 store behind a bad network', () => {
  if (!server) return
  let proxy: FaultProxy
  let bucket: string
  let scratchDir: string
  let store: ObjectStore
  let behind: ObjectStore
  beforeAll(async () => {
    proxy = await startS3FaultProxy(server.endpoint)
  })
  beforeEach(async () => {
    bucket = await newBucket(server.client)
    scratchDir = newScratch()
    store = s3Objects(clientOf(proxy.endpoint), { bucket, prefix: 'lake', scratchDir })
    behind = s3Objects(server.client, { bucket, prefix: 'lake', scratchDir })
  })
  afterEach(() => proxy.reset())
  afterAll(async () => {
    await proxy.stop()
    await server.stop()
  })

  const text = async (key: string) => Buffer.from((await behind.get(key))?.body ?? []).toString()
  const impatient = () =>
    s3Objects(clientOf(proxy.endpoint), { bucket, prefix: 'lake', scratchDir, limits: { attemptsMax: 2 } })

  describe('reads', () => {
    it('survive refusals, lost requests and bodies cut short, whatever is read', async () => {
      await behind.put('a/x', one, any)
      const faults = ['server-error', 'slow-down', 'request-lost', 'body-cut'] as const
      proxy.fail('GetObject', faults)
      expect(Buffer.from((await store.get('a/x'))?.body ?? []).toString()).toBe('one')
      proxy.fail('ListObjectsV2', faults)
      expect((await store.list({ prefix: 'a/' })).objects.map(({ key }) => key)).toEqual(['a/x'])
      proxy.fail('HeadObject', ['server-error', 'slow-down', 'request-lost'])
      expect((await store.head('a/x'))?.sizeBytes).toBe(3)
    })

    it('fetch a file whole although its body was cut short, and leave none behind where they give up', async () => {
      const body = Buffer.alloc(3_000_000, 'dmscdc')
      await behind.put('big', body, any)
      proxy.fail('GetObject', ['body-cut', 'body-cut'])
      const copy = await store.fetch('big', { sha256: true })
      expect(await copy?.sha256?.()).toBe(createHash('sha256').update(body).digest('hex'))
      expect((await readFile(copy?.path ?? '')).equals(body)).toBe(true)
      await copy?.release()
      proxy.fail('GetObject', ['body-cut'], { forever: true })
      await expect(impatient().fetch('big')).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
      expect(await readdir(scratchDir)).toEqual([])
    })

    it('never take a missing object for a cut answer, nor a cut answer for a missing object', async () => {
      proxy.fail('GetObject', ['body-cut', 'request-lost'])
      expect(await store.get('none')).toBeNull()
      proxy.fail('GetObject', ['body-cut'], { forever: true })
      await expect(impatient().get('none')).rejects.toMatchObject({ kind: 'unavailable' })
    })

    it('do not wait for ever on a body that stalls', async () => {
      await behind.put('x', Buffer.alloc(100_000, 'x'), any)
      const client = s3Client({
        endpoint: proxy.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'testtest' },
        idleMs: 200,
      })
      const hasty = s3Objects(client, { bucket, prefix: 'lake', scratchDir })
      proxy.fail('GetObject', ['body-stalls', 'body-stalls'])
      expect((await hasty.get('x'))?.body.length).toBe(100_000)
      proxy.fail('GetObject', ['body-stalls'])
      const copy = await hasty.fetch('x')
      expect((await readFile(copy?.path ?? '')).length).toBe(100_000)
    })
  })

  describe('puts', () => {
    it('without a condition are sent again after anything that passes', async () => {
      proxy.fail('PutObject', ['slow-down', 'answer-lost', 'request-lost', 'error-after', 'server-error'])
      expect((await store.put('x', one, any)).kind).toBe('stored')
      expect(await text('x')).toBe('one')
    })

    it('with a condition are sent again only after a certain refusal', async () => {
      proxy.fail('PutObject', ['slow-down', 'conflict'])
      expect((await store.put('x', one, absent)).kind).toBe('stored')
      for (const fault of ['answer-lost', 'request-lost', 'error-after', 'server-error'] as const) {
        const sent = proxy.seen.length
        proxy.fail('PutObject', [fault])
        const putting = store.put(`x-${fault}`, one, absent)
        await expect(putting, fault).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: true })
        expect([proxy.seen.length - sent, await text(`x-${fault}`)]).toEqual([
          1,
          fault === 'answer-lost' || fault === 'error-after' ? 'one' : '',
        ])
      }
    })

    it('that were certainly refused to the end say so', async () => {
      for (const fault of ['slow-down', 'conflict'] as const) {
        proxy.fail('PutObject', [fault], { forever: true })
        for (const condition of [any, absent]) {
          const putting = impatient().put('x', one, condition)
          await expect(putting).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
        }
      }
      const nobody = s3Objects(clientOf('http://127.0.0.1:1'), {
        bucket,
        prefix: '',
        scratchDir,
        limits: { attemptsMax: 2 },
      })
      await expect(nobody.put('x', one, absent)).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
      proxy.fail('PutObject', ['answer-lost', 'slow-down', 'slow-down'])
      await expect(impatient().put('x', one, any)).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: true })
    })

    it('go out with the encryption and the bucket owner that were asked for, as copies do', async () => {
      const settings = { sse: 'aws:kms', kmsKeyId: 'alias/lake', expectedBucketOwner: '111122223333' } as const
      const guarded = s3Objects(clientOf(proxy.endpoint), {
        bucket,
        prefix: '',
        scratchDir,
        ...settings,
        limits: { putBytesMax: 2 },
      })
      for (const operation of ['PutObject', 'CopyObject', 'CreateMultipartUpload', 'HeadObject']) {
        proxy.fail(operation, ['denied'])
      }
      await Promise.allSettled([guarded.put('x', Buffer.from('x'), any), guarded.put('x', one, any)])
      await Promise.allSettled([guarded.copy('x', 'y'), guarded.head('x')])
      const kms = {
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'alias/lake',
        'x-amz-expected-bucket-owner': '111122223333',
      }
      const headersOf = (operation: string) => proxy.seen.filter((one) => one.operation === operation).at(-1)?.headers
      for (const operation of ['PutObject', 'CopyObject', 'CreateMultipartUpload']) {
        expect(headersOf(operation), operation).toMatchObject(kms)
      }
      expect(headersOf('CopyObject')).toMatchObject({ 'x-amz-source-expected-bucket-owner': '111122223333' })
      expect(headersOf('HeadObject')).toMatchObject({ 'x-amz-expected-bucket-owner': '111122223333' })
      expect(Object.keys(headersOf('PutObject') ?? {})).toContain('x-amz-checksum-crc32')
    })
  })

  describe('copies', () => {
    it('take an error inside a 200 for an error', async () => {
      await behind.put('a', one, any)
      proxy.fail('CopyObject', ['error-in-200', 'answer-lost', 'body-cut', 'slow-down'])
      expect([await store.copy('a', 'b'), await text('b')]).toEqual(['copied', 'one'])
      proxy.fail('CopyObject', ['error-in-200'], { forever: true })
      await expect(impatient().copy('a', 'c')).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: true })
    })
  })

  describe('deletes', () => {
    it('send those keys again that the answer says were not deleted', async () => {
      await Promise.all(['a', 'b', 'c'].map((key) => behind.put(key, one, any)))
      proxy.fail('DeleteObjects', ['keys-failed', 'server-error', 'answer-lost'])
      await store.deleteMany(['a', 'b', 'none'])
      expect((await behind.list({ prefix: '' })).objects.map(({ key }) => key)).toEqual(['c'])
      proxy.fail('DeleteObjects', ['keys-failed'], { forever: true })
      await expect(impatient().deleteMany(['c'])).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: true })
      proxy.fail('DeleteObjects', ['keys-denied'])
      await expect(store.deleteMany(['c'])).rejects.toMatchObject({
        kind: 'invalid-config',
        hint: expect.stringContaining('s3:DeleteObject'),
      })
    })
  })

  describe('what stays wrong', () => {
    it('is a matter of configuration, names the bucket and the right, and is not tried again', async () => {
      const sent = proxy.seen.length
      for (const operation of ['PutObject', 'GetObject', 'ListObjectsV2']) proxy.fail(operation, ['denied'])
      await expect(store.put('x', one, absent)).rejects.toMatchObject({
        kind: 'invalid-config',
        message: expect.stringMatching(/^PutObject "s3:\/\/.*\/lake\/x": answered 403 AccessDenied/u),
        hint: expect.stringContaining(`s3:PutObject on the bucket ${bucket}`),
        maybeApplied: false,
      })
      await expect(store.get('x')).rejects.toMatchObject({ hint: expect.stringContaining('s3:GetObject') })
      await expect(store.list({ prefix: '' })).rejects.toMatchObject({ hint: expect.stringContaining('s3:ListBucket') })
      expect(proxy.seen.length - sent).toBe(3)
    })

    it('is a bucket that is not there, and wrong credentials', async () => {
      const lost = s3Objects(server.client, { bucket: 'no-such-bucket', prefix: '', scratchDir })
      const wrong = { kind: 'invalid-config', hint: expect.stringContaining('create the bucket no-such-bucket') }
      await expect(lost.list({ prefix: '' })).rejects.toMatchObject(wrong)
      await expect(lost.put('x', one, absent)).rejects.toMatchObject(wrong)
      await expect(lost.get('x')).rejects.toMatchObject(wrong)
      const stranger = s3Client({
        endpoint: server.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'wrong' },
      })
      const listing = s3Objects(stranger, { bucket, prefix: '', scratchDir }).list({ prefix: '' })
      await expect(listing).rejects.toMatchObject({
        kind: 'invalid-config',
        hint: expect.stringContaining('credentials'),
      })
    })

    it('is the wrong region, of which the hint says the right one', async () => {
      const elsewhere = createServer((request, response) => {
        request.resume()
        response.writeHead(301, { 'x-amz-bucket-region': 'eu-north-1', 'content-type': 'application/xml' })
        response.end('<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>')
      })
      await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
      const endpoint = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
      const listing = s3Objects(clientOf(endpoint), { bucket, prefix: '', scratchDir }).list({ prefix: '' })
      await expect(listing).rejects.toMatchObject({
        kind: 'invalid-config',
        hint: expect.stringContaining('eu-north-1'),
      })
      elsewhere.close()
    })

    it('shows no signed request to who logs it with its cause', async () => {
      for (const fault of ['denied', 'body-cut'] as const) {
        proxy.fail('GetObject', [fault], { forever: true })
        const thrown = await impatient()
          .get('x')
          .catch((error) => error)
        expect(inspect(thrown, { depth: 9 })).toContain('[cause]')
        expect(inspect(thrown, { depth: 9 })).not.toMatch(/Signature=|Credential=/u)
      }
    })
  })

  it('counts what was really sent, for the call that it was sent for', async () => {
    await behind.put('x', Buffer.from('0123456789'), any)
    const [mine, other] = [countRequests(store), countRequests(store)]
    proxy.fail('GetObject', ['server-error', 'body-cut'])
    await mine.store.get('x')
    await mine.store.get('x', { start: -4, length: 2 })
    proxy.fail('PutObject', ['slow-down'])
    await Promise.all([mine.store.put('y', one, absent), other.store.head('x')])
    await mine.store.copy('x', 'x')
    await mine.store.deleteMany([])
    await mine.store.deleteMany(['y', 'z'])
    expect(mine.counts()).toEqual({
      requests: { get: 3 + 2 + 1, put: 2, copy: 0, list: 0, delete: 1 },
      bytesRead: 12,
      bytesWritten: 3,
    })
    expect(other.counts().requests).toEqual({ get: 1, put: 0, copy: 0, list: 0, delete: 0 })
  })

  it('keeps keys that a header, a URL or XML would spoil, also in copies and deletes', async () => {
    const odd = ['a+b', 'a%2Bb', 'ü/é', 'a b', 'x=%2F', "it's(1)!*", 'new\nline', 'tab\tand\u0007bell', '\u{1F600}']
    for (const key of odd) {
      await store.put(`odd/${key}`, Buffer.from(key), absent)
      await store.copy(`odd/${key}`, `copied/${key}`)
      expect(await text(`copied/${key}`)).toBe(key)
    }
    await store.deleteMany(odd.flatMap((key) => [`odd/${key}`, `copied/${key}`]))
    expect(await store.list({ prefix: '' })).toEqual({ objects: [], folders: [], next: null })
  })
})
