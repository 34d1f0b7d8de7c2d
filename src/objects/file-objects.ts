import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { DmscdcError } from '../errors.ts'
import { deleteFiles } from './file-delete.ts'
import { fileError, hasCode, isMissing } from './file-error.ts'
import { infoOf, tempFolder } from './file-info.ts'
import { fileListing } from './file-list.ts'
import { putSplicedFile } from './file-splice.ts'
import { copyFileTo, putFile, removeAbandonedTemps } from './file-write.ts'
import { checkKey, shownKey } from './keys.ts'
import type { ByteRange, LocalCopy, ObjectInfo, ObjectStore, PutBody, PutCondition } from './object-store.ts'
import { spanOf } from './ranges.ts'

/**
 * The regular files below `rootDir`, which need not exist yet. A key is a file's path; what is no regular file (also a
 * symbolic link) is left alone and counts as missing. A put is on the disk when it returns. Copies and puts of scratch
 * files are hard links where the file system has them: a scratch file may be deleted after its put, never written again.
 * Two writers with 'absent', or two with 'match', never both win, also from two processes; 'match' does not see a
 * delete or an 'any' in the same millisecond. Temporary files lie in
 * `.dmscdc-tmp/`, which is never listed; those of a process that died are removed by the next that writes.
 */
export function fileObjects(rootDir: string): ObjectStore {
  const root = resolve(rootDir)
  const place = root === '/' ? '/' : `${root}/`
  const listed = fileListing(root)

  /** Runs one call on checked keys; what the file system refuses becomes `unavailable`. */
  const calling = async <T>(
    verb: string,
    keys: readonly string[],
    effect: 'reads' | 'writes',
    work: () => Promise<T>,
  ): Promise<T> => {
    keys.forEach(checkKey)
    keys.forEach(refuseTemporary)
    try {
      return await work()
    } catch (thrown) {
      throw fileError(thrown, `${verb} ${shownKey(keys[0] ?? '')}`, { place, maybeApplied: effect === 'writes' })
    }
  }

  let swept: Promise<void> | undefined
  const sweep = () => {
    swept ??= removeAbandonedTemps(root)
    return swept
  }
  const putSwept = async (key: string, body: PutBody, condition: PutCondition) => {
    await sweep()
    return putFile(root, key, body, condition)
  }

  return {
    url: pathToFileURL(place).href,
    place,
    list: async (options) => {
      try {
        return await listed(options)
      } catch (thrown) {
        throw fileError(thrown, `list ${JSON.stringify(options.prefix)}`, { place, maybeApplied: false })
      }
    },
    head: (key) => calling('head', [key], 'reads', () => headFile(root, key)),
    get: (key, range) => calling('get', [key], 'reads', () => readObject(root, key, range)),
    put: (key, body, condition) => calling('put', [key], 'writes', () => putSwept(key, body, condition)),
    copy: (from, to) => calling('copy', [from, to], 'writes', () => copyFileTo(root, from, to)),
    putSpliced: (key, base, tail) =>
      calling('put', [key, base.from], 'writes', async () => {
        await sweep()
        return putSplicedFile(root, key, base, tail)
      }),
    deleteMany: (keys) => calling('delete', keys, 'writes', () => deleteFiles(root, keys)),
    async fetch(key, options = {}) {
      const read = <T>(work: () => Promise<T>) => calling('fetch', [key], 'reads', work)
      const copy = await read(() => fetchFile(root, key))
      const sha256 = () => read(() => sha256OfObject(root, key, copy?.etag ?? ''))
      return copy && { ...copy, sha256: options.sha256 ? sha256 : null }
    },
  }
}

/** What is written there could never be listed, so nobody would find it again. */
function refuseTemporary(key: string): void {
  if (!key.split('/').includes(tempFolder)) return
  throw new DmscdcError('invalid-config', `object key ${shownKey(key)}: ${tempFolder} is this program's own folder`, {
    hint: 'name another folder in the attributes out_path and folder of the row',
  })
}

async function headFile(root: string, key: string): Promise<ObjectInfo | null> {
  try {
    const stats = await lstat(join(root, key), { bigint: true })
    return stats.isFile() ? infoOf(key, stats) : null
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}

async function readObject(
  root: string,
  key: string,
  range?: ByteRange,
): Promise<{ body: Uint8Array; info: ObjectInfo } | null> {
  const file = await openObject(join(root, key))
  if (file === null) return null
  try {
    const stats = await file.stat({ bigint: true })
    if (!stats.isFile()) return null
    const info = infoOf(key, stats)
    return { body: await readSpan(file, spanOf(info.sizeBytes, range)), info }
  } finally {
    await file.close()
  }
}

/** Not through a symbolic link, and without waiting for the other end of a pipe. */
async function openObject(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (thrown) {
    if (isMissing(thrown) || hasCode(thrown, 'ELOOP', 'ENXIO')) return null
    throw thrown
  }
}

async function readSpan(file: FileHandle, span: ByteRange): Promise<Uint8Array> {
  const body = Buffer.alloc(span.length)
  let filled = 0
  while (filled < span.length) {
    const { bytesRead } = await file.read(body, filled, span.length - filled, span.start + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return body.subarray(0, filled)
}

/** The object's own path: there is nothing to copy, and nothing to release. */
async function fetchFile(root: string, key: string): Promise<Omit<LocalCopy, 'sha256'> | null> {
  const info = await headFile(root, key)
  return info && { path: join(root, key), etag: info.etag, release: async () => {} }
}

async function sha256OfObject(root: string, key: string, etag: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(join(root, key), { highWaterMark: 1 << 20 }), hash)
  if ((await headFile(root, key))?.etag === etag) return hash.digest('hex')
  throw new DmscdcError('unavailable', `fetch ${shownKey(key)}: it was written again while it was read`, {
    hint: 'run again',
  })
}
