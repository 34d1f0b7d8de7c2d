import type { DataFile, Segment } from '../domain.ts'
import type { ByteSpan, EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { shownKey } from '../objects/keys.ts'
import type { LocalCopy, ObjectStore } from '../objects/object-store.ts'
import type { OpenedDataFile } from './data-sql.ts'
import { dataKey, stagedKey, type TablePlace } from './keys.ts'

export type OpenedDataFiles = {
  readonly files: readonly OpenedDataFile[]
  /** Lets go of all files but these, by their numbers. */
  keep(numbers: readonly number[]): Promise<OpenedDataFiles>
  release(): Promise<void>
}

/**
 * Makes data files readable for the engine; `numbers` says how the loads speak of them. With `verify` each is compared
 * with its content hash first: what is rewritten must not carry a flipped bit into a new file with a fresh hash. Who reads
 * without the lease asks for `unplaced` files too: of a commit that a run is still finishing, or died over.
 */
export async function openDataFiles(
  lake: ObjectStore,
  session: EngineSession,
  place: TablePlace,
  numbered: readonly { readonly number: number; readonly file: DataFile }[],
  options: { readonly verify: boolean; readonly unplaced?: boolean },
): Promise<OpenedDataFiles> {
  const copies: LocalCopy[] = []
  const files: OpenedDataFile[] = []
  for (const { number, file } of numbered) {
    const copy = await fetchFile(lake, place, file, options)
    if (copy === null) throw corrupt(file, 'is missing')
    copies.push(copy)
    const one = { number, file, path: await session.link(copy.path) }
    if (options.verify) await byteVerifier(session)(one, [wholeOf(file)])
    files.push(one)
  }
  return opened(files.map((file, at) => ({ file, copy: copies[at] as LocalCopy })))
}

function opened(all: readonly { readonly file: OpenedDataFile; readonly copy: LocalCopy }[]): OpenedDataFiles {
  const release = async (some: typeof all) => {
    for (const { copy } of some) await copy.release()
  }
  return {
    files: all.map(({ file }) => file),
    async keep(numbers) {
      await release(all.filter(({ file }) => !numbers.includes(file.number)))
      return opened(all.filter(({ file }) => numbers.includes(file.number)))
    },
    release: () => release(all),
  }
}

/** A file that is in neither place was put in the first meanwhile, or is gone. */
async function fetchFile(
  lake: ObjectStore,
  place: TablePlace,
  file: DataFile,
  { unplaced }: { readonly unplaced?: boolean },
): Promise<LocalCopy | null> {
  const placed = () => lake.fetch(dataKey(place, file.path))
  const copy = await placed()
  if (copy !== null || unplaced !== true) return copy
  return (await lake.fetch(stagedKey(place, file.txnId, file.path))) ?? placed()
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
