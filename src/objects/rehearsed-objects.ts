import { createHash } from 'node:crypto'
import { copyFile, link, readFile, stat, writeFile } from 'node:fs/promises'
import { compareBytes } from '../domain.ts'
import { fileError } from './file-error.ts'
import { checkKey, shownKey } from './keys.ts'
import {
  type ByteRange,
  type ForeseenCall,
  type ListOptions,
  type ListPage,
  type LocalCopy,
  listAll,
  type ObjectInfo,
  type ObjectStore,
  type PutBody,
  type PutCondition,
} from './object-store.ts'
import { spanOf } from './ranges.ts'
import { currentLedger, offTheLedger } from './request-ledger.ts'

export type RehearsedObjects = {
  readonly store: ObjectStore
  /** What was put and not deleted since, in byte order. */
  written(): readonly string[]
}

/** Bytes at hand, a file, an object beneath that stays as it is, or the beginning of one of these with a tail behind it. */
type Content =
  | { readonly kind: 'bytes'; readonly body: Uint8Array }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'beneath'; readonly key: string }
  | { readonly kind: 'spliced'; readonly base: Content; readonly baseBytes: number; readonly tail: Content }

type Kept = { readonly info: ObjectInfo; readonly content: Content }

export type RehearsalOptions = {
  readonly nowMs: () => number
  /** An unused path where the engine may read; what is kept there is the caller's to remove. */
  readonly keep: () => Promise<string>
}

/**
 * A store in which everything can be done and nothing comes about: reads go to the store beneath, writes stay here and are read
 * from here. Each call reports to the ledger the requests that it would send, so a run upon it costs what the real one will.
 */
export function rehearsedObjects(beneath: ObjectStore, options: RehearsalOptions): RehearsedObjects {
  /** Null: deleted. */
  const kept = new Map<string, Kept | null>()
  const { foresight } = beneath
  const contents = contentsOn(beneath, options)
  let made = 0

  /** For the ledger of the call that this one is made in, before its first pause. */
  const reporter = () => {
    const onRequest = currentLedger()
    return (call: ForeseenCall) => {
      for (const verb of foresight?.requests(call) ?? []) onRequest(verb)
    }
  }
  const infoBeneath = (key: string) => offTheLedger(() => beneath.head(key))
  const standing = async (key: string): Promise<Kept | null> => {
    const found = kept.get(key)
    if (found !== undefined) return found
    const info = await infoBeneath(key)
    return info && { info, content: { kind: 'beneath', key } }
  }
  const write = (key: string, content: Content, sizeBytes: number): string => {
    const etag = `rehearsed-${String(++made)}`
    const modifiedMs = Math.floor(options.nowMs() / 1000) * 1000
    kept.set(key, { content, info: { key, sizeBytes, modifiedMs, etag } })
    return etag
  }

  const rehearsed: ObjectStore = {
    url: beneath.url,
    place: beneath.place,
    async list(asked) {
      const report = reporter()
      if (![...kept.keys()].some((key) => key.startsWith(asked.prefix))) return beneath.list(asked)
      report({ kind: 'list' })
      return pageOf(await offTheLedger(() => standingBelow(beneath, kept, asked)), asked)
    },
    async head(key) {
      const report = reporter()
      const found = kept.get(key)
      if (found === undefined) return beneath.head(key)
      report({ kind: 'head' })
      return found?.info ?? null
    },
    async get(key, range) {
      const report = reporter()
      const found = kept.get(key)
      if (found === undefined) return beneath.get(key, range)
      report({ kind: 'get', ...(range && { range }), sizeBytes: found?.info.sizeBytes ?? null })
      return found && { body: await contents.range(found, range), info: found.info }
    },
    async put(key, body, condition) {
      const report = reporter()
      checkKey(key)
      const { content, sizeBytes } = await contents.take(key, body)
      report({ kind: 'put', sizeBytes })
      const before = condition.kind === 'any' || kept.has(key) ? null : await infoBeneath(key)
      // Without a pause from here on: one of many writers wins.
      const found = kept.get(key)
      const allowed =
        condition.kind === 'any' || allows(condition, found === undefined ? before : (found?.info ?? null))
      return allowed ? { kind: 'stored', etag: write(key, content, sizeBytes) } : { kind: 'precondition-failed' }
    },
    async copy(from, to) {
      const report = reporter()
      checkKey(to)
      const found = await standing(from)
      report({ kind: 'copy', sizeBytes: found?.info.sizeBytes ?? null })
      if (found === null) return 'missing'
      write(to, found.content, found.info.sizeBytes)
      return 'copied'
    },
    async putSpliced(key, { from, bytes }, asked) {
      const report = reporter()
      checkKey(key)
      const body = await asked
      if (body === null) return 'dropped'
      const found = await standing(from)
      const tail = await contents.take(key, body)
      const sizeBytes = found?.info.sizeBytes ?? null
      report({ kind: 'splice', sizeBytes, baseBytes: bytes, tailBytes: tail.sizeBytes })
      if (found === null || found.info.sizeBytes < bytes) return 'missing'
      const content = { kind: 'spliced', base: found.content, baseBytes: bytes, tail: tail.content } as const
      write(key, content, bytes + tail.sizeBytes)
      return 'stored'
    },
    async deleteMany(keys) {
      const report = reporter()
      report({ kind: 'delete', keys })
      for (const key of keys) kept.set(key, null)
    },
    async fetch(key, asked = {}) {
      const report = reporter()
      const found = kept.get(key)
      if (found === undefined) return beneath.fetch(key, asked)
      const sizeBytes = found?.info.sizeBytes ?? null
      // Of no range at all the size is still asked for.
      const ranges = asked.ranges?.length === 0 ? [{ start: 0, length: 0 }] : asked.ranges
      for (const range of ranges ?? [undefined]) report({ kind: 'get', ...(range && { range }), sizeBytes })
      return found && contents.localCopy(found, asked.sha256 === true)
    },
  }
  return {
    store: foresight?.around(rehearsed) ?? rehearsed,
    written: () => [...kept].flatMap(([key, found]) => (found === null ? [] : [key])).sort(compareBytes),
  }
}

