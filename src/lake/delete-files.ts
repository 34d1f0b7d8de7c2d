import type { DeleteFile, Progress } from '../domain.ts'
import type { EngineSession, WrittenFile } from '../engine/engine.ts'
import type { LocalCopy, ObjectStore } from '../objects/object-store.ts'
import { corruptLake } from './corrupt-lake.ts'
import { deleteKey, deleteName, type TablePlace } from './keys.ts'
import type { Staging } from './write-data.ts'

export type OpenedDeleteFiles = {
  readonly files: readonly { readonly file: DeleteFile; readonly path: string }[]
  release(): Promise<void>
}

/** Makes remembered deletions readable for the engine. Throws `corrupt-lake` for a file that is gone or not as it was written. */
export async function openDeleteFiles(
  lake: ObjectStore,
  session: EngineSession,
  place: TablePlace,
  files: readonly DeleteFile[],
): Promise<OpenedDeleteFiles> {
  const copies: LocalCopy[] = []
  const opened: { file: DeleteFile; path: string }[] = []
  for (const file of files) {
    const copy = await lake.fetch(deleteKey(place, file.name), { sha256: true })
    if (copy === null) throw corrupt(place, file, 'is missing')
    copies.push(copy)
    if ((await copy.sha256?.()) !== file.sha256) throw corrupt(place, file, 'is not as it was written')
    opened.push({ file, path: await session.link(copy.path) })
  }
  return {
    files: opened,
    async release() {
      for (const copy of copies) await copy.release()
    },
  }
}

/**
 * Writes deletions where a commit can name them; they are nobody's until then. No reader looks there, so they need no
 * staging: the attempt's name, never used twice, is the file's. `select` gives at least one row.
 */
export async function writeDeleteFile(
  session: EngineSession,
  { lake, place, txnId }: Staging,
  select: string,
  newestMs: number,
): Promise<DeleteFile> {
  const [written] = await session.write({ select, fieldIds: new Map() })
  const { sizeBytes, rows, scratchFile } = written as WrittenFile
  const [sha256 = ''] = await session.hashSpans(scratchFile, [{ start: 0, length: sizeBytes }])
  const name = deleteName(txnId)
  await lake.put(deleteKey(place, name), { scratchFile }, { kind: 'any' })
  return { name, sizeBytes, rows, sha256, newestMs }
}

/**
 * The progress of a commit with what became of the deletions that the version before it remembered. Only that version's files
 * and the attempt's own can be listed: of the progress of an older version, taken up again, others may be gone.
 */
export function withForgotten(before: Progress | null, after: Progress, txnId: string): Progress {
  const { remembered, forgotten: _, ...others } = after
  const present = (before?.remembered?.files ?? []).map(({ name }) => name)
  const files = (remembered?.files ?? []).filter(({ name }) => present.includes(name) || name === deleteName(txnId))
  const forgotten = present.filter((name) => !files.some((file) => file.name === name))
  return {
    ...others,
    ...(remembered === undefined || files.length === 0 ? {} : { remembered: { ...remembered, files } }),
    ...(forgotten.length === 0 ? {} : { forgotten }),
  }
}

function corrupt(place: TablePlace, { name }: DeleteFile, what: string) {
  return corruptLake(`lake file ${deleteKey(place, name)}, which keeps deletions in mind, ${what}`, {
    hint: 'bring it back from a backup or from an earlier version in the bucket; or load the table anew, which forgets them: dmscdc replay <table> --from LOAD00000001.parquet',
  })
}
