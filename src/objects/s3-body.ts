import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { fileError } from './file-error.ts'
import { shownKey } from './keys.ts'
import type { ByteRange, PutBody } from './object-store.ts'
import type { S3 } from './s3-request.ts'

/** Larger pieces are streamed from the disk; smaller ones go out with their length and checksum in front. */
const inMemoryBytesMax = 1_048_576

export type Piece =
  | { readonly body: Uint8Array; readonly stream?: never }
  | { readonly stream: Readable; readonly body?: never }

export async function bodySize(s3: S3, key: string, body: PutBody): Promise<number> {
  if (body instanceof Uint8Array) return body.length
  return fromDisk(s3, key, async () => (await stat(body.scratchFile)).size)
}

/** A part of the body, ready to be sent once. A stream must be destroyed if it was not read to its end. */
export async function pieceOf(s3: S3, key: string, body: PutBody, span: ByteRange): Promise<Piece> {
  const { start, length } = span
  if (body instanceof Uint8Array) return { body: body.subarray(start, start + length) }
  if (length > inMemoryBytesMax) {
    return { stream: createReadStream(body.scratchFile, { start, end: start + length - 1, highWaterMark: 1 << 18 }) }
  }
  return { body: await fromDisk(s3, key, () => readSpan(body.scratchFile, span)) }
}

async function readSpan(path: string, { start, length }: ByteRange): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function fromDisk<T>(s3: S3, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw fileError(thrown, `put ${shownKey(key)}`, { place: s3.scratchDir, maybeApplied: false })
  }
}
