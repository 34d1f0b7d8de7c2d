import { mkdir, writeFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { countRequests, type RequestCounts } from '../src/objects/counting-objects.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { rehearsedObjects } from '../src/objects/rehearsed-objects.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { newScratch } from './support/lake-fixtures.ts'
import { newBucket, s3Servers } from './support/s3-servers.ts'

const server = await s3Servers.VersityGW?.()
const any = { kind: 'any' } as const
const mebibyte = 2 ** 20
/** Small enough for parts of several kinds to be needed; S3 takes none below 5 MiB but the last. */
const limits = { putBytesMax: 6 * mebibyte, partBytes: 5 * mebibyte, copyPartBytes: 7 * mebibyte }

describe.skipIf(!server)('the requests that S3’s adapter foresees', () => {
  if (!server) return
  const scratchDir = newScratch()
  const large = Buffer.alloc(13 * mebibyte, 'large')
  afterAll(() => server.stop())

  const cases: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
    'a small put': (store) => store.put('a', Buffer.from('a'), any),
    'a put of a file': async (store) => {
      const scratchFile = `${scratchDir}/body`
      await mkdir(scratchDir, { recursive: true })
      await writeFile(scratchFile, 'of a file')
      await store.put('a', { scratchFile }, any)
    },
    'a put that is refused': (store) => store.put('small', Buffer.from('a'), { kind: 'absent' }),
    'a put by parts': (store) => store.put('a', large, any),
    'a head, and one of what is missing': async (store) => [await store.head('small'), await store.head('none')],
    'reads of what was written': async (store) => {
      await store.put('new', Buffer.from('0123456789'), any)
      for (const range of [
        undefined,
        { start: 2, length: 3 },
        { start: -4, length: 4 },
        { start: -4, length: 2 },
        { start: 0, length: 0 },
        { start: 10, length: 5 },
      ])
        await store.get('new', range)
      await store.fetch('new')
      await store.fetch('new', { sha256: true })
      await store.fetch('new', { ranges: [] })
      await store.fetch('new', {
        ranges: [
          { start: 0, length: 2 },
          { start: -3, length: 3 },
          { start: 40, length: 3 },
        ],
      })
    },
    'reads of what was deleted': async (store) => {
      await store.put('new', Buffer.from('0123456789'), any)
      await store.deleteMany(['new'])
      await store.get('new')
      await store.get('new', { start: -4, length: 2 })
      await store.fetch('new', { ranges: [{ start: 0, length: 2 }] })
    },
    'a copy, and one of what is missing': async (store) => [
      await store.copy('small', 'b'),
      await store.copy('none', 'b'),
    ],
    'a splice on the server': (store) =>
      store.putSpliced('b', { from: 'large', bytes: 12 * mebibyte }, Buffer.from('tail')),
    'a splice with a tail of parts': (store) =>
      store.putSpliced('b', { from: 'large', bytes: 6 * mebibyte }, Buffer.alloc(11 * mebibyte)),
    'a splice of a small base': (store) => store.putSpliced('b', { from: 'large', bytes: 1000 }, Buffer.from('tail')),
    'a splice of less than it wants': async (store) => [
      await store.putSpliced('b', { from: 'small', bytes: 1000 }, Buffer.from('tail')),
      await store.putSpliced('b', { from: 'small', bytes: 6 * mebibyte }, Buffer.from('tail')),
      await store.putSpliced('b', { from: 'none', bytes: 10 }, Buffer.from('tail')),
    ],
    deletions: async (store) => {
      await store.deleteMany([])
      await store.deleteMany(['a', 'b', 'c\u0001'])
      await store.deleteMany(Array.from({ length: 1_001 }, (_, at) => `many/${String(at)}`))
    },
    'lists of what was written': async (store) => {
      await store.put('in/new', Buffer.from('n'), any)
      await store.list({ prefix: 'in/' })
      await store.list({ prefix: '', delimiter: '/' })
    },
  }

  it.each(Object.entries(cases))('for %s are those that it sends', async (_what, call) => {
    const bucket = await newBucket(server.client)
    const store = s3Objects(server.client, { bucket, prefix: 'lake', scratchDir, limits })
    // By one request: of an object that came by parts VersityGW gives each copied part the checksum of the whole.
    const seed = s3Objects(server.client, { bucket, prefix: 'lake', scratchDir })
    await seed.put('small', Buffer.from('small'), any)
    await seed.put('large', large, any)
    let kept = 0
    const keep = async () => `${scratchDir}/${bucket}-${String(++kept)}`
    const foreseen = await costOf(rehearsedObjects(store, { nowMs: Date.now, keep }).store, call)
    expect(foreseen).toEqual(await costOf(store, call))
  })
})

async function costOf(store: ObjectStore, call: (store: ObjectStore) => Promise<unknown>): Promise<RequestCounts> {
  const counted = countRequests(store)
  await call(counted.store)
  return counted.counts()
}
