import { constants, createReadStream } from 'node:fs'
import { copyFile, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isMissing } from './file-error.ts'
import { inDirectory, inTempFolder, newTemp, removeTemp, syncDirectory } from './file-write.ts'
import type { PutBody, SplicedBase } from './object-store.ts'

/** The kernel copies (or shares, where the file system can) the base; the tail goes behind it; then the file gets its name. */
export async function putSplicedFile(
  root: string,
  key: string,
  base: SplicedBase,
  tail: PutBody,
): Promise<'stored' | 'missing'> {
  const target = join(root, key)
  const temp = newTemp(root)
  try {
    const written = await inTempFolder(temp, () => writeSpliced(join(root, base.from), temp, base.bytes, tail))
    if (written === 'missing') return 'missing'
    await inDirectory(dirname(target), () => rename(temp, target))
  } finally {
    await removeTemp(temp)
  }
  await syncDirectory(dirname(target))
  return 'stored'
}

async function writeSpliced(source: string, temp: string, bytes: number, tail: PutBody): Promise<'stored' | 'missing'> {
  const size = await sizeOf(source)
  if (size === null || size < bytes) return 'missing'
  await copyFile(source, temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  const file = await open(temp, 'r+')
  try {
    await file.truncate(bytes)
    let end = bytes
    for await (const part of partsOf(tail)) {
      await file.write(part, 0, part.length, end)
      end += part.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return 'stored'
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stats = await file.stat()
      return stats.isFile() ? stats.size : null
    } finally {
      await file.close()
    }
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}

async function* partsOf(body: PutBody): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body
  else yield* createReadStream(body.scratchFile, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>
}
