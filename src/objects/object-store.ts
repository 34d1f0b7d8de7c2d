import type { RequestVerb } from './request-ledger.ts'

/** An object as a listing shows it. Keys are relative to the store's root and use `/`. */
export type ObjectInfo = {
  readonly key: string
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Opaque; for one key, equal ETags mean equal content. Different ETags do not mean different content. */
  readonly etag: string
}

export type ListPage = {
  /** In UTF-8 byte order of the key, at most 1,000 together with `folders`. */
  readonly objects: readonly ObjectInfo[]
  /** With a delimiter: the distinct prefixes up to and including the next `/` after `prefix`, in byte order. */
  readonly folders: readonly string[]
  /** Give as `after` for the next page; null on the last page. */
  readonly next: string | null
}

export type ListOptions = {
  readonly prefix: string
  /** Only keys (and folders) greater than this one. */
  readonly after?: string
  readonly delimiter?: '/'
}

/** A negative start counts from the end and stops at the first byte; what lies behind the end is left out. */
export type ByteRange = { readonly start: number; readonly length: number }

/**
 * What to store: bytes in memory, or a file that the engine wrote into its own scratch folder. A scratch file may be
 * deleted after its put, but never written again (the object may be a hard link to it).
 */
export type PutBody = Uint8Array | { readonly scratchFile: string }

export type SplicedBase = { readonly from: string; readonly bytes: number }

/** At hand, or on its way, so that a store can begin with the base; null: nothing is to be stored after all. Never rejects. */
export type SplicedTail = PutBody | Promise<PutBody | null>

export type PutCondition =
  | { readonly kind: 'any' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'match'; readonly etag: string }

export type PutOutcome = { readonly kind: 'stored'; readonly etag: string } | { readonly kind: 'precondition-failed' }

export type SpliceOutcome = 'stored' | 'missing' | 'dropped'

/** A whole object, or just the asked ranges of it in a sparse file, where the engine can read it. */
export type LocalCopy = {
  readonly path: string
  /** Of the object that the copy was made of. */
  readonly etag: string
  /**
   * Hex, of the whole object; present when it was asked for (not together with ranges), and called before the release. Throws
   * `unavailable` where the copy is the object itself and that is another one by now.
   */
  readonly sha256: (() => Promise<string>) | null
  /** Deletes the copy if there is one. Never touches the object. */
  release(): Promise<void>
}

/** A call, and what decides how many requests it takes. `sizeBytes` null: the object that it asks for is missing. */
export type ForeseenCall =
  | { readonly kind: 'list' | 'head' }
  | { readonly kind: 'get'; readonly range?: ByteRange; readonly sizeBytes: number | null }
  | { readonly kind: 'put'; readonly sizeBytes: number }
  | { readonly kind: 'copy'; readonly sizeBytes: number | null }
  | {
      readonly kind: 'splice'
      readonly sizeBytes: number | null
      readonly baseBytes: number
      readonly tailBytes: number
    }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }

/** What a store would do, told without doing it: for plans. */
export type Foresight = {
  /** The requests that a call sends where nothing goes wrong. */
  requests(call: ForeseenCall): readonly RequestVerb[]
  /** What the store does of its own around each call, around another one. */
  around(store: ObjectStore): ObjectStore
}

/**
 * Objects under one root, with S3's verbs only. Every adapter passes `test/conformance/object-store.ts`.
 * A call either has its effect as a whole or throws a `DmscdcError` of kind `unavailable` (then `maybeApplied` tells
 * whether a write may have happened). A missing object is an answer (null, 'missing'), never an exception.
 */
export type ObjectStore = {
  /** How people write this place: `file:///dir/` or `s3://bucket/prefix/`; ends with a slash. */
  readonly url: string
  /** The place as a state row writes it: `/dir/` or `bucket/prefix/`; ends with a slash. */
  readonly place: string
  /** One request: one page. */
  list(options: ListOptions): Promise<ListPage>
  head(key: string): Promise<ObjectInfo | null>
  /** `info` is of the object that the body was read from. */
  get(key: string, range?: ByteRange): Promise<{ readonly body: Uint8Array; readonly info: ObjectInfo } | null>
  put(key: string, body: PutBody, condition: PutCondition): Promise<PutOutcome>
  /** Server-side copy, replaces the target. */
  copy(from: string, to: string): Promise<'copied' | 'missing'>
  /**
   * A new object of the first `bytes` of another one and the tail behind them; replaces the target. The bytes do not pass
   * through here where the store can copy a part. 'missing': the other is, or has fewer bytes. 'dropped': the tail turned out to be null.
   */
  putSpliced(key: string, base: SplicedBase, tail: SplicedTail): Promise<SpliceOutcome>
  /** Missing keys are no error. */
  deleteMany(keys: readonly string[]): Promise<void>
  /** Null when the object is missing. With `ranges` only those bytes (negative start: from the end) need be there. */
  fetch(
    key: string,
    options?: { readonly ranges?: readonly ByteRange[]; readonly sha256?: boolean },
  ): Promise<LocalCopy | null>
  /** Absent: a call is one request, each range of a fetch one of its own, and there is nothing around it. */
  readonly foresight?: Foresight
}

/** The same store, something done around each call; `around` makes the call before it first pauses. */
export function aroundCalls(store: ObjectStore, around: <T>(call: () => Promise<T>) => Promise<T>): ObjectStore {
  return {
    ...store,
    list: (options) => around(() => store.list(options)),
    head: (key) => around(() => store.head(key)),
    get: (key, range) => around(() => store.get(key, range)),
    put: (key, body, condition) => around(() => store.put(key, body, condition)),
    copy: (from, to) => around(() => store.copy(from, to)),
    putSpliced: (key, base, tail) => around(() => store.putSpliced(key, base, tail)),
    deleteMany: (keys) => around(() => store.deleteMany(keys)),
    fetch: (key, options) => around(() => store.fetch(key, options)),
  }
}

/** All pages of a listing. */
export async function* listAll(store: ObjectStore, options: ListOptions): AsyncGenerator<ListPage> {
  let after = options.after
  for (;;) {
    const page = await store.list(after === undefined ? options : { ...options, after })
    yield page
    if (page.next === null) return
    after = page.next
  }
}
