import type { ByteRange } from './object-store.ts'

/**
 * The bytes of an object of `sizeBytes` that a range means: a negative start counts from the end and stops at the first
 * byte, and what lies behind the end is left out. Without a range, all bytes.
 */
export function spanOf(sizeBytes: number, range?: ByteRange): ByteRange {
  if (range === undefined) return { start: 0, length: sizeBytes }
  const start = Math.min(range.start < 0 ? Math.max(0, sizeBytes + range.start) : range.start, sizeBytes)
  return { start, length: Math.max(0, Math.min(range.length, sizeBytes - start)) }
}
