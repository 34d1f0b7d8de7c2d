import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import type { ObjectInfo } from './object-store.ts'
import { isAnswer, isMissingObject, isPreconditionFailed, s3Error } from './s3-error.ts'
import { donePart, evenSpans, type SendPart, uploadByParts } from './s3-multipart.ts'
import { headObject } from './s3-read.ts'
import { neverTheSame, request, type S3 } from './s3-request.ts'

/** S3 works, without a word or with spaces, until the copy is made. */
const copyMs = 600_000

/**
 * One request; by parts where S3 says that the object is too large for it (so small ones cost no HEAD). S3 refuses to copy an object
 * onto itself: there is nothing to do.
 */
export async function copyObject(s3: S3, from: string, to: string): Promise<'copied' | 'missing'> {
  if (from === to) return (await headObject(s3, from)) === null ? 'missing' : 'copied'
  const copied = await copyAtOnce(s3, from, to)
  if (typeof copied === 'string') return copied
  const info = await headObject(s3, from)
  if (info === null) return 'missing'
  if (info.sizeBytes > s3.limits.copyBytesMax) return copyByParts(s3, info, to)
  throw s3Error(copied.refusal, { action: 'CopyObject', bucket: s3.bucket, key: s3.prefix + to }, false)
}

type Copied = 'copied' | 'missing' | { readonly refusal: unknown }

function copyAtOnce(s3: S3, from: string, to: string): Promise<Copied> {
  return request(s3, {
    verb: 'copy',
    action: 'CopyObject',
    key: s3.prefix + to,
    effect: 'repeatable',
    deadlineMs: copyMs,
    command: () => ({
      command: new CopyObjectCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + to,
        CopySource: copySource(s3, from),
        ...s3.encryption,
        ...ownerOfBoth(s3),
      }),
    }),
    read: (): Copied => 'copied',
    refused: (thrown) => {
      if (isMissingObject(thrown)) return 'missing'
      return isAnswer(thrown, 'InvalidRequest') ? { refusal: thrown } : undefined
    },
  })
}

async function copyByParts(s3: S3, source: ObjectInfo, to: string): Promise<'copied'> {
  const outcome = await uploadByParts(s3, {
    key: to,
    spans: evenSpans(source.sizeBytes, s3.limits.copyPartBytes),
    condition: { kind: 'any' },
    verb: 'copy',
    sendPart: partCopier(s3, source, to),
  })
  if (outcome.kind === 'stored') return 'copied'
  throw neverTheSame(s3, s3.prefix + source.key)
}

/** Each part only of the object that was measured: one that replaces it meanwhile must not be mixed in. */
export function partCopier(s3: S3, source: ObjectInfo, to: string): SendPart {
  return async ({ uploadId, partNumber, span }) => {
    const part = await request(s3, {
      verb: 'copy',
      action: 'UploadPartCopy',
      key: s3.prefix + to,
      effect: 'none',
      deadlineMs: copyMs,
      command: () => ({
        command: new UploadPartCopyCommand({
          Bucket: s3.bucket,
          Key: s3.prefix + to,
          UploadId: uploadId,
          PartNumber: partNumber,
          CopySource: copySource(s3, source.key),
          CopySourceIfMatch: `"${source.etag}"`,
          CopySourceRange: `bytes=${span.start}-${span.start + span.length - 1}`,
          ...ownerOfBoth(s3),
        }),
      }),
      read: (output) => donePart(partNumber, output.CopyPartResult ?? {}),
      refused: (thrown) => (isPreconditionFailed(thrown) || isMissingObject(thrown) ? null : undefined),
    })
    if (part === null) throw neverTheSame(s3, s3.prefix + source.key)
    return part
  }
}

/** A header takes no letters beyond ASCII, and a `+` or `%` of the key would be read as an escape. */
function copySource(s3: S3, key: string): string {
  return [s3.bucket, ...(s3.prefix + key).split('/')].map(encodeURIComponent).join('/')
}

function ownerOfBoth({ owner }: S3) {
  return { ...owner, ExpectedSourceBucketOwner: owner.ExpectedBucketOwner }
}
