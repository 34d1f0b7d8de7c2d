import { createHash, randomUUID } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { copyFile, link, lstat, mkdir, open, readdir, rename, rm, rmdir, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DmscdcError } from '../errors.ts'
import { isOfDeadProcess, processMark } from '../own-process.ts'
import { fileError, hasCode, isMissing } from './file-error.ts'
import { etagOf, tempFolder } from './file-info.ts'
import { withFileLock } from './file-lock.ts'
import { shownKey } from './keys.ts'
import type { PutBody, PutCondition, PutOutcome } from './object-store.ts'

const failed: PutOutcome = { kind: 'precondition-failed' }

/** Writes a temporary file, to the disk, then gives it its name in one step: whole or not at all, whenever the machine stops. */
export async function putFile(root: string, key: string, body: PutBody, condition: PutCondition): Promise<PutOutcome> {
  const target = join(root, key)
  const before = await statsOf(target)
  if (condition.kind === 'absent' && before?.isFile()) return failed
  if (condition.kind === 'match' && !matches(before, condition.etag)) return failed
  const temp = await beforeEffect(key, root, async () => {
    await inDirectory(dirname(target), async () => {})
    return writeTemp(root, body)
  })
  try {
    const outcome = await inDirectory(dirname(target), () => give(root, temp, target, condition))
    if (outcome.kind === 'stored') await syncDirectory(dirname(target))
    return outcome
  } finally {
    await removeTemp(temp)
  }
}

/** Hard link to a temporary name, renamed over the target. */
export async function copyFileTo(root: string, from: string, to: string): Promise<'copied' | 'missing'> {
  const source = join(root, from)
  const target = join(root, to)
  if (!(await statsOf(source))?.isFile()) return 'missing'
  const temp = newTemp(root)
  try {
    await inTempFolder(temp, () => linkOrCopy(source, temp))
    await inDirectory(dirname(target), () => rename(temp, target))
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT') && (await statsOf(source)) === null) return 'missing'
    throw thrown
  } finally {
    await removeTemp(temp) // renaming a link over another link of the same file leaves both names
  }
  await syncDirectory(dirname(target))
  return 'copied'
}

async function give(root: string, temp: string, target: string, condition: PutCondition): Promise<PutOutcome> {
  switch (condition.kind) {
    case 'absent':
      return (await linkedAbsent(temp, target)) ? stored(temp) : failed
    case 'any':
      return replace(temp, target, await statsOf(target))
    case 'match':
      return withFileLock(lockOf(root, target), async (assertHeld) => {
        const current = await statsOf(target)
        if (!matches(current, condition.etag)) return failed
        assertHeld()
        return replace(temp, target, current)
      })
  }
}

/** The link is the one step that only one of many writers can take. */
async function linkedAbsent(temp: string, target: string): Promise<boolean> {
  try {
    await link(temp, target)
    return true
  } catch (thrown) {
    if (!hasCode(thrown, 'EEXIST')) throw thrown
    const there = await statsOf(target)
    if (there !== null && !there.isFile()) throw thrown
    return false
  }
}

/** The ETag is read from the temporary file: the target may be another writer's a moment later. */
async function replace(temp: string, target: string, before: BigIntStats | null): Promise<PutOutcome> {
  if (before !== null) await makeNewer(temp, before)
  const outcome = await stored(temp)
  await rename(temp, target)
  return outcome
}

async function stored(temp: string): Promise<PutOutcome> {
  return { kind: 'stored', etag: etagOf(await lstat(temp, { bigint: true })) }
}

/**
 * Kernels stamp files in steps of milliseconds and use inodes again, so a file could get the ETag of the one before the
 * last. Each content is therefore newer than the one that it replaces, by 10 µs if need be.
 */
async function makeNewer(temp: string, before: BigIntStats): Promise<void> {
  const { mtimeNs } = await lstat(temp, { bigint: true })
  if (mtimeNs > before.mtimeNs) return
  const newer = Number(before.mtimeNs / 1_000n + 10n) / 1e6
  await utimes(temp, newer, newer)
}

function matches(stats: BigIntStats | null, etag: string): boolean {
  return stats?.isFile() === true && etagOf(stats) === etag
}

async function statsOf(path: string): Promise<BigIntStats | null> {
  try {
    return await lstat(path, { bigint: true })
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}

// ---- temporary files --------------------------------------------------------------------------------------------

async function writeTemp(root: string, body: PutBody): Promise<string> {
  const temp = newTemp(root)
  try {
    if (body instanceof Uint8Array) await inTempFolder(temp, () => writeBytes(temp, body))
    else {
      await syncFile(body.scratchFile)
      await inTempFolder(temp, () => linkOrCopy(body.scratchFile, temp))
    }
    return temp
  } catch (thrown) {
    await removeTemp(temp)
    throw thrown
  }
}

async function writeBytes(path: string, body: Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(body)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A copy where the file system, or the owner of the file, has no hard link for us. */
async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target)
  } catch (thrown) {
    if (!hasCode(thrown, 'EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'ENOSYS')) throw thrown
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await syncFile(target)
  }
}

export function newTemp(root: string): string {
  return join(root, tempFolder, `${processMark()}-${randomUUID()}`)
}

function lockOf(root: string, target: string): string {
  return join(root, tempFolder, `lock-${createHash('sha256').update(target).digest('hex').slice(0, 16)}`)
}

/** The folder is there while it is needed: nobody looks for what is in it, so it is not synced. */
export async function inTempFolder<T>(temp: string, write: () => Promise<T>): Promise<T> {
  return again(async () => {
    await mkdir(dirname(temp), { recursive: true })
    return write()
  })
}

export async function removeTemp(temp: string): Promise<void> {
  await rm(temp, { force: true })
  await rmdir(dirname(temp)).catch(() => {}) // Another put is under way.
}

/** Removes the temporary files of processes that were killed while they wrote. */
export async function removeAbandonedTemps(root: string): Promise<void> {
  const folder = join(root, tempFolder)
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    const mark = /(?:^|\.)(\d+-\d+)-[\da-f-]+$/u.exec(name)?.[1]
    if (mark !== undefined && isOfDeadProcess(mark)) await rm(join(folder, name), { force: true })
  }
}

/** Errors up to here are certainly without effect. */
async function beforeEffect<T>(key: string, place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw thrown instanceof DmscdcError
      ? thrown
      : fileError(thrown, `put ${shownKey(key)}`, { place, maybeApplied: false })
  }
}

// ---- directories and the disk -------------------------------------------------------------------------------------

/** Makes the directory and writes into it. */
export async function inDirectory<T>(directory: string, write: () => Promise<T>): Promise<T> {
  return again(async () => {
    await makeDirectory(directory)
    return write()
  })
}

/** Once more if a delete, which removes empty directories, came between. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (thrown) {
      if (!hasCode(thrown, 'ENOENT') || attempt === 50) throw thrown
    }
  }
}

async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true })
  if (first === undefined) return
  for (let made = directory; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made))
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** So that the new name survives a power cut. A directory that is gone again has no name to keep. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await syncFile(path)
  } catch (thrown) {
    if (!hasCode(thrown, 'ENOENT', 'EINVAL', 'ENOTSUP')) throw thrown
  }
}
