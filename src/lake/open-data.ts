import pLimit from 'p-limit'
import type { DataFile, Segment } from '../domain.ts'
import type { ByteSpan, EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { shownKey } from '../objects/keys.ts'
import type { LocalCopy, ObjectStore } from '../objects/object-store.ts'
import type { OpenedDataFile } from './data-sql.ts'
import { allEnded } from './in-parallel.ts'
import { type ColumnsAlone, columnRanges, footerRange } from './key-ranges.ts'
import { dataKey, stagedKey, type TablePlace } from './keys.ts'

export type OpenedDataFiles = {
  readonly files: readonly OpenedDataFile[]
  /** Lets go of all files but these, by their numbers, and has all of these. */
  keep(numbers: readonly number[]): Promise<OpenedDataFiles>
  release(): Promise<void>
}

type NumberedFile = { readonly number: number; readonly file: DataFile }

/**
 * Makes data files readable for the engine; `numbers` says how the loads speak of them. With `verify` each is compared
 * with its content hash first: what is rewritten must not carry a flipped bit into a new file with a fresh hash. Who reads
 * without the lease asks for `unplaced` files too: of a commit that a run is still finishing, or died over. With `alone`
 * no more than these columns need be there, until the files are kept.
 */
export async function openDataFiles(
  lake: ObjectStore,
  session: EngineSession,
  place: TablePlace,
  numbered: readonly NumberedFile[],
  options: { readonly verify: boolean; readonly unplaced?: boolean; readonly alone?: ColumnsAlone | null },
): Promise<OpenedDataFiles> {
  const reading = { lake, session, place, ...options }
  const fetched = await fetchAll(reading, numbered, options.alone ?? null)
  if (options.verify) for (const { one } of fetched) await byteVerifier(session)(one, [wholeOf(one.file)])
  return opened(reading, fetched)
}

type Reading = {
  readonly lake: ObjectStore
  readonly session: EngineSession
  readonly place: TablePlace
  readonly unplaced?: boolean
}

type FetchedFile = { readonly one: OpenedDataFile; readonly copy: LocalCopy; readonly isWhole: boolean }

/** Some at a time; none stays where one cannot be had. */
async function fetchAll(
  reading: Reading,
  numbered: readonly NumberedFile[],
  alone: ColumnsAlone | null,
): Promise<readonly FetchedFile[]> {
  const fetched: FetchedFile[] = []
  const limit = pLimit(filesAtOnce)
  const fetching = numbered.map((one) =>
    limit(async () => {
      const found = await fetchFile(reading, one, alone)
      fetched.push(found)
      return found
    }),
  )
  try {
    return await allEnded(fetching)
  } catch (error) {
    await releaseAll(fetched)
    throw error
  }
}

/** Each is a stream to this disk, with some requests of its own at once. */
const filesAtOnce = 4

async function fetchFile(
  reading: Reading,
  { number, file }: NumberedFile,
  alone: ColumnsAlone | null,
): Promise<FetchedFile> {
  const { lake, place, session, unplaced } = reading
  const placed = () => fetchFrom(lake, dataKey(place, file.path), file, alone)
  const staged = () => fetchFrom(lake, stagedKey(place, file.txnId, file.path), file, alone)
  // One that is in neither place was put in the first meanwhile, or is gone.
  const found = (await placed()) ?? (unplaced ? ((await staged()) ?? (await placed())) : null)
  if (found === null) throw corrupt(file, 'is missing')
  return { one: { number, file, path: await session.link(found.copy.path) }, ...found }
}

async function fetchFrom(
  lake: ObjectStore,
  key: string,
  file: DataFile,
  alone: ColumnsAlone | null,
): Promise<Pick<FetchedFile, 'copy' | 'isWhole'> | null> {
  const ranges = alone && (await rangesOf(lake, key, file, alone))
  const copy = await lake.fetch(key, ranges === null ? {} : { ranges })
  return copy && { copy, isWhole: ranges === null }
}

async function rangesOf(lake: ObjectStore, key: string, file: DataFile, alone: ColumnsAlone) {
  const footer = footerRange(file)
  const found = footer && (await lake.get(key, footer))
  const ranges = found && columnRanges(found.body, file, alone)
  return ranges && footer && [...ranges, footer]
}

function opened(reading: Reading, all: readonly FetchedFile[]): OpenedDataFiles {
  return {
    files: all.map(({ one }) => one),
    async keep(numbers) {
      const kept = all.filter(({ one }) => numbers.includes(one.number))
      await releaseAll(all.filter((one) => !kept.includes(one)))
      const parts = kept.filter(({ isWhole }) => !isWhole)
      await releaseAll(parts)
      const whole = await fetchAll(
        reading,
        parts.map(({ one }) => one),
        null,
      )
      return opened(
        reading,
        kept.map((file) => whole.find(({ one }) => one.number === file.one.number) ?? file),
      )
    },
    release: () => releaseAll(all),
  }
}

async function releaseAll(files: readonly FetchedFile[]): Promise<void> {
  for (const { copy } of files) await copy.release()
}

export type VerifyBytes = (opened: OpenedDataFile, spans: readonly ByteSpan[]) => Promise<void>

/** Compares the segments that hold the spans with their hashes, each of them once. Throws `corrupt-lake` naming the file. */
export function byteVerifier(session: EngineSession): VerifyBytes {
  const proven = new Set<string>()
  return async ({ file, path }, spans) => {
    const touched = segmentSpans(file.segments).filter(
      ({ start, length }) =>
        !proven.has(`${String(start)} ${path}`) &&
        spans.some((span) => span.start < start + length && start < span.start + span.length),
    )
    if (touched.length > 0 && (await session.sizeOf(path)) !== file.sizeBytes)
      throw corrupt(file, 'is not as long as it was written')
    const hashes = await session.hashSpans(path, touched)
    if (touched.some(({ sha256 }, at) => sha256 !== hashes[at])) throw corrupt(file, 'is not as it was written')
    for (const { start } of touched) proven.add(`${String(start)} ${path}`)
  }
}

/** Does work on files; where the engine cannot read one that has other bytes than were written, that is what is told. */
export async function namingDamage<T>(
  files: readonly OpenedDataFile[],
  verify: VerifyBytes,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DmscdcError && error.kind === 'bug')
      for (const opened of files) await verify(opened, [wholeOf(opened.file)])
    throw error
  }
}

export const wholeOf = ({ sizeBytes }: DataFile): ByteSpan => ({ start: 0, length: sizeBytes })

/** The segments with their places. */
export function segmentSpans(segments: readonly Segment[]): readonly (ByteSpan & { readonly sha256: string })[] {
  let end = 0
  return segments.map(({ bytes, sha256 }) => {
    end += bytes
    return { start: end - bytes, length: bytes, sha256 }
  })
}

function corrupt(file: DataFile, what: string): DmscdcError {
  return new DmscdcError('corrupt-lake', `lake file ${shownKey(file.path)} ${what}`, {
    hint: 'see what else is wrong: dmscdc verify --table <table>; then bring the file back from a backup, or reload the table',
  })
}
