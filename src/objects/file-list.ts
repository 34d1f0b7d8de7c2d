import { isUtf8 } from 'node:buffer'
import { type BigIntStats, type Dirent, lstat as lstatThen } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from './file-error.ts'
import { infoOf, tempFolder } from './file-info.ts'
import { isSegment } from './keys.ts'
import type { ListOptions, ListPage, ObjectInfo } from './object-store.ts'

const pageKeysMax = 1_000

/**
 * Pages of the regular files below `root`, as S3 lists keys. A missing root or prefix is an empty page. A page that goes on
 * where another ended goes on with its walk: to read and sort a folder of a million files anew for each thousand of
 * them would take hours. It then shows what was there when the walk reached the folder, without what is gone since.
 */
export function fileListing(root: string): (options: ListOptions) => Promise<ListPage> {
  const walks = new Map<string, Walk>()
  return async (options) => {
    const begun = walks.get(walkName(options))
    walks.delete(walkName(options))
    const place = { root, folder: '', delimiter: options.delimiter }
    const walked = begun ?? { keys: walk(place, options.prefix, options.after ?? ''), ahead: [] }
    const page = await pageOf(walked)
    const next = walked.ahead.length === 0 ? null : (page.at(-1) as string)
    if (next !== null) remember(walks, walkName({ ...options, after: next }), walked)
    const infos = await Promise.all(page.filter((key) => !key.endsWith('/')).map((key) => infoOrGone(root, key)))
    return {
      objects: infos.filter((info) => info !== null),
      folders: page.filter((key) => key.endsWith('/')),
      next,
    }
  }
}

/** `ahead`: keys that were read and are on no page yet. */
type Walk = { readonly keys: AsyncGenerator<readonly string[]>; ahead: readonly string[] }

/** Listings that were left before their end; each holds the names of the folders on its way. */
const walksAtOnceMax = 16

const walkName = ({ prefix, delimiter, after }: ListOptions) => JSON.stringify([prefix, delimiter, after])

function remember(walks: Map<string, Walk>, name: string, walked: Walk): void {
  const [oldest] = walks.keys()
  if (walks.size >= walksAtOnceMax && oldest !== undefined) walks.delete(oldest)
  walks.set(name, walked)
}

async function pageOf(walked: Walk): Promise<readonly string[]> {
  const keys = [...walked.ahead]
  while (keys.length <= pageKeysMax) {
    const { value, done } = await walked.keys.next()
    if (done) break
    keys.push(...value)
  }
  walked.ahead = keys.slice(pageKeysMax)
  return keys.slice(0, pageKeysMax)
}

/** A folder of the tree: its key ends with a slash, or is empty for the root. */
type Place = { readonly root: string; readonly folder: string; readonly delimiter: '/' | undefined }

/**
 * The keys below a folder in byte order, at most a page at a time; a key that ends with a slash stands for a rolled-up folder.
 * `prefix` and `after` are relative to the folder; an empty `after` is before everything.
 */
async function* walk(place: Place, prefix: string, after: string): AsyncGenerator<readonly string[]> {
  const slash = prefix.indexOf('/') + 1
  if (slash > 0) {
    const name = prefix.slice(0, slash)
    if (await isFolder(place, name)) yield* descend(place, name, prefix.slice(slash), after)
    return
  }
  let keys: string[] = []
  for (const name of await namesIn(place, prefix, after)) {
    const isInside = name.endsWith('/') && place.delimiter === undefined
    if (isInside || keys.length === pageKeysMax) {
      yield keys
      keys = []
    }
    if (isInside) yield* descend(place, name, '', after)
    else if (!name.endsWith('/') || (isAfter(name, after) && (await holdsObject(join(place.root, place.folder, name)))))
      keys.push(place.folder + name)
  }
  yield keys
}

