import type { DataFile } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { shownKey } from '../objects/keys.ts'
import type { LocalCopy, ObjectStore } from '../objects/object-store.ts'
import type { OpenedDataFile } from './data-sql.ts'
import { dataKey, type TablePlace } from './keys.ts'

export type OpenedDataFiles = {
  readonly files: readonly OpenedDataFile[]
  release(): Promise<void>
}

/**
 * Makes data files readable for the engine; `numbers` says how the loads speak of them. With `verify` each is compared
 * with its content hash first: what is rewritten must not carry a flipped bit into a new file with a fresh hash.
 */
export async function openDataFiles(
  lake: ObjectStore,
  session: EngineSession,
  place: TablePlace,
  numbered: readonly { readonly number: number; readonly file: DataFile }[],
  options: { readonly verify: boolean },
): Promise<OpenedDataFiles> {
  const copies: LocalCopy[] = []
  const files: OpenedDataFile[] = []
  for (const { number, file } of numbered) {
    const copy = await lake.fetch(dataKey(place, file.path), { sha256: options.verify })
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

function corrupt(file: DataFile, what: string): DmscdcError {
  return new DmscdcError('corrupt-lake', `lake file ${shownKey(file.path)} ${what}`, {
    hint: 'see what else is wrong: dmscdc verify --table <table>; then bring the file back from a backup, or reload the table',
  })
}
