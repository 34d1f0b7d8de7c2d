import { stat } from 'node:fs/promises'
import type { ByteRange, ObjectStore, PutBody } from './object-store.ts'

/** Requests as S3 bills them, by verb, and the bytes of object content that went either way. */
export type RequestCounts = {
  readonly requests: {
    readonly get: number
    readonly put: number
    readonly copy: number
    readonly list: number
    readonly delete: number
  }
  readonly bytesRead: number
  readonly bytesWritten: number
}

const keysPerDelete = 1_000

/**
 * The same store, and what it was asked for since: `get` counts get, head and each range of a fetch, `delete` one per
 * 1,000 keys. A call counts also if it fails; bytes count when they have arrived.
 */
export function countRequests(store: ObjectStore): { store: ObjectStore; counts: () => RequestCounts } {
  const requests = { get: 0, put: 0, copy: 0, list: 0, delete: 0 }
  const bytes = { read: 0, written: 0 }

  const counting: ObjectStore = {
    url: store.url,
    place: store.place,
    list: (options) => {
      requests.list++
      return store.list(options)
    },
    head: (key) => {
      requests.get++
      return store.head(key)
    },
    get: async (key, range) => {
      requests.get++
      const found = await store.get(key, range)
      bytes.read += found?.body.length ?? 0
      return found
    },
    put: async (key, body, condition) => {
      requests.put++
      const sizeBytes = await sizeOf(body)
      const outcome = await store.put(key, body, condition)
      if (outcome.kind === 'stored') bytes.written += sizeBytes
      return outcome
    },
    copy: (from, to) => {
      requests.copy++
      return store.copy(from, to)
    },
    deleteMany: (keys) => {
      requests.delete += Math.ceil(keys.length / keysPerDelete)
      return store.deleteMany(keys)
    },
    fetch: async (key, options) => {
      requests.get += options?.ranges?.length ?? 1
      const copy = await store.fetch(key, options)
      const arrived = copy === null ? 0 : (sum(options?.ranges) ?? (await fileBytes(copy.path)))
      bytes.read += arrived
      return copy
    },
  }
  return {
    store: counting,
    counts: () => ({ requests: { ...requests }, bytesRead: bytes.read, bytesWritten: bytes.written }),
  }
}

async function sizeOf(body: PutBody): Promise<number> {
  return body instanceof Uint8Array ? body.length : fileBytes(body.scratchFile)
}

/** Zero for a file that is gone: counting never makes a call fail. */
async function fileBytes(path: string): Promise<number> {
  return stat(path).then(
    (stats) => stats.size,
    () => 0,
  )
}

function sum(ranges: readonly ByteRange[] | undefined): number | undefined {
  return ranges?.reduce((total, range) => total + range.length, 0)
}
