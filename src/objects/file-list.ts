import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from './file-error.ts'
import { infoOf, tempFolder } from './file-info.ts'
import { isSegment } from './keys.ts'
import type { ListOptions, ListPage, ObjectInfo } from './object-store.ts'

const pageKeysMax = 1_000

/** One page of the regular files below `root`, as S3 lists keys. A missing root or prefix is an empty page. */
export async function listFiles(root: string, options: ListOptions): Promise<ListPage> {
  const found: string[] = []
  for await (const key of walk(
    { root, folder: '', delimiter: options.delimiter },
    options.prefix,
    options.after ?? '',
  )) {
    found.push(key)
    if (found.length > pageKeysMax) break
  }
  const page = found.slice(0, pageKeysMax)
  const infos = await Promise.all(page.filter((key) => !key.endsWith('/')).map((key) => infoOrGone(root, key)))
  return {
    objects: infos.filter((info) => info !== null),
    folders: page.filter((key) => key.endsWith('/')),
    next: found.length > pageKeysMax ? (page.at(-1) as string) : null,
  }
}

/** A folder of the tree: its key ends with a slash, or is empty for the root. */
type Place = { readonly root: string; readonly folder: string; readonly delimiter: '/' | undefined }

/**
 * The keys below a folder in byte order; a key that ends with a slash stands for a rolled-up folder.
 * `prefix` and `after` are relative to the folder; an empty `after` is before everything.
 */
async function* walk(place: Place, prefix: string, after: string): AsyncGenerator<string> {
  const slash = prefix.indexOf('/') + 1
  if (slash > 0) {
    const name = prefix.slice(0, slash)
    if (await isFolder(place, name)) yield* descend(place, name, prefix.slice(slash), after)
    return
  }
  for (const name of await namesIn(place, prefix, after)) {
    if (!name.endsWith('/')) yield place.folder + name
    else if (place.delimiter === undefined) yield* descend(place, name, '', after)
    else if (isAfter(name, after) && (await holdsObject(join(place.root, place.folder, name))))
      yield place.folder + name
  }
}

/** Skips the whole subtree when all of it lies before `after`. */
async function* descend(place: Place, name: string, prefix: string, after: string): AsyncGenerator<string> {
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
  const entries = await entriesOf(join(place.root, place.folder))
  return entries
    .map((entry) => (entry.isFolder ? `${entry.name}/` : entry.name))
    .filter(
      (name) => name.startsWith(prefix) && (isAfter(name, after) || (name.endsWith('/') && after.startsWith(name))),
    )
    .map((name) => ({ name, bytes: Buffer.from(name) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ name }) => name)
}

function isAfter(name: string, after: string): boolean {
  return after === '' || Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0
}

/** An empty directory is no folder: S3 has none. */
async function holdsObject(directory: string): Promise<boolean> {
  const entries = await entriesOf(directory)
  if (entries.some((entry) => !entry.isFolder)) return true
  for (const entry of entries) if (await holdsObject(join(directory, entry.name))) return true
  return false
}

/** Regular files and real directories with names that are text. */
async function entriesOf(directory: string): Promise<{ name: string; isFolder: boolean }[]> {
  const entries = (await readBytes(directory)).filter((entry) => entry.isFile() || entry.isDirectory())
  return entries
    .filter((entry) => isUtf8(entry.name))
    .map((entry) => ({ name: entry.name.toString('utf8'), isFolder: entry.isDirectory() }))
    .filter(({ name }) => name !== tempFolder)
}

/** As bytes: a name that is no UTF-8 must not turn into another name. */
async function readBytes(directory: string): Promise<Dirent<Buffer>[]> {
  try {
    return await readdir(directory, { encoding: 'buffer', withFileTypes: true })
  } catch (thrown) {
    if (isMissing(thrown)) return []
    throw thrown
  }
}

async function infoOrGone(root: string, key: string): Promise<ObjectInfo | null> {
  try {
    return infoOf(key, await lstat(join(root, key), { bigint: true }))
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}
