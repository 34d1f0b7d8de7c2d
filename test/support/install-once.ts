import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const cacheDir = fileURLToPath(new URL('../../.cache/', import.meta.url))
/** Written last: a folder without it is half made. */
const complete = '.complete'

/**
 * The folder `.cache/<name>`, filled by `install` when it is not there; made once, also when several workers ask at a time.
 * `install` fills a folder beside it that is then renamed, so what it makes must not depend on its own path.
 */
export async function installedOnce(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const home = join(cacheDir, name)
  await doneOnce(name, { isDone: () => exists(join(home, complete)), work: () => fill(home, install) })
  return home
}

/** Works until it is done: one process at a time, and whoever waited for it does not do it again. */
export async function doneOnce(
  name: string,
  { isDone, work }: { readonly isDone: () => Promise<boolean>; readonly work: () => Promise<void> },
): Promise<void> {
  await mkdir(cacheDir, { recursive: true })
  const workOnce = async () => {
    if (!(await isDone())) await work()
  }
  while (!(await isDone())) if (!(await locked(join(cacheDir, `${name}.lock`), workOnce))) await sleep(250)
}

/** What `start` gives; where it fails on a laptop null, with one loud line. Under CI that is an error: nothing is skipped there. */
export async function orSkipped<T>(what: string, start: () => Promise<T>): Promise<T | null> {
  try {
    return await start()
  } catch (cause) {
    if (process.env.CI) throw new Error(`${what} does not start, and under CI no test may be skipped`, { cause })
    const reason = String(cause instanceof Error ? cause.message : cause)
      .trim()
      .split('\n')
      .at(-1)
    process.stderr.write(`\n!!! NO ${what.toUpperCase()}: its tests are skipped (${reason})\n`)
    return null
  }
}

async function fill(home: string, install: (folder: string) => Promise<void>): Promise<void> {
  const building = `${home}.${process.pid}.tmp`
  try {
    await mkdir(building, { recursive: true })
    await install(building)
    await writeFile(join(building, complete), '')
    await rm(home, { recursive: true, force: true })
    await rename(building, home)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

/** Does the work if no other process holds the lock; false if one does. The lock of a dead process is taken off. */
async function locked(lock: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' })
  } catch {
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''))
    if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true })
    return false
  }
  try {
    await work()
    return true
  } finally {
    await rm(lock, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
