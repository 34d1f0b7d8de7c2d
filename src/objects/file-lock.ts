import { randomBytes } from 'node:crypto'
import { link, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { DmscdcError } from '../errors.ts'
import { processMark } from '../own-process.ts'
import { hasCode, isMissing } from './file-error.ts'

/** A lock that nobody gave on for so long was left by a killed process. Locks are held for about a millisecond. */
const staleMs = 1_500
/** A holder that took so long (it was stopped, or the machine slept) must expect that its lock was taken over. */
const heldMsMax = 750

/**
 * Runs `work` while no other process runs it under the same `path`, a file name in an existing directory. `work` calls
 * `assertHeld` right before its effect; it throws `unavailable` when the lock may have been taken over.
 * A lock left by a killed process is taken over after 1.5 s: by who has seen the same holder in it all that time, so
 * that no clock of another machine counts.
 */
export async function withFileLock<T>(path: string, work: (assertHeld: () => void) => Promise<T>): Promise<T> {
  const token = await acquire(path)
  const sinceMs = performance.now()
  try {
    return await work(() => assertFresh(sinceMs))
  } finally {
    if ((await holderOf(path)) === token) await rm(path, { force: true })
  }
}

/** The token is linked in as a whole, so a lock is never seen without its holder. */
async function acquire(path: string): Promise<string> {
  const token = `${processMark()}-${randomBytes(6).toString('hex')}`
  const own = `${path}.${token}`
  await writeFile(own, token, { flag: 'wx' })
  try {
    let seen: { holder: string | null; sinceMs: number } = { holder: null, sinceMs: 0 }
    while (!(await linked(own, path))) {
      const holder = await holderOf(path)
      if (holder !== seen.holder) seen = { holder, sinceMs: performance.now() }
      else if (holder !== null && performance.now() - seen.sinceMs > staleMs) await removeStale(path, holder)
      await sleep(1 + Math.random() * 4)
    }
    return token
  } finally {
    await unlink(own)
  }
}

/**
 * Only who holds the lock named after a dead holder removes that holder's lock: two that both found it dead could
 * otherwise remove the lock that the faster one has taken since.
 */
async function removeStale(path: string, holder: string): Promise<void> {
  await withFileLock(`${path}-${holder}`, async (assertHeld) => {
    if ((await holderOf(path)) !== holder) return
    assertHeld()
    await rm(path, { force: true })
  })
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path)
    return true
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return false
    throw thrown
  }
}

async function holderOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}

function assertFresh(sinceMs: number): void {
  if (performance.now() - sinceMs < heldMsMax) return
  throw new DmscdcError('unavailable', `write under a file lock: took more than ${heldMsMax} ms, nothing was written`, {
    hint: 'run again; if it comes back, the disk or the machine is overloaded',
  })
}
