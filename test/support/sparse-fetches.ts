import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ByteRange, ObjectStore } from '../../src/objects/object-store.ts'
import { spanOf } from '../../src/objects/ranges.ts'

/** The store, of whose objects only the ranges that are asked for can be read, as of one that is not on this machine. */
export function sparseFetches(store: ObjectStore, folder: string): ObjectStore {
  let made = 0
  return {
    ...store,
    async fetch(key, options = {}) {
      const { ranges } = options
      const found = ranges === undefined ? null : await store.get(key)
      if (ranges === undefined || found === null) return store.fetch(key, options)
      await mkdir(folder, { recursive: true })
      const path = join(folder, String(++made))
      await writeSparse(path, found.body, ranges)
      return { path, etag: found.info.etag, sha256: null, release: () => rm(path, { force: true }) }
    },
  }
}

async function writeSparse(path: string, body: Uint8Array, ranges: readonly ByteRange[]): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.truncate(body.length)
    for (const range of ranges) {
      const { start, length } = spanOf(body.length, range)
      await file.write(body, start, length, start)
    }
  } finally {
    await file.close()
  }
}
