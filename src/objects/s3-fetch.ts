import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { fileError } from './file-error.ts'
import { shownKey } from './keys.ts'
import type { ByteRange, LocalCopy } from './object-store.ts'
import { spanOf } from './ranges.ts'
import { isMissingObject } from './s3-error.ts'
import { etagText } from './s3-info.ts'
import { type Found, getObject } from './s3-read.ts'
import { brokenAnswer, neverTheSame, request, type S3, transferMs } from './s3-request.ts'

const rangesAtOnce = 8
const readsOfAChangingObjectMax = 5

/** Into a new file of the scratch folder; of ranges a sparse one. Whoever asked deletes it by `release`. */
export async function fetchObject(
  s3: S3,
  key: string,
  options: { readonly ranges?: readonly ByteRange[]; readonly sha256?: boolean },
): Promise<LocalCopy | null> {
  const path = join(s3.scratchDir, randomUUID())
  const fetched = await intoFile(s3, key, path, (file) =>
    options.ranges === undefined
      ? fetchWhole(s3, key, file, options.sha256 ?? false)
      : fetchRanges(s3, key, file, options.ranges),
  )
  if (fetched === null) return null
  const { etag, sha256 } = fetched
  return { path, etag, sha256: sha256 === null ? null : async () => sha256, release: () => rm(path, { force: true }) }
}

type Fetched = { readonly etag: string; readonly sha256: string | null }

async function intoFile(
  s3: S3,
  key: string,
  path: string,
  work: (file: FileHandle) => Promise<Fetched | null>,
): Promise<Fetched | null> {
  const file = await onDisk(s3, key, async () => {
    await mkdir(s3.scratchDir, { recursive: true })
    return open(path, 'wx')
  })
  let fetched: Fetched | null = null
  try {
    fetched = await work(file)
    return fetched
  } finally {
    await file.close()
    if (fetched === null) await rm(path, { force: true })
  }
}

function fetchWhole(s3: S3, key: string, file: FileHandle, wantsHash: boolean): Promise<Fetched | null> {
  return request(s3, {
    verb: 'get',
    action: 'GetObject',
    key: s3.prefix + key,
    effect: 'none',
    command: () => ({ command: new GetObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key, ...s3.owner }) }),
    read: async (output, allowMs): Promise<Fetched | null> => {
      allowMs(transferMs(output.ContentLength ?? 0))
      return { etag: etagText(output.ETag), sha256: await writeBody(s3, key, file, output, wantsHash) }
    },
    refused: (thrown) => (isMissingObject(thrown) ? null : undefined),
  })
}

/** From the file's start each time: an attempt before may have written half of it. */
async function writeBody(
  s3: S3,
  key: string,
  file: FileHandle,
  output: GetObjectCommandOutput,
  wantsHash: boolean,
): Promise<string | null> {
  const hash = wantsHash ? createHash('sha256') : null
  let written = 0
  for await (const chunk of output.Body as Readable as AsyncIterable<Uint8Array>) {
    hash?.update(chunk)
    await onDisk(s3, key, () => file.write(chunk, 0, chunk.length, written))
    written += chunk.length
  }
  if (written !== (output.ContentLength ?? written)) throw brokenAnswer(output.ContentLength ?? 0, written)
  await onDisk(s3, key, () => file.truncate(written))
  return hash?.digest('hex') ?? null
}

async function fetchRanges(
  s3: S3,
  key: string,
  file: FileHandle,
  ranges: readonly ByteRange[],
): Promise<Fetched | null> {
  const limit = pLimit(rangesAtOnce)
  // Of no range at all the size is still wanted.
  const asked = ranges.length > 0 ? ranges : [{ start: 0, length: 0 }]
  for (let attempt = 0; attempt < readsOfAChangingObjectMax; attempt++) {
    const found = await Promise.all(asked.map((range) => limit(() => getObject(s3, key, range))))
    if (found.every((piece) => piece === null)) return null
    if (areOfOneObject(found)) {
      await onDisk(s3, key, () => writePieces(file, asked, found))
      return { etag: (found[0] as Found).info.etag, sha256: null }
    }
  }
  throw neverTheSame(s3, s3.prefix + key)
}

function areOfOneObject(found: readonly (Found | null)[]): found is readonly Found[] {
  return found.every((piece) => piece !== null && piece.info.etag === found[0]?.info.etag)
}

async function writePieces(file: FileHandle, ranges: readonly ByteRange[], found: readonly Found[]): Promise<void> {
  const { sizeBytes } = (found[0] as Found).info
  await file.truncate(sizeBytes)
  for (const [at, { body }] of found.entries()) {
    await file.write(body, 0, body.length, spanOf(sizeBytes, ranges[at]).start)
  }
}

/** What the own disk refuses is no matter of S3, and is not tried again. */
async function onDisk<T>(s3: S3, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw fileError(thrown, `fetch ${shownKey(key)}`, { place: s3.scratchDir, maybeApplied: false })
  }
}
