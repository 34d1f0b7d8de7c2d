import { createHash } from 'node:crypto'
import type { DataFile } from '../domain.ts'
import type { ByteRange, ObjectInfo, ObjectStore } from '../objects/object-store.ts'
import { segmentSpans } from './open-data.ts'

/** SHA-256 of an object as hex, read in pieces; null when it went away, or became shorter, meanwhile. */
export function hashObject(
  store: ObjectStore,
  { key, sizeBytes }: Pick<ObjectInfo, 'key' | 'sizeBytes'>,
): Promise<string | null> {
  return hashSpan(store, key, { start: 0, length: sizeBytes })
}

/** How an object differs from the data file that the log says it is; null: in no byte. `missing`: it went away, or became shorter, meanwhile. */
export async function differenceFrom(
  { segments }: Pick<DataFile, 'segments'>,
  store: ObjectStore,
  key: string,
): Promise<{ readonly kind: 'missing' } | { readonly kind: 'damaged'; readonly message: string } | null> {
  for (const { start, length, sha256 } of segmentSpans(segments)) {
    const found = await hashSpan(store, key, { start, length })
    if (found === null) return { kind: 'missing' }
    if (found !== sha256) {
      const where = `of bytes ${String(start)} to ${String(start + length)}`
      return { kind: 'damaged', message: `found content hash ${found} ${where}, expected ${sha256}` }
    }
  }
  return null
}

async function hashSpan(store: ObjectStore, key: string, span: ByteRange): Promise<string | null> {
  const hash = createHash('sha256')
  for (let at = 0; at < span.length; ) {
    const length = Math.min(pieceBytes, span.length - at)
    const piece = await store.get(key, { start: span.start + at, length })
    if (piece === null || piece.body.length === 0) return null
    hash.update(piece.body)
    at += piece.body.length
  }
  return hash.digest('hex')
}

const pieceBytes = 8 * 1_048_576
