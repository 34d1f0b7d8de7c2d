import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import type { PutBody, PutCondition, PutOutcome } from './object-store.ts'
import { bodySize, pieceOf } from './s3-body.ts'
import { conditionEffect, conditionHeaders, conditionRefused } from './s3-condition.ts'
import { etagText } from './s3-info.ts'
import { donePart, evenSpans, type SendPart, uploadByParts } from './s3-multipart.ts'
import { request, type S3, transferMs } from './s3-request.ts'

/**
 * One request, or a multipart upload above `putBytesMax`. A conditional put is never sent again after an attempt that was
 * perhaps applied: it would meet its own object and take it for another writer's.
 */
export async function putObject(s3: S3, key: string, body: PutBody, condition: PutCondition): Promise<PutOutcome> {
  const sizeBytes = await bodySize(s3, key, body)
  if (sizeBytes <= s3.limits.putBytesMax) return putAtOnce(s3, key, { body, sizeBytes, condition })
  const sendPart = partSender(s3, key, body)
  const spans = evenSpans(sizeBytes, s3.limits.partBytes)
  return uploadByParts(s3, { key, spans, condition, verb: 'put', sendPart })
}

type Put = { readonly body: PutBody; readonly sizeBytes: number; readonly condition: PutCondition }

function putAtOnce(s3: S3, key: string, { body, sizeBytes, condition }: Put): Promise<PutOutcome> {
  return request(s3, {
    verb: 'put',
    action: 'PutObject',
    key: s3.prefix + key,
    effect: conditionEffect(condition),
    deadlineMs: transferMs(sizeBytes),
    command: async () => {
      const piece = await pieceOf(s3, key, body, { start: 0, length: sizeBytes })
      const command = new PutObjectCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        Body: piece.stream ?? piece.body,
        ContentLength: sizeBytes,
        ...conditionHeaders(condition),
        ...s3.encryption,
        ...s3.owner,
      })
      return { command, stream: piece.stream }
    },
    read: (output): PutOutcome => ({ kind: 'stored', etag: etagText(output.ETag) }),
    refused: (thrown) => conditionRefused(thrown, condition),
  })
}

export function partSender(s3: S3, key: string, body: PutBody): SendPart {
  return ({ uploadId, partNumber, span }) =>
    request(s3, {
      verb: 'put',
      action: 'UploadPart',
      key: s3.prefix + key,
      effect: 'none',
      deadlineMs: transferMs(span.length),
      command: async () => {
        const piece = await pieceOf(s3, key, body, span)
        const command = new UploadPartCommand({
          Bucket: s3.bucket,
          Key: s3.prefix + key,
          UploadId: uploadId,
          PartNumber: partNumber,
          Body: piece.stream ?? piece.body,
          ContentLength: span.length,
          ...s3.owner,
        })
        return { command, stream: piece.stream }
      },
      read: (output) => donePart(partNumber, output),
    })
}
