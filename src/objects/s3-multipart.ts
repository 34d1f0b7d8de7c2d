import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { DmscdcError } from '../errors.ts'
import type { ByteRange, PutCondition, PutOutcome } from './object-store.ts'
import type { RequestVerb } from './request-ledger.ts'
import { conditionEffect, conditionHeaders, conditionRefused } from './s3-condition.ts'
import { isAnswer, statusOf, subjectText } from './s3-error.ts'
import { etagText } from './s3-info.ts'
import { request, type S3 } from './s3-request.ts'

/** Sends one part, as often as it takes. */
export type SendPart = (part: {
  readonly uploadId: string
  readonly partNumber: number
  readonly span: ByteRange
}) => Promise<CompletedPart>

export type Upload = {
  readonly key: string
  /** The parts, in their order. */
  readonly spans: readonly ByteRange[]
  readonly condition: PutCondition
  readonly verb: RequestVerb
  readonly sendPart: SendPart
}

const partsMax = 10_000
const partsAtOnce = 4
const uploadsMax = 3
/** Joining thousands of parts takes S3 minutes; it keeps the connection awake meanwhile. */
const completeMs = 600_000

/**
 * A multipart upload; the object comes into being, whole, with its last request, on which the condition stands. Whatever fails is
 * aborted, so that no parts are stored and billed for. A 409 at the end voids the upload: then it is made anew.
 */
export async function uploadByParts(s3: S3, upload: Upload): Promise<PutOutcome> {
  for (let attempt = 1; attempt <= uploadsMax; attempt++) {
    const outcome = await uploadOnce(s3, upload)
    if (outcome.kind !== 'void') return outcome
  }
  const subject = { action: 'CompleteMultipartUpload', bucket: s3.bucket, key: s3.prefix + upload.key }
  throw new DmscdcError('unavailable', `${subjectText(subject)}: conflicted with another writer ${uploadsMax} times`, {
    hint: 'find out what else writes this object, then run again',
    maybeApplied: conditionEffect(upload.condition) === 'repeatable',
  })
}

type UploadOutcome = PutOutcome | { readonly kind: 'void' }

async function uploadOnce(s3: S3, upload: Upload): Promise<UploadOutcome> {
  const uploadId = await create(s3, upload)
  let outcome: UploadOutcome = { kind: 'void' }
  try {
    outcome = await complete(s3, upload, uploadId, await sendParts(upload, uploadId))
    return outcome
  } finally {
    if (outcome.kind !== 'stored') await abort(s3, upload, uploadId)
  }
}

async function create(s3: S3, { key, verb }: Upload): Promise<string> {
  const withChecksums = (await s3.client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED'
  return request(s3, {
    verb,
    action: 'CreateMultipartUpload',
    key: s3.prefix + key,
    effect: 'none',
    command: () => ({
      command: new CreateMultipartUploadCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        ChecksumAlgorithm: withChecksums ? 'CRC32' : undefined,
        ...s3.encryption,
        ...s3.owner,
      }),
    }),
    read: (output) => {
      if (output.UploadId === undefined) throw new Error('the answer has no upload id')
      return output.UploadId
    },
  })
}

/** After a failure no further part is begun, and those under way are waited for: an abort does not reach them. */
async function sendParts(upload: Upload, uploadId: string): Promise<CompletedPart[]> {
  const limit = pLimit(partsAtOnce)
  let failed = false
  const sent = upload.spans.map((span, at) =>
    limit(async () => {
      if (failed) return {}
      try {
        return await upload.sendPart({ uploadId, partNumber: at + 1, span })
      } catch (thrown) {
        failed = true
        throw thrown
      }
    }),
  )
  await Promise.allSettled(sent)
  return Promise.all(sent)
}

/** Parts of at least that size; it grows where the object would have more parts than S3 takes. */
export function evenSpans(sizeBytes: number, partBytes: number): readonly ByteRange[] {
  const length = Math.max(partBytes, Math.ceil(sizeBytes / partsMax))
  return Array.from({ length: Math.ceil(sizeBytes / length) }, (_, at) => ({
    start: at * length,
    length: Math.min(length, sizeBytes - at * length),
  }))
}

function complete(s3: S3, upload: Upload, uploadId: string, parts: CompletedPart[]): Promise<UploadOutcome> {
  const { key, condition, verb } = upload
  return request(s3, {
    verb,
    action: 'CompleteMultipartUpload',
    key: s3.prefix + key,
    effect: conditionEffect(condition),
    deadlineMs: completeMs,
    command: () => ({
      command: new CompleteMultipartUploadCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        UploadId: uploadId,
        MultipartUpload: { Parts: parts },
        ...conditionHeaders(condition),
        ...s3.owner,
      }),
    }),
    read: (output): UploadOutcome => ({ kind: 'stored', etag: etagText(output.ETag) }),
    refused: (thrown) => {
      // Without the upload, an earlier attempt may have completed it: only making it anew settles that.
      if (statusOf(thrown) === 409 || isAnswer(thrown, 'NoSuchUpload')) return { kind: 'void' }
      return conditionRefused(thrown, condition)
    },
  })
}

/** What cannot be aborted now goes by the bucket's lifecycle rule; the first error is the one to report. */
async function abort(s3: S3, { key }: Upload, uploadId: string): Promise<void> {
  await request(s3, {
    verb: 'delete',
    action: 'AbortMultipartUpload',
    key: s3.prefix + key,
    effect: 'none',
    command: () => ({
      command: new AbortMultipartUploadCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        UploadId: uploadId,
        ...s3.owner,
      }),
    }),
    read: () => {},
  }).catch(() => {})
}

/** A part as the last request lists it, with the checksum by which S3 compares. */
export function donePart(partNumber: number, output: Omit<CompletedPart, 'PartNumber'>): CompletedPart {
  const { ETag, ChecksumCRC32 } = output
  return { PartNumber: partNumber, ETag, ChecksumCRC32 }
}
