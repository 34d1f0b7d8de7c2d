import type { DataFile } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { shownKey } from '../objects/keys.ts'
import type { LocalCopy, ObjectStore } from '../objects/object-store.ts'
import type { OpenedDataFile } from './data-sql.ts'
import { dataKey, stagedKey, type TablePlace } from './keys.ts'

export type OpenedDataFiles = {
  readonly files: readonly OpenedDataFile[]
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
    if (options.verify && copy.sha256 !== file.sha256) throw corrupt(file, 'is not as it was written')
    files.push({ number, file, path: await session.link(copy.path) })
  }
  return {
    files,
    async release() {
      for (const copy of copies) await copy.release()
    },
  }
}

/** A file that is in neither place was put in the first meanwhile, or is gone. */
async function fetchFile(
  lake: ObjectStore,
  place: TablePlace,
  file: DataFile,
  { verify, unplaced }: { readonly verify: boolean; readonly unplaced?: boolean },
): Promise<LocalCopy | null> {
  const placed = () => lake.fetch(dataKey(place, file.path), { sha256: verify })
  const copy = await placed()
  if (copy !== null || unplaced !== true) return copy
  return (await lake.fetch(stagedKey(place, file.txnId, file.path), { sha256: verify })) ?? placed()
}

function corrupt(file: DataFile, what: string): DmscdcError {
  return new DmscdcError('corrupt-lake', `lake file ${shownKey(file.path)} ${what}`, {
    hint: 'see what else is wrong: dmscdc verify --table <table>; then bring the file back from a backup, or reload the table',
  })
}
