import { constants, createReadStream } from 'node:fs'
import { copyFile, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isMissing } from './file-error.ts'
import { inDirectory, inTempFolder, newTemp, removeTemp, syncDirectory } from './file-write.ts'
import type { PutBody, SplicedBase, SplicedTail, SpliceOutcome } from './object-store.ts'

/** The kernel copies (or shares, where the file system can) the base, while the tail may be on its way; the tail goes behind it; then the file gets its name. */
export async function putSplicedFile(
  root: string,
  key: string,
  base: SplicedBase,
  tail: SplicedTail,
): Promise<SpliceOutcome> {
  const target = join(root, key)
  const temp = newTemp(root)
  try {
    const written = await inTempFolder(temp, () => writeSpliced(join(root, base.from), temp, base.bytes, tail))
    if (written !== 'stored') return written
    await inDirectory(dirname(target), () => rename(temp, target))
  } finally {
    await removeTemp(temp)
  }
  await syncDirectory(dirname(target))
  return 'stored'
}

async function writeSpliced(source: string, temp: string, bytes: number, tail: SplicedTail): Promise<SpliceOutcome> {
  const size = await sizeOf(source)
  if (size === null || size < bytes) return 'missing'
  await copyFile(source, temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  const file = await open(temp, 'a')
  try {
    await file.truncate(bytes)
    // What is on the disk before the tail comes need not be waited for after it.
    await file.datasync()
    const body = await tail
    if (body === null) return 'dropped'
    for await (const part of partsOf(body)) await file.writeFile(part)
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
