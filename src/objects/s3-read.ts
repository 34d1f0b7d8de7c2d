import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from '@aws-sdk/client-s3'
import type { ByteRange, ObjectInfo } from './object-store.ts'
import { spanOf } from './ranges.ts'
import { isAnswer, isMissingObject, statusOf } from './s3-error.ts'
import { infoOfHeaders } from './s3-info.ts'
import { brokenAnswer, neverTheSame, request, type S3, transferMs } from './s3-request.ts'

export type Found = { readonly body: Uint8Array; readonly info: ObjectInfo }

const readsOfAChangingObjectMax = 5

export function headObject(s3: S3, key: string): Promise<ObjectInfo | null> {
  return request(s3, {
    verb: 'get',
    action: 'HeadObject',
    key: s3.prefix + key,
    effect: 'none',
    command: () => ({ command: new HeadObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key, ...s3.owner }) }),
    read: (output): ObjectInfo | null => infoOfHeaders(key, output),
    refused: (thrown) => (isMissingObject(thrown) ? null : undefined),
  })
}

/** One request, but for a range that HTTP cannot say, or that lies behind the end: these are cut by what HEAD says. */
export async function getObject(s3: S3, key: string, range?: ByteRange): Promise<Found | null> {
  if (range === undefined) return (await getBytes(s3, key, {})) as Found | null
  const header = rangeHeader(range)
  if (header !== null) {
    const found = await getBytes(s3, key, { range: header })
    if (found !== 'outside') return found === null ? null : cutIfWhole(found, range)
  }
  return getBySize(s3, key, range)
}

/** Also the bytes from a server that does not know ranges and sends all of them. */
function cutIfWhole(found: Found & { readonly isWhole: boolean }, range: ByteRange): Found {
  if (!found.isWhole) return found
  const { start, length } = spanOf(found.info.sizeBytes, range)
  return { body: found.body.subarray(start, start + length), info: found.info }
}

/** Null where HTTP has no words for it: nothing at all, or a piece before the end that does not reach it. */
export function rangeHeader({ start, length }: ByteRange): string | null {
  if (length <= 0) return null
  if (start >= 0) return `bytes=${start}-${start + length - 1}`
  return length >= -start ? `bytes=${start}` : null
}

async function getBySize(s3: S3, key: string, range: ByteRange): Promise<Found | null> {
  for (let attempt = 0; attempt < readsOfAChangingObjectMax; attempt++) {
    const info = await headObject(s3, key)
    if (info === null) return null
    const { start, length } = spanOf(info.sizeBytes, range)
    if (length === 0) return { body: new Uint8Array(), info }
    const found = await getBytes(s3, key, { range: `bytes=${start}-${start + length - 1}` })
    if (found !== null && found !== 'outside' && found.info.etag === info.etag) {
      return cutIfWhole(found, { start, length })
    }
  }
  throw neverTheSame(s3, s3.prefix + key)
}

type Got = Found & { readonly isWhole: boolean }

function getBytes(s3: S3, key: string, { range }: { range?: string }): Promise<Got | 'outside' | null> {
  return request(s3, {
    verb: 'get',
    action: 'GetObject',
    key: s3.prefix + key,
    effect: 'none',
    command: () => ({
      command: new GetObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key, Range: range, ...s3.owner }),
    }),
    read: async (output, allowMs): Promise<Got | 'outside' | null> => {
      allowMs(transferMs(output.ContentLength ?? 0))
      const body = await bodyBytes(output)
      return { body, info: infoOfHeaders(key, output), isWhole: output.ContentRange === undefined }
    },
    refused: (thrown) => {
      if (isMissingObject(thrown)) return null
      return isAnswer(thrown, 'InvalidRange') || statusOf(thrown) === 416 ? 'outside' : undefined
    },
  })
}

async function bodyBytes(output: GetObjectCommandOutput): Promise<Uint8Array> {
  const body = (await output.Body?.transformToByteArray()) ?? new Uint8Array()
  if (output.ContentLength !== undefined && output.ContentLength !== body.length) {
    throw brokenAnswer(output.ContentLength, body.length)
  }
  return body
}
