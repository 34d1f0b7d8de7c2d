import { type _Object, ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { compareBytes } from '../domain.ts'
import type { ListOptions, ListPage, ObjectInfo } from './object-store.ts'
import { etagText, wholeSecondMs } from './s3-info.ts'
import { request, type S3 } from './s3-request.ts'

const pageKeysMax = 1_000

/**
 * One page. Keys travel percent-encoded: XML has no way to write some of them. S3 may answer with a page that is empty and not the
 * last one, where it met nothing but deletions: then only its own token leads on.
 */
export async function listPage(s3: S3, options: ListOptions): Promise<ListPage> {
  for (let token: string | undefined; ; ) {
    const answer = await askForPage(s3, options, token)
    if ('page' in answer) return answer.page
    token = answer.token
  }
}

type Answer = { readonly page: ListPage } | { readonly token: string }

function askForPage(s3: S3, options: ListOptions, token: string | undefined): Promise<Answer> {
  const { prefix, delimiter, after = '' } = options
  const key = s3.prefix + prefix
  return request(s3, {
    verb: 'list',
    action: 'ListObjectsV2',
    key,
    effect: 'none',
    command: () => ({
      command: new ListObjectsV2Command({
        Bucket: s3.bucket,
        Prefix: key,
        Delimiter: delimiter,
        StartAfter: after === '' ? undefined : s3.prefix + after,
        ContinuationToken: token,
        MaxKeys: pageKeysMax,
        EncodingType: 'url',
        ...s3.owner,
      }),
    }),
    read: (output) => answerOf(s3, output, after),
  })
}

function answerOf(s3: S3, output: ListObjectsV2CommandOutput, after: string): Answer {
  const keyOf = (text: string | undefined) => decoded(text ?? '', output.EncodingType).slice(s3.prefix.length)
  const objects = (output.Contents ?? []).map((object) => infoOf(keyOf(object.Key), object))
  const folders = (output.CommonPrefixes ?? []).map((folder) => keyOf(folder.Prefix))
  const last = [...objects.slice(-1).map((object) => object.key), ...folders.slice(-1)].sort(compareBytes).at(-1)
  if (output.IsTruncated && last === undefined) {
    if (output.NextContinuationToken === undefined)
      throw new Error('the page is empty, not the last one, and names no next')
    return { token: output.NextContinuationToken }
  }
  const page = {
    objects,
    // S3 shows a folder again while a key in it is greater than StartAfter.
    folders: folders.filter((folder) => after === '' || compareBytes(folder, after) > 0),
    next: output.IsTruncated ? (last as string) : null,
  }
  return { page }
}

function infoOf(key: string, object: _Object): ObjectInfo {
  return {
    key,
    sizeBytes: object.Size ?? 0,
    modifiedMs: wholeSecondMs(object.LastModified),
    etag: etagText(object.ETag),
  }
}

/** S3 writes a space as `+`; a server that does not know the encoding says so by not repeating it. */
function decoded(text: string, encoding: string | undefined): string {
  return encoding === 'url' ? decodeURIComponent(text.replaceAll('+', ' ')) : text
}
