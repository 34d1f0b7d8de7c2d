import type { BigIntStats } from 'node:fs'
import type { ObjectInfo } from './object-store.ts'

/** The folder below the root for temporary files and locks of this adapter: nothing in it is an object. */
export const tempFolder = '.dmscdc-tmp'

export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return { key, sizeBytes: Number(stats.size), modifiedMs: Number(stats.mtimeNs / 1_000_000n), etag: etagOf(stats) }
}

/** Files are replaced, never written in place; so size, time and inode tell one content from the next. */
export function etagOf(stats: BigIntStats): string {
  return [stats.size, stats.mtimeNs, stats.ino].map((part) => part.toString(16)).join('-')
}
