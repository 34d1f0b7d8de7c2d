import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compareBytes } from '../domain.ts'
import { fileError } from './file-error.ts'
import { shownKey } from './keys.ts'
import type {
  ByteRange,
  ListOptions,
  ListPage,
  LocalCopy,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutCondition,
} from './object-store.ts'
import { spanOf } from './ranges.ts'

const pageKeysMax = 1_000

type Stored = { readonly body: Uint8Array; readonly info: ObjectInfo }
/** What a bucket holds. A body is never written again, so a copy of the map is a copy of the bucket. */
export type StoredObjects = Map<string, Stored>

/**
 * A bucket in memory that behaves as S3 does: preconditions hold, ETags are MD5 sums, object dates are whole seconds
 * (of `now`, in ms), and a copy is a new object. `fetch` writes into `scratchDir`; with ranges all other bytes are zero.
 * `place` is `bucket/` or `bucket/prefix/`; `objects` is the bucket where the caller wants to see it, or had one before.
 */
export function memoryObjects(options: {
  readonly now: () => number
  readonly scratchDir: string
  readonly place?: string
  readonly objects?: StoredObjects
}): ObjectStore {
  const { place = 'memory/', objects = new Map() } = options

  const store = (key: string, body: Uint8Array): string => {
    const etag = createHash('md5').update(body).digest('hex')
    const modifiedMs = Math.floor(options.now() / 1_000) * 1_000
    objects.set(key, { body, info: { key, sizeBytes: body.length, modifiedMs, etag } })
    return etag
  }

  return {
    url: `memory://${place}`,
    place,
    list: async (asked) => pageOf(objects, asked),
    head: async (key) => objects.get(key)?.info ?? null,
    get: async (key, range) => {
      const found = objects.get(key)
      return found === undefined ? null : { body: cut(found.body, range), info: found.info }
    },
    put: async (key, body, condition) => {
      const bytes = await bytesOf(key, body, place)
      if (!allows(condition, objects.get(key))) return { kind: 'precondition-failed' }
      return { kind: 'stored', etag: store(key, bytes) }
    },
    copy: async (from, to) => {
      const found = objects.get(from)
      if (found === undefined) return 'missing'
      store(to, found.body)
      return 'copied'
    },
    putSpliced: async (key, { from, bytes }, tail) => {
      const body = await tail
      if (body === null) return 'dropped'
      const found = objects.get(from)
      const end = await bytesOf(key, body, place)
      if (found === undefined || found.body.length < bytes) return 'missing'
      store(key, Buffer.concat([found.body.subarray(0, bytes), end]))
      return 'stored'
    },
    deleteMany: async (keys) => {
      for (const key of keys) objects.delete(key)
    },
    fetch: async (key, asked = {}) => {
      const found = objects.get(key)
      return found === undefined ? null : writeCopy(options.scratchDir, found, asked)
    },
  }
}

function pageOf(objects: ReadonlyMap<string, Stored>, options: ListOptions): ListPage {
  const { prefix, after = '' } = options
  const keys = [...objects.keys()]
    .filter((key) => key.startsWith(prefix))
    .map((key) => (options.delimiter ? rolledUp(key, prefix) : key))
  const found = [...new Set(keys)].filter((key) => after === '' || compareBytes(key, after) > 0).sort(compareBytes)
  const page = found.slice(0, pageKeysMax)
  const isFolder = (key: string) => options.delimiter !== undefined && key.includes('/', prefix.length)
  return {
    objects: page.filter((key) => !isFolder(key)).map((key) => (objects.get(key) as Stored).info),
    folders: page.filter(isFolder),
    next: found.length > page.length ? (page.at(-1) as string) : null,
  }
}

function rolledUp(key: string, prefix: string): string {
  const slash = key.indexOf('/', prefix.length)
  return slash < 0 ? key : key.slice(0, slash + 1)
}

function allows(condition: PutCondition, found: Stored | undefined): boolean {
  switch (condition.kind) {
    case 'any':
      return true
    case 'absent':
      return found === undefined
    case 'match':
      return found?.info.etag === condition.etag
  }
}

function cut(body: Uint8Array, range?: ByteRange): Uint8Array {
  const span = spanOf(body.length, range)
  return body.slice(span.start, span.start + span.length)
}

async function bytesOf(key: string, body: PutBody, place: string): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body.slice()
  try {
    return await readFile(body.scratchFile)
  } catch (thrown) {
    throw fileError(thrown, `put ${shownKey(key)}`, { place, maybeApplied: false })
  }
}

async function writeCopy(
  scratchDir: string,
  found: Stored,
  asked: { readonly ranges?: readonly ByteRange[]; readonly sha256?: boolean },
): Promise<LocalCopy> {
  await mkdir(scratchDir, { recursive: true })
  const path = join(scratchDir, randomUUID())
  const file = await open(path, 'wx')
  try {
    await file.truncate(found.body.length)
    for (const range of asked.ranges ?? [{ start: 0, length: found.body.length }]) {
      const span = spanOf(found.body.length, range)
      await file.write(found.body, span.start, span.length, span.start)
    }
  } finally {
    await file.close()
  }
  return {
    path,
    etag: found.info.etag,
    sha256: asked.sha256 ? async () => createHash('sha256').update(found.body).digest('hex') : null,
    release: () => rm(path, { force: true }),
  }
}
