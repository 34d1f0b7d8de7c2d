import { stat } from 'node:fs/promises'
import type { ByteRange, ObjectStore, PutBody } from './object-store.ts'
import { type RequestVerb, withLedger } from './request-ledger.ts'

/** Requests as S3 bills them, by verb, and the bytes of object content that went either way. */
export type RequestCounts = {
  readonly requests: { readonly [verb in RequestVerb]: number }
  readonly bytesRead: number
  readonly bytesWritten: number
}

const keysPerDelete = 1_000

/**
 * The same store, and what it was asked for since. Counted are the requests that the adapter reports to the ledger; of
 * one that reports none, a call is one request: each range of a fetch, and each 1,000 keys of a delete. What fails
 * counts too; bytes count when they have arrived.
 */
export function countRequests(store: ObjectStore): { store: ObjectStore; counts: () => RequestCounts } {
  const requests = { get: 0, put: 0, copy: 0, list: 0, delete: 0 }
  const bytes = { read: 0, written: 0 }

  const counted = async <T>(verb: RequestVerb, times: number, call: () => Promise<T>): Promise<T> => {
    let reported = 0
    const onRequest = (sent: RequestVerb) => {
      reported++
      requests[sent]++
    }
    try {
      return await withLedger(onRequest, call)
    } finally {
      if (reported === 0) requests[verb] += times
    }
  }

  const counting: ObjectStore = {
    url: store.url,
    place: store.place,
    list: (options) => counted('list', 1, () => store.list(options)),
    head: (key) => counted('get', 1, () => store.head(key)),
    get: async (key, range) => {
      const found = await counted('get', 1, () => store.get(key, range))
      bytes.read += found?.body.length ?? 0
      return found
    },
    put: async (key, body, condition) => {
      // The call comes first: of several at once the order stays that of their callers.
      const storing = counted('put', 1, () => store.put(key, body, condition))
      const [outcome, sizeBytes] = await Promise.all([storing, sizeOf(body)])
      if (outcome.kind === 'stored') bytes.written += sizeBytes
      return outcome
    },
    copy: (from, to) => counted('copy', 1, () => store.copy(from, to)),
    putSpliced: async (key, base, tail) => {
      const outcome = await counted('put', 1, () => store.putSpliced(key, base, tail))
      const body = await tail
      if (outcome === 'stored' && body !== null) bytes.written += await sizeOf(body)
      return outcome
    },
    deleteMany: (keys) => counted('delete', Math.ceil(keys.length / keysPerDelete), () => store.deleteMany(keys)),
    fetch: async (key, options) => {
      const copy = await counted('get', options?.ranges?.length ?? 1, () => store.fetch(key, options))
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
