import { createHash } from 'node:crypto'
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { copyFile, type FileHandle, open, truncate } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Segment } from '../domain.ts'
import { limits } from '../limits.ts'
import { decodeFooter, trailerBytes } from '../parquet/footer.ts'
import type { ByteSpan, ScratchPiece } from './engine.ts'

const chunkBytes = 1 << 20
/** Row groups share a segment until it is this large: what is checked before it is read again is no less, what the log holds no more. */
const segmentBytesMin = 8 << 20

/** The hashes of a Parquet file, cut between its row groups; the footer has one of its own. One with a footer too large to be spliced is cut before it alone. */
export async function segmentsOf(path: string, sizeBytes: number): Promise<readonly Segment[]> {
  return withFile(path, async (file) => {
    const spans: ByteSpan[] = []
    for (const end of await segmentEnds(file, sizeBytes)) {
      const start = spans.reduce((_, span) => span.start + span.length, 0)
      spans.push({ start, length: end - start })
    }
    const hashes = await hashAll(file, spans)
    return spans.map(({ length }, at) => ({ bytes: length, sha256: hashes[at] as string }))
  })
}

/** Whether a Parquet file, as the engine writes it, holds any row. */
export const holdsRows = (path: string, sizeBytes: number): Promise<boolean> =>
  withFile(path, async (file) => (await readFooter(file, sizeBytes)).rowGroups?.some(({ rows }) => rows > 0) ?? true)

/** Without row groups where it is too large to be spliced. */
async function readFooter(file: FileHandle, sizeBytes: number) {
  const trailer = Buffer.from(await readSpan(file, { start: sizeBytes - trailerBytes, length: trailerBytes }))
  const start = sizeBytes - trailerBytes - trailer.readUInt32LE()
  if (sizeBytes - start > limits.splicedFooterBytes) return { start, rowGroups: null }
  const bytes = await readSpan(file, { start, length: sizeBytes - trailerBytes - start })
  return { start, rowGroups: decodeFooter(bytes).rowGroups }
}

async function segmentEnds(file: FileHandle, sizeBytes: number): Promise<readonly number[]> {
  const { start: footerStart, rowGroups } = await readFooter(file, sizeBytes)
  const ends: number[] = []
  for (const { chunks } of rowGroups ?? []) {
    const start = Math.min(...chunks.map((chunk) => chunk.start))
    if (start - (ends.at(-1) ?? 0) >= segmentBytesMin) ends.push(start)
  }
  return [...ends, footerStart, sizeBytes]
}

/** The length of the Parquet footer that the end of a file tells; null where it is the end of no Parquet file. */
export async function footerBytesOf(path: string): Promise<number | null> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (file === null) return null
  try {
    const { size } = await file.stat()
    if (size < parquetBytesMin) return null
    const end = Buffer.alloc(8)
    await file.read(end, 0, end.length, size - end.length)
    const footerBytes = end.readUInt32LE(0)
    return end.toString('latin1', 4) === 'PAR1' && footerBytes <= size - parquetBytesMin ? footerBytes : null
  } finally {
    await file.close()
  }
}

/** Its first and last four bytes, and the footer's length. */
const parquetBytesMin = 12

/** Hex, in the order of the spans. */
export function hashSpans(path: string, spans: readonly ByteSpan[]): Promise<readonly string[]> {
  return withFile(path, (file) => hashAll(file, spans))
}

export function readBytes(path: string, span: ByteSpan): Promise<Uint8Array> {
  return withFile(path, (file) => readSpan(file, span))
}

/** Writes the pieces one behind the other, and hashes what it wrote, cut at the end of every group. */
export async function concatenate(
  path: string,
  groups: readonly (readonly ScratchPiece[])[],
): Promise<readonly Segment[]> {
  const target = await open(path, 'wx')
  try {
    const segments: Segment[] = []
    for (const pieces of groups) {
      const hash = createHash('sha256')
      let bytes = 0
      for (const piece of pieces)
        for await (const part of partsOf(piece)) {
          hash.update(part)
          await target.write(part)
          bytes += part.length
        }
      if (bytes > 0) segments.push({ bytes, sha256: hash.digest('hex') })
    }
    return segments
  } finally {
    await target.close()
  }
}

/** The kernel copies the first bytes, or shares them where the file system can. */
export async function extend(
  path: string,
  first: { readonly path: string; readonly bytes: number },
  tailFile: string,
): Promise<void> {
  await copyFile(first.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await truncate(path, first.bytes)
  await pipeline(createReadStream(tailFile), createWriteStream(path, { flags: 'a' }))
}

async function* partsOf(piece: ScratchPiece): AsyncGenerator<Uint8Array> {
  if (piece instanceof Uint8Array) yield piece
  else {
    const file = await open(piece.scratchFile)
    try {
      yield* readParts(file, piece)
    } finally {
      await file.close()
    }
  }
}

async function hashAll(file: FileHandle, spans: readonly ByteSpan[]): Promise<readonly string[]> {
  const hashes: string[] = []
  for (const span of spans) {
    const hash = createHash('sha256')
    for await (const part of readParts(file, span)) hash.update(part)
    hashes.push(hash.digest('hex'))
  }
  return hashes
}

/** Ends early where the file does: the hash of less is another one. */
async function* readParts(file: FileHandle, { start, length }: ByteSpan): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, length))
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - at), start + at)
    if (bytesRead === 0) return
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

async function readSpan(file: FileHandle, { start, length }: ByteSpan): Promise<Uint8Array> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, start)
  return buffer.subarray(0, bytesRead)
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}
