import { aroundCalls, type ObjectStore } from './object-store.ts'

/** A kind of request as S3 bills them: `get` is GET and HEAD, `put` also the steps of a multipart upload. */
export type RequestVerb = 'get' | 'put' | 'copy' | 'list' | 'delete'

export type OnRequest = (verb: RequestVerb) => void

const nobody: OnRequest = () => {}
let current = nobody

/**
 * Tells `onRequest` of every request that an adapter really sends for `call`, retries included. It follows the call, not
 * the store: many tables share one store, and a store may be wrapped. Until the call first pauses, that is: who asks a store after a pause
 * takes the ledger along (`onLedger`). An `AsyncLocalStorage` would do that by itself, at the cost of a hook at every promise of the process.
 */
export function withLedger<T>(onRequest: OnRequest, call: () => Promise<T>): Promise<T> {
  const before = current
  current = onRequest
  try {
    return call()
  } finally {
    current = before
  }
}

/** Where an adapter reports the requests of the call that it is in. Asked before the call pauses. */
export function currentLedger(): OnRequest {
  return current
}

/** What is asked within `call` is on nobody's account. */
export function offTheLedger<T>(call: () => Promise<T>): Promise<T> {
  return withLedger(nobody, call)
}

/** The same store, each call of it on this account. */
export function onLedger(onRequest: OnRequest, store: ObjectStore): ObjectStore {
  return aroundCalls(store, (call) => withLedger(onRequest, call))
}
