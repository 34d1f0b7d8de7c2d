import type { BigIntStats } from 'node:fs'
import type { ObjectInfo } from './object-store.ts'

/** A temporary file or a lock of this adapter: never an object. */
export const tempPrefix = '.dmscdc-tmp-'

export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return { key, sizeBytes: Number(stats.size), modifiedMs: Number(stats.mtimeNs / 1_000_000n), etag: etagOf(stats) }
}

/** Files are replaced, never written in place; so size, time and inode tell one content from the next. */
export function etagOf(stats: BigIntStats): string {
  return [stats.size, stats.mtimeNs, stats.ino].map((part) => part.toString(16)).join('-')
}
