import { AsyncLocalStorage } from 'node:async_hooks'

/** A kind of request as S3 bills them: `get` is GET and HEAD, `put` also the steps of a multipart upload. */
export type RequestVerb = 'get' | 'put' | 'copy' | 'list' | 'delete'

export type OnRequest = (verb: RequestVerb) => void

const ledger = new AsyncLocalStorage<OnRequest>()

/**
 * Tells `onRequest` of every request that an adapter really sends within `call`, retries included. It follows the call, not
 * the store: many tables share one store, and a store may be wrapped.
 */
export function withLedger<T>(onRequest: OnRequest, call: () => Promise<T>): Promise<T> {
  return ledger.run(onRequest, call)
}

/** Where an adapter reports the requests of the call that it is in. */
export function currentLedger(): OnRequest {
  return ledger.getStore() ?? (() => {})
}

/** What is asked within `call` is on nobody's account. */
export function offTheLedger<T>(call: () => Promise<T>): Promise<T> {
  return withLedger(() => {}, call)
}
