import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { DmscdcError } from '../src/errors.ts'
import { countRequests } from '../src/objects/counting-objects.ts'
import { memoryObjects } from '../src/objects/memory-objects.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { proveConditionalPut } from '../src/objects/prove-conditional-put.ts'
import { provenObjects } from '../src/objects/proven-objects.ts'
import { endpointName, s3Client } from '../src/objects/s3-client.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { newScratch } from './support/lake-fixtures.ts'
import { type Fault, startS3FaultProxy } from './support/s3-faults.ts'
import { clientOf, newBucket, s3Servers } from './support/s3-servers.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** The little of S3 that the proof asks for. `onCondition`: what the server makes of `If-None-Match`. */
async function fakeS3(onCondition: 'ignores' | 'always-refuses' | 'does-not-know') {
  const objects = new Map<string, Buffer>()
  const server = createServer(async (request, response) => {
    const key = new URL(request.url ?? '/', 'http://any').pathname
    const body = await buffer(request)
    const conditional = request.headers['if-none-match'] !== undefined
    const answer = (status: number, text: string | Buffer = '') => {
      response.writeHead(status, { etag: '"e"', 'content-length': Buffer.byteLength(text) })
      response.end(text)
    }
    if (request.method === 'POST') {
      for (const [, deleted] of body.toString().matchAll(/<Key>(.*?)<\/Key>/gu)) objects.delete(`/b/${deleted}`)
      return answer(200, '<DeleteResult/>')
    }
    if (request.method === 'PUT') {
      if (conditional && onCondition === 'always-refuses')
        return answer(412, '<Error><Code>PreconditionFailed</Code></Error>')
      if (conditional && onCondition === 'does-not-know')
        return answer(501, '<Error><Code>NotImplemented</Code></Error>')
      objects.set(key, body)
      return answer(200)
    }
    const found = objects.get(key)
    return found === undefined ? answer(404, '<Error><Code>NoSuchKey</Code></Error>') : answer(200, found)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { endpoint, objects }
}

let ids = 0
const newId = () => `ID${ids++}`

describe('an S3 endpoint', () => {
  it.each([
    ['ignores', 'a second put of one key with If-None-Match: * was stored'],
    ['always-refuses', 'a second put of one key with If-None-Match: * was refused although absent'],
    ['does-not-know', 'answered 501 NotImplemented'],
  ] as const)('that %s If-None-Match is refused by name, with nothing left behind', async (onCondition, message) => {
    const { endpoint, objects } = await fakeS3(onCondition)
    const client = clientOf(endpoint)
    const store = s3Objects(client, { bucket: 'b', prefix: 'lake', scratchDir: newScratch() })
    for (let run = 0; run < 2; run++) {
      const proving = proveConditionalPut({ store, endpoint: () => endpointName(client) ?? '', newId })
      await expect(proving).rejects.toMatchObject({
        kind: 'invalid-config',
        message: expect.stringContaining(message),
        hint: expect.stringContaining('S3'),
      })
      await expect(proving).rejects.toMatchObject({ message: expect.stringContaining(`S3 endpoint ${endpoint}`) })
    }
    expect([...objects.keys()]).toEqual([])
  })

  it('is rid of a probe that came to be only after its put was given up', async () => {
    const memory = memoryObjects({ now: () => 0, scratchDir: newScratch() })
    const late: (() => Promise<unknown>)[] = []
    let puts = 0
    const store: ObjectStore = {
      ...memory,
      async put(key, body, condition) {
        if (puts++ === 0) {
          late.push(() => memory.put(key, body, condition))
          throw new DmscdcError('unavailable', 'put: its answer was lost', { hint: 'run again', maybeApplied: true })
        }
        await late.pop()?.()
        return memory.put(key, body, condition)
      },
    }
    await proveConditionalPut({ store, endpoint: () => 'S3', newId })
    const { objects } = await memory.list({ prefix: '' })
    expect(objects.map(({ key }) => key)).toEqual(['_dmscdc/.conditional-put-proven'])
  })

  it('is named as it was asked, also where the SDK took it from AWS_ENDPOINT_URL', async () => {
    const { endpoint } = await fakeS3('ignores')
    process.env.AWS_ENDPOINT_URL = endpoint
    try {
      const client = s3Client({ region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } })
      expect(endpointName(client)).toBeNull()
      expect(await s3Objects(client, { bucket: 'b', prefix: '', scratchDir: newScratch() }).head('none')).toBeNull()
      expect(endpointName(client)).toBe(endpoint)
    } finally {
      delete process.env.AWS_ENDPOINT_URL
    }
  })
})

for (const [name, start] of Object.entries(s3Servers)) {
  const server = await start()
  describe.skipIf(server === null)(`a lake on ${name}`, () => {
    if (server === null) return
    afterAll(() => server.stop())

    const prove = (store: ObjectStore) => proveConditionalPut({ store, endpoint: () => name, newId })
    const newStore = async (client = server.client) =>
      s3Objects(client, { bucket: await newBucket(server.client), prefix: 'lake', scratchDir: newScratch() })

    it('is tested once, and leaves no probe', async () => {
      const store = await newStore()
      await prove(store)
      const keys = (await store.list({ prefix: '' })).objects.map(({ key }) => key)
      expect(keys).toEqual(['_dmscdc/.conditional-put-proven'])
      const again = countRequests(store)
      await prove(again.store)
      expect(again.counts().requests).toEqual({ get: 1, put: 0, copy: 0, list: 0, delete: 0 })
    })

    it('is tested on the account of the put that comes first', async () => {
      const { store, counts } = countRequests(provenObjects({ store: await newStore(), endpoint: () => name, newId }))
      await store.put('a', Buffer.from('a'), { kind: 'any' })
      // Is it proven, and what the second of two puts of one key left; these two, the proof and `a`; the key.
      expect(counts().requests).toEqual({ get: 2, put: 4, copy: 0, list: 0, delete: 1 })
      await store.put('b', Buffer.from('b'), { kind: 'any' })
      expect(counts().requests).toEqual({ get: 2, put: 5, copy: 0, list: 0, delete: 1 })
    })

    it('passes also behind a network that loses answers and requests', async () => {
      const proxy = await startS3FaultProxy(server.endpoint)
      const store = await newStore(clientOf(proxy.endpoint))
      for (const fault of ['answer-lost', 'request-lost', 'error-after', 'slow-down'] satisfies Fault[]) {
        await store.deleteMany(['_dmscdc/.conditional-put-proven'])
        proxy.fail('PutObject', [fault])
        await prove(store)
        await store.deleteMany(['_dmscdc/.conditional-put-proven'])
        proxy.failBy(theSecond(fault))
        await prove(store)
        proxy.reset()
      }
      expect((await store.list({ prefix: '' })).objects).toHaveLength(1)
      await proxy.stop()
    })
  })
}

/** The put that must be refused is the one that gets lost. */
function theSecond(fault: Fault): (operation: string) => Fault | undefined {
  let puts = 0
  return (operation) => (operation === 'PutObject' && ++puts === 2 ? fault : undefined)
}
