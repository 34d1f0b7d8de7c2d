import { createHash } from 'node:crypto'
import type { ObjectInfo, ObjectStore } from '../objects/object-store.ts'

/** SHA-256 of an object as hex, read in pieces; null when it went away, or became shorter, meanwhile. */
export async function hashObject(
  store: ObjectStore,
  { key, sizeBytes }: Pick<ObjectInfo, 'key' | 'sizeBytes'>,
): Promise<string | null> {
  const hash = createHash('sha256')
  for (let start = 0; start < sizeBytes; ) {
    const piece = await store.get(key, { start, length: Math.min(pieceBytes, sizeBytes - start) })
    if (piece === null || piece.body.length === 0) return null
    hash.update(piece.body)
    start += piece.body.length
  }
  return hash.digest('hex')
}

const pieceBytes = 8 * 1_048_576
