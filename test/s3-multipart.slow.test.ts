import { createHash } from 'node:crypto'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { countRequests } from '../src/objects/counting-objects.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { newScratch } from './support/lake-fixtures.ts'
import { type FaultProxy, startS3FaultProxy } from './support/s3-faults.ts'
import { clientOf, newBucket, s3Servers } from './support/s3-servers.ts'

const mebibyte = 1_048_576
const any = { kind: 'any' } as const
const absent = { kind: 'absent' } as const

for (const [name, start] of Object.entries(s3Servers)) {
  const server = await start()
  describe.skipIf(server === null)(`on ${name}, an object that goes by parts`, () => {
    if (server === null) return
    let proxy: FaultProxy
    let bucket: string
    let scratchDir: string
    beforeAll(async () => {
      proxy = await startS3FaultProxy(server.endpoint)
    })
    beforeEach(async () => {
      bucket = await newBucket(server.client)
      scratchDir = newScratch()
    })
    afterEach(() => proxy.reset())
    afterAll(async () => {
      await proxy.stop()
      await server.stop()
    })

    /** S3's smallest parts, so that 11 MiB are three of them. */
    const small = { attemptsMax: 2, putBytesMax: 6 * mebibyte, partBytes: 5 * mebibyte }
    const storeWith = (limits = {}): ObjectStore =>
      s3Objects(clientOf(proxy.endpoint), { bucket, prefix: 'lake', scratchDir, limits })
    const bodyOf = (bytes: number, seed: string) =>
      Buffer.concat(
        Array.from({ length: Math.ceil(bytes / mebibyte) }, (_, i) => Buffer.alloc(mebibyte, `${seed}${i}.`)),
      ).subarray(0, bytes)
    const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    const sha256Of = async (key: string) => {
      const copy = await storeWith().fetch(key, { sha256: true })
      return await copy?.sha256?.().finally(copy.release)
    }
    const uploadsLeft = async () =>
      (await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0
    const sentSince = (before: number, operation: string) =>
      proxy.seen.slice(before).filter((seen) => seen.operation === operation).length

    it('is whole above 64 MiB, from a file as from memory, for as many requests as it has parts and two more', async () => {
      const body = bodyOf(70 * mebibyte + 12_345, 'large')
      const scratchFile = join(scratchDir, 'large')
      for (let at = 0; at < body.length; at += mebibyte) await appendFile(scratchFile, body.subarray(at, at + mebibyte))
      for (const [key, source] of [
        ['file', { scratchFile }],
        ['bytes', body],
      ] as const) {
        const { store, counts } = countRequests(storeWith())
        const outcome = await store.put(key, source, absent)
        expect(counts()).toEqual({
          requests: { get: 0, put: 2 + 5, copy: 0, list: 0, delete: 0 },
          bytesRead: 0,
          bytesWritten: body.length,
        })
        expect(outcome).toEqual({ kind: 'stored', etag: (await store.head(key))?.etag })
        expect([await sha256Of(key), await uploadsLeft()]).toEqual([sha256(body), 0])
      }
      const once = countRequests(storeWith())
      await once.store.put('edge', body.subarray(0, 64 * mebibyte), any)
      expect([once.counts().requests.put, (await once.store.head('edge'))?.sizeBytes]).toEqual([1, 64 * mebibyte])
    })

    it('survives parts and answers that get lost', async () => {
      const body = bodyOf(11 * mebibyte, 'lossy')
      const scratchFile = join(scratchDir, 'lossy')
      await writeFile(scratchFile, body)
      proxy.fail('CreateMultipartUpload', ['server-error'])
      proxy.fail('UploadPart', ['server-error', 'answer-lost', 'request-lost', 'slow-down'])
      proxy.fail('CompleteMultipartUpload', ['error-in-200', 'slow-down'])
      expect((await storeWith({ ...small, attemptsMax: 8 }).put('x', { scratchFile }, any)).kind).toBe('stored')
      expect([await sha256Of('x'), await uploadsLeft()]).toEqual([sha256(body), 0])
    })

    it('is there although the answer to its last request is lost, with a condition only perhaps', async () => {
      const body = bodyOf(11 * mebibyte, 'last')
      proxy.fail('CompleteMultipartUpload', ['answer-lost'])
      expect((await storeWith(small).put('any', body, any)).kind).toBe('stored')
      expect(await sha256Of('any')).toBe(sha256(body))
      proxy.fail('CompleteMultipartUpload', ['answer-lost'])
      const putting = storeWith(small).put('absent', body, absent)
      await expect(putting).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: true })
      expect([await sha256Of('absent'), await uploadsLeft()]).toEqual([sha256(body), 0])
    })

    it('leaves neither an object nor an upload behind when a part cannot be sent', async () => {
      const before = proxy.seen.length
      proxy.fail('UploadPart', ['denied'], { forever: true })
      const body = bodyOf(60 * mebibyte, 'denied')
      const putting = storeWith(small).put('x', body, any)
      await expect(putting).rejects.toMatchObject({ kind: 'invalid-config', maybeApplied: false })
      expect(sentSince(before, 'UploadPart')).toBeLessThan(12)
      proxy.reset()
      expect([await storeWith().head('x'), await uploadsLeft()]).toEqual([null, 0])
    })

    it('leaves an object that is there as it is, under the condition that it be absent', async () => {
      await storeWith().put('x', Buffer.from('first'), any)
      const outcome = await storeWith(small).put('x', bodyOf(11 * mebibyte, 'second'), absent)
      expect([outcome, (await storeWith().head('x'))?.sizeBytes, await uploadsLeft()]).toEqual([
        { kind: 'precondition-failed' },
        5,
        0,
      ])
    })

    it('is sent anew when its last request conflicts with another writer', async () => {
      const body = bodyOf(11 * mebibyte, 'anew')
      const before = proxy.seen.length
      proxy.fail('CompleteMultipartUpload', ['conflict'])
      expect((await storeWith(small).put('x', body, absent)).kind).toBe('stored')
      expect([sentSince(before, 'CreateMultipartUpload'), await sha256Of('x'), await uploadsLeft()]).toEqual([
        2,
        sha256(body),
        0,
      ])
      proxy.fail('CompleteMultipartUpload', ['conflict'], { forever: true })
      const putting = storeWith(small).put('y', body, absent)
      await expect(putting).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
      proxy.reset()
      expect([await storeWith().head('y'), await uploadsLeft()]).toEqual([null, 0])
    })

    it('is copied by parts where S3 says that it is too large to be copied at once', async () => {
      const body = bodyOf(11 * mebibyte, 'copy')
      const store = storeWith({ copyBytesMax: 6 * mebibyte, copyPartBytes: 5 * mebibyte })
      const source = 'a+b/ü %'
      await store.put(source, body, any)
      proxy.fail('CopyObject', ['too-large'])
      proxy.fail('UploadPartCopy', ['error-in-200'])
      const { store: counted, counts } = countRequests(store)
      expect(await counted.copy(source, 'target')).toBe('copied')
      expect([await sha256Of('target'), await uploadsLeft()]).toEqual([sha256(body), 0])
      expect(counts().requests).toMatchObject({ get: 1, copy: 1 + 2 + 3 + 1 })
      proxy.fail('CopyObject', ['too-large'])
      await expect(storeWith().copy(source, 'other')).rejects.toMatchObject({
        message: expect.stringContaining('InvalidRequest'),
      })
      proxy.fail('CopyObject', ['too-large'])
      expect(await store.copy('none', 'other')).toBe('missing')
    })
  })
}