/** Skips the whole subtree when all of it lies before `after`. */
async function* descend(place: Place, name: string, prefix: string, after: string): AsyncGenerator<readonly string[]> {
  const inner = { ...place, folder: place.folder + name }
  if (after.startsWith(name)) yield* walk(inner, prefix, after.slice(name.length))
  else if (isAfter(name, after)) yield* walk(inner, prefix, '')
}

async function isFolder(place: Place, name: string): Promise<boolean> {
  if (!isSegment(name.slice(0, -1))) return false
  try {
    return (await lstat(join(place.root, place.folder, name.slice(0, -1)))).isDirectory()
  } catch (thrown) {
    if (isMissing(thrown)) return false
    throw thrown
  }
}

/** Names with `prefix` that hold or are keys greater than `after`, sorted as keys sort: a folder as its name and a slash. */
async function namesIn(place: Place, prefix: string, after: string): Promise<string[]> {
  const names: string[] = []
  for await (const entries of entriesOf(join(place.root, place.folder)))
    for (const entry of entries) {
      const name = entry.isFolder ? `${entry.name}/` : entry.name
      const leadsOn = isAfter(name, after) || (entry.isFolder && after.startsWith(name))
      if (name.startsWith(prefix) && leadsOn) names.push(name)
    }
  return names.sort(compareNames)
}

function isAfter(name: string, after: string): boolean {
  return after === '' || compareNames(name, after) > 0
}

/** UTF-8 byte order of two texts without their bytes: it differs from JavaScript's only where surrogates stand. */
function compareNames(a: string, b: string): number {
  const shared = Math.min(a.length, b.length)
  for (let at = 0; at < shared; at++) {
    const difference = rankOf(a.charCodeAt(at)) - rankOf(b.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

const rankOf = (unit: number) => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit)

/** An empty directory is no folder: S3 has none. Ends with the first file that it meets in a directory. */
async function holdsObject(directory: string): Promise<boolean> {
  const folders: string[] = []
  for await (const entries of entriesOf(directory)) {
    if (entries.some(({ isFolder }) => !isFolder)) return true
    folders.push(...entries.map(({ name }) => name))
  }
  for (const name of folders) if (await holdsObject(join(directory, name))) return true
  return false
}

type Entry = { readonly name: string; readonly isFolder: boolean }

/**
 * Regular files and real directories with names that are text; links are neither, so no listing leads out of the root.
 * Read piece by piece, and as bytes: a name that is no UTF-8 must not turn into another name.
 */
async function* entriesOf(directory: string): AsyncGenerator<readonly Entry[]> {
  try {
    for await (const piece of piecesOf(directory))
      yield piece.flatMap((entry) => {
        const bytes = entry.name as unknown as Buffer
        if (!(entry.isFile() || entry.isDirectory()) || !isUtf8(bytes)) return []
        const name = bytes.toString('utf8')
        return name === tempFolder ? [] : [{ name, isFolder: entry.isDirectory() }]
      })
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown
  }
}

const pieceEntries = 1_024

/** Waits once for each piece: the entries behind its first are read already, and to wait for each of them takes longer than to look at it. */
async function* piecesOf(directory: string): AsyncGenerator<readonly Dirent[]> {
  const folder = await opendir(directory, { encoding: asBytes, bufferSize: pieceEntries })
  try {
    for (let first = await folder.read(); first !== null; first = await folder.read()) {
      const piece = [first]
      while (piece.length < pieceEntries) {
        const next = folder.readSync()
        if (next === null) break
        piece.push(next)
      }
      yield piece
    }
  } finally {
    await folder.close()
  }
}

/** Node reads names as bytes where it is asked to; its types do not know. */
const asBytes = 'buffer' as BufferEncoding

async function infoOrGone(root: string, key: string): Promise<ObjectInfo | null> {
  try {
    return infoOf(key, await statsOf(join(root, key)))
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}

/** Node's own promise for it takes half as long again, which the files of a landing add up. */
function statsOf(path: string): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    lstatThen(path, { bigint: true }, (thrown, stats) => (thrown === null ? resolve(stats) : reject(thrown)))
  })
}
