import type { ByteRange, PutBody, SplicedBase } from './object-store.ts'
import { bodySize, pieceOf } from './s3-body.ts'
import { partCopier } from './s3-copy.ts'
import { evenSpans, uploadByParts } from './s3-multipart.ts'
import { getObject, headObject } from './s3-read.ts'
import { neverTheSame, type S3 } from './s3-request.ts'
import { partSender, putObject } from './s3-write.ts'

/** S3 takes no part but the last below this size. */
export const partBytesMin = 5 * 1_048_576

/**
 * The base is copied by S3 itself, only if it is the object that was measured (some endpoints copy fewer bytes than they were asked for without
 * a word); the tail is the last part. Four requests and a HEAD; a base too small for a part passes through here.
 */
export async function putSplicedObject(
  s3: S3,
  key: string,
  base: SplicedBase,
  tail: PutBody,
): Promise<'stored' | 'missing'> {
  if (base.bytes < partBytesMin) return putJoined(s3, key, base, tail)
  const source = await headObject(s3, base.from)
  if (source === null || source.sizeBytes < base.bytes) return 'missing'
  const copied = splicedSpans(base.bytes, s3.limits.copyPartBytes)
  const sent = splicedSpans(await bodySize(s3, key, tail), s3.limits.putBytesMax)
  const copyPart = partCopier(s3, source, key)
  const sendPart = partSender(s3, key, tail)
  const outcome = await uploadByParts(s3, {
    key,
    spans: [...copied, ...sent],
    condition: { kind: 'any' },
    verb: 'put',
    sendPart: (part) => (part.partNumber <= copied.length ? copyPart(part) : sendPart(part)),
  })
  if (outcome.kind === 'stored') return 'stored'
  throw neverTheSame(s3, s3.prefix + key)
}

async function putJoined(s3: S3, key: string, base: SplicedBase, tail: PutBody): Promise<'stored' | 'missing'> {
  const found = await getObject(s3, base.from, { start: 0, length: base.bytes })
  if (found === null || found.body.length < base.bytes) return 'missing'
  const piece = await pieceOf(s3, key, tail, { start: 0, length: await bodySize(s3, key, tail) })
  const parts: Uint8Array[] = [found.body]
  if (piece.body !== undefined) parts.push(piece.body)
  else for await (const part of piece.stream as AsyncIterable<Uint8Array>) parts.push(part)
  const outcome = await putObject(s3, key, Buffer.concat(parts), { kind: 'any' })
  if (outcome.kind === 'stored') return 'stored'
  throw neverTheSame(s3, s3.prefix + key)
}

/** Of one size, so that none of them is below S3's least. */
export function splicedSpans(bytes: number, partBytesMax: number): readonly ByteRange[] {
  return evenSpans(bytes, Math.ceil(bytes / Math.ceil(bytes / partBytesMax)))
}
