import { type _Error, DeleteObjectCommand, DeleteObjectsCommand, S3ServiceException } from '@aws-sdk/client-s3'
import { DmscdcError } from '../errors.ts'
import { request, type S3 } from './s3-request.ts'

const keysPerRequest = 1_000
/** Characters that XML 1.0 cannot say, or does not keep. */
const unfitForXml = /[\0-\x08\x0b-\x1f\ufffe\uffff]/u

/** In thousands. The answer is 200 also where single keys failed: those are read, and sent again where that may help. */
export async function deleteObjects(s3: S3, keys: readonly string[]): Promise<void> {
  const { chunks, single } = deletions(keys)
  const progress = { begun: false }
  try {
    for (const chunk of chunks) await deleteChunk(s3, chunk, progress)
    for (const key of single) await deleteOne(s3, key, progress)
  } catch (thrown) {
    throw progress.begun ? asBegun(thrown) : thrown
  }
}

/** What goes in one request together, and what goes in one of its own. */
export function deletions(keys: readonly string[]) {
  const fit = keys.filter((key) => !unfitForXml.test(key))
  const chunks = Array.from({ length: Math.ceil(fit.length / keysPerRequest) }, (_, at) =>
    fit.slice(at * keysPerRequest, (at + 1) * keysPerRequest),
  )
  return { chunks, single: keys.filter((key) => unfitForXml.test(key)) }
}

type Progress = { begun: boolean }

async function deleteChunk(s3: S3, keys: readonly string[], progress: Progress): Promise<void> {
  let left = keys.map((key) => s3.prefix + key)
  await request(s3, {
    verb: 'delete',
    action: 'DeleteObjects',
    key: s3.prefix + keys[0],
    effect: 'repeatable',
    command: () => ({
      command: new DeleteObjectsCommand({
        Bucket: s3.bucket,
        Delete: { Objects: left.map((Key) => ({ Key })), Quiet: true },
        ...s3.owner,
      }),
    }),
    read: (output) => {
      progress.begun = true
      const errors = (output.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey')
      if (errors.length === 0) return
      left = errors.map(({ Key }) => Key ?? '').filter((key) => key !== '')
      throw keyError(errors)
    },
  })
}

async function deleteOne(s3: S3, key: string, progress: Progress): Promise<void> {
  await request(s3, {
    verb: 'delete',
    action: 'DeleteObject',
    key: s3.prefix + key,
    effect: 'repeatable',
    command: () => ({
      command: new DeleteObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key, ...s3.owner }),
    }),
    read: () => {
      progress.begun = true
    },
  })
}

const statuses: Readonly<Record<string, number>> = {
  InternalError: 500,
  ServiceUnavailable: 503,
  SlowDown: 503,
  AccessDenied: 403,
}

/** As if it had been the answer to the whole request. What no retry cures comes first. */
function keyError(errors: readonly _Error[]): S3ServiceException {
  const statusOf = ({ Code }: _Error) => statuses[Code ?? ''] ?? 400
  const [worst] = [...errors].sort((a, b) => statusOf(a) - statusOf(b))
  const status = statusOf(worst as _Error)
  return new S3ServiceException({
    name: worst?.Code ?? 'InternalError',
    message: `${errors.length} keys were not deleted: ${worst?.Message ?? ''}`,
    $fault: status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: status },
  })
}

function asBegun(thrown: unknown): unknown {
  if (!(thrown instanceof DmscdcError)) return thrown
  return new DmscdcError(thrown.kind, thrown.message, { hint: thrown.hint, cause: thrown.cause, maybeApplied: true })
}
