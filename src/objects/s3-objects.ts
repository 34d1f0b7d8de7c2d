import type { S3Client, ServerSideEncryption } from '@aws-sdk/client-s3'
import { checkKey } from './keys.ts'
import type { ObjectStore } from './object-store.ts'
import { currentLedger } from './request-ledger.ts'
import { copyObject } from './s3-copy.ts'
import { deleteObjects } from './s3-delete.ts'
import { fetchObject } from './s3-fetch.ts'
import { s3Foresight } from './s3-foresight.ts'
import { putBytesMax } from './s3-limits.ts'
import { listPage } from './s3-list.ts'
import { getObject, headObject } from './s3-read.ts'
import type { S3, S3Limits } from './s3-request.ts'
import { putSplicedObject } from './s3-splice.ts'
import { putObject } from './s3-write.ts'

export type S3ObjectsOptions = {
  readonly bucket: string
  /** With or without its slash at the end; empty for the whole bucket. */
  readonly prefix: string
  /** Where `fetch` writes its copies; made when it is needed. */
  readonly scratchDir: string
  /** Absent: what the bucket's default encryption says. */
  readonly sse?: ServerSideEncryption
  readonly kmsKeyId?: string
  /** Account id; requests fail where another account owns a bucket of that name. */
  readonly expectedBucketOwner?: string
  readonly limits?: Partial<S3Limits>
}

const defaultLimits: S3Limits = {
  attemptsMax: 8,
  putBytesMax,
  copyBytesMax: 5 * 1_073_741_824,
  partBytes: 16 * 1_048_576,
  copyPartBytes: 512 * 1_048_576,
}

/**
 * The objects of an S3 bucket below a prefix; the client is one of `s3Client`. Passing trouble is tried again with full jitter, within
 * bounds of attempts and time. What stays wrong (no right, no bucket, another region) is `invalid-config`. Each request
 * that is sent, retries included, goes to the ledger of the call.
 */
export function s3Objects(client: S3Client, options: S3ObjectsOptions): ObjectStore {
  const { bucket, sse, kmsKeyId, expectedBucketOwner } = options
  const prefix = options.prefix === '' ? '' : options.prefix.replace(/\/*$/u, '/')
  const limits = { ...defaultLimits, ...options.limits }
  const perCall = (): S3 => ({
    client,
    bucket,
    prefix,
    scratchDir: options.scratchDir,
    owner: expectedBucketOwner === undefined ? {} : { ExpectedBucketOwner: expectedBucketOwner },
    encryption: {
      ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
      ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
    },
    limits,
    onRequest: currentLedger(),
  })

  return {
    url: `s3://${bucket}/${prefix}`,
    place: `${bucket}/${prefix}`,
    list: (asked) => listPage(perCall(), asked),
    head: (key) => headObject(perCall(), key),
    get: (key, range) => getObject(perCall(), key, range),
    put: async (key, body, condition) => {
      checkKey(key)
      return putObject(perCall(), key, body, condition)
    },
    copy: async (from, to) => {
      checkKey(to)
      return copyObject(perCall(), from, to)
    },
    putSpliced: async (key, base, tail) => {
      checkKey(key)
      const call = perCall()
      const body = await tail
      return body === null ? 'dropped' : putSplicedObject(call, key, base, body)
    },
    deleteMany: (keys) => deleteObjects(perCall(), keys),
    fetch: (key, asked = {}) => fetchObject(perCall(), key, asked),
    foresight: s3Foresight(limits),
  }
}
