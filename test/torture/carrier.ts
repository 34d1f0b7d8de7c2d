import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import pLimit from 'p-limit'
import type { Random } from '../e2e/seeded-random.ts'
import type { Tally } from './tally.ts'

/** Where files arrive: each whole or not at all, with the date of its arrival. */
export type Landing = {
  put(key: string, path: string): Promise<void>
  remove(key: string): Promise<void>
}

/**
 * Carries what DMS wrote into the landing in the order in which it was written, and holds some files back, so that they turn up after later
 * ones. What DMS deletes is deleted.
 */
export type Carrier = {
  /** All files of a table (or of all) have arrived; none is held back, and what comes now has a later date. */
  settle(table: string | null): Promise<void>
  stop(): Promise<void>
}

type Written = { readonly key: string; readonly identity: string; readonly writtenMs: number }

const holdMsMax = 45_000
const heldOneIn = 10
const passEveryMs = 100

export function openCarrier(world: {
  readonly outbox: string
  readonly landing: Landing
  readonly datesDifferMs: number
  readonly random: Random
  readonly tally: Tally
  readonly isRedelivery: (key: string) => boolean
  readonly lateLoads: (key: string) => boolean
}): Carrier {
  const { outbox, landing, random, tally } = world
  const oneByOne = pLimit(1)
  const carried = new Map<string, string>()
  const held = new Map<string, { readonly identity: string; readonly untilMs: number }>()
  let failure: unknown = null

  /** Whether it saw all of the outbox. */
  const pass = async (isHurried: (key: string) => boolean): Promise<boolean> => {
    const files = await filesIn(outbox)
    if (files === null) return false
    const present = new Set(files.map(({ key }) => key))
    for (const key of [...carried.keys()].filter((known) => !present.has(known))) {
      await landing.remove(key)
      carried.delete(key)
      held.delete(key)
    }
    for (const { key, identity } of files) {
      if (carried.get(key) === identity) continue
      if (!isHurried(key) && mustWait(key, identity, files)) {
        // DMS deleted the one before, though not the pass that would have seen it gone.
        if (carried.delete(key)) await landing.remove(key)
        continue
      }
      // Gone again: the next pass sees the table without it.
      if (!(await isCarried(landing, key, join(outbox, key)))) return false
      if (held.get(key)?.identity === identity) {
        tally.add('late files')
        tally.note('late', { key })
      }
      tally.add(isLoad(key) ? 'LOAD files' : 'change files')
      if (world.isRedelivery(key)) tally.add('redelivered files')
      held.delete(key)
      carried.set(key, identity)
    }
    return true
  }
  const mustWait = (key: string, identity: string, files: readonly Written[]) => {
    const known = held.get(key)
    if (known?.identity === identity) return known.untilMs > Date.now()
    const mayBeLate = !isLoad(key) || (world.lateLoads(key) && isNotFirst(key, files))
    if (!mayBeLate || random.below(heldOneIn) > 0) return false
    held.set(key, { identity, untilMs: Date.now() + random.below(holdMsMax) })
    return true
  }

  let isStopped = false
  const loop = (async () => {
    while (!isStopped) {
      await oneByOne(() => pass(() => false)).catch((error: unknown) => {
        failure ??= error
      })
      await new Promise((resolve) => setTimeout(resolve, passEveryMs))
    }
  })()
  return {
    settle: (table) =>
      oneByOne(async () => {
        if (failure !== null) throw failure
        while (!(await pass((key) => table === null || key.split('/')[1] === table)));
        await new Promise((resolve) => setTimeout(resolve, world.datesDifferMs))
      }),
    async stop() {
      isStopped = true
      await loop
    },
  }
}

const isLoad = (key: string) => key.includes('/LOAD')

/**
 * The first LOAD file is never late: a change file that came before all of them would be older than the full load, by its name and its date. DMS
 * writes no change file before it has written the LOAD files.
 */
function isNotFirst(key: string, files: readonly Written[]): boolean {
  const folder = key.slice(0, key.lastIndexOf('/'))
  return files.find((file) => file.key.startsWith(`${folder}/LOAD`))?.key !== key
}

/** In the order in which they were written; null where a folder went while it was read, which must not pass for an empty one. */
async function filesIn(folder: string): Promise<readonly Written[] | null> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    },
  )
  if (entries === null) return null
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
  const written = await Promise.all(
    files.map(async (entry): Promise<Written | null> => {
      const path = join(entry.parentPath, entry.name)
      const found = await stat(path, { bigint: true }).catch(() => null)
      if (found === null) return null
      const key = path.slice(folder.length + 1)
      return { key, identity: `${String(found.mtimeNs)}/${String(found.ino)}`, writtenMs: Number(found.mtimeNs) / 1e6 }
    }),
  )
  return written.flatMap((file) => file ?? []).sort((a, b) => a.writtenMs - b.writtenMs || (a.key < b.key ? -1 : 1))
}

async function isCarried(landing: Landing, key: string, path: string): Promise<boolean> {
  try {
    await landing.put(key, path)
    return true
  } catch (error) {
    if (existsSync(path)) throw error
    return false
  }
}