function contentsOn(beneath: ObjectStore, { keep }: RehearsalOptions) {
  const bytesOf = async (content: Content): Promise<Uint8Array> => {
    switch (content.kind) {
      case 'bytes':
        return content.body
      case 'file':
        return readFile(content.path)
      case 'beneath':
        return (await offTheLedger(() => beneath.get(content.key)))?.body ?? new Uint8Array()
      case 'spliced': {
        const base = await bytesOf(content.base)
        return Buffer.concat([base.subarray(0, content.baseBytes), await bytesOf(content.tail)])
      }
    }
  }
  return {
    async take(key: string, body: PutBody): Promise<{ readonly content: Content; readonly sizeBytes: number }> {
      if (body instanceof Uint8Array) return { content: { kind: 'bytes', body: body.slice() }, sizeBytes: body.length }
      const path = await keep()
      try {
        await link(body.scratchFile, path).catch(() => copyFile(body.scratchFile, path))
        return { content: { kind: 'file', path }, sizeBytes: (await stat(path)).size }
      } catch (thrown) {
        throw fileError(thrown, `put ${shownKey(key)}`, { place: beneath.place, maybeApplied: false })
      }
    },
    async range({ content, info }: Kept, range?: ByteRange): Promise<Uint8Array> {
      const { start, length } = spanOf(info.sizeBytes, range)
      return (await bytesOf(content)).subarray(start, start + length)
    },
    /** Of the whole object, whatever ranges were asked for. */
    async localCopy({ content, info: { etag } }: Kept, wantsHash: boolean): Promise<LocalCopy> {
      const path = content.kind === 'file' ? content.path : await keep()
      if (content.kind !== 'file') await writeFile(path, await bytesOf(content))
      const sha256 = async () =>
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      return { path, etag, sha256: wantsHash ? sha256 : null, release: async () => {} }
    },
  }
}

function allows(condition: Exclude<PutCondition, { kind: 'any' }>, found: ObjectInfo | null): boolean {
  return condition.kind === 'absent' ? found === null : found?.etag === condition.etag
}

/** All that is below the prefix, as the writes have left it. */
async function standingBelow(
  beneath: ObjectStore,
  kept: ReadonlyMap<string, Kept | null>,
  { prefix }: ListOptions,
): Promise<readonly ObjectInfo[]> {
  const found = new Map<string, ObjectInfo>()
  for await (const { objects } of listAll(beneath, { prefix })) for (const info of objects) found.set(info.key, info)
  for (const [key, one] of kept) {
    if (!key.startsWith(prefix)) continue
    if (one === null) found.delete(key)
    else found.set(key, one.info)
  }
  return [...found.values()].sort((a, b) => compareBytes(a.key, b.key))
}

const pageKeysMax = 1_000

function pageOf(all: readonly ObjectInfo[], { prefix, after = '', delimiter }: ListOptions): ListPage {
  const folderOf = (key: string) => {
    const slash = delimiter === undefined ? -1 : key.indexOf('/', prefix.length)
    return slash < 0 ? null : key.slice(0, slash + 1)
  }
  const entries = new Map(all.map((info) => [folderOf(info.key) ?? info.key, info]))
  const later = [...entries].filter(([name]) => after === '' || compareBytes(name, after) > 0)
  const page = later.slice(0, pageKeysMax)
  return {
    objects: page.filter(([name, { key }]) => name === key).map(([, info]) => info),
    folders: page.filter(([name, { key }]) => name !== key).map(([name]) => name),
    next: later.length > page.length ? (page.at(-1)?.[0] ?? null) : null,
  }
}
