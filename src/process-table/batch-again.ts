import { createHash } from 'node:crypto'
import type { AppliedBatch, Column, DataFile, LandingFile, TableConfig } from '../domain.ts'
import { entryOf } from '../landing/move-progress.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { totalBytes } from '../sum.ts'
import { dmscdcVersion } from '../version.ts'
import type { TakenLandingFile } from './load-generation.ts'

/** A table with a key as it was left by a batch, or as it stands. */
export type LeftTable = {
  readonly config: TableConfig
  readonly columns: readonly Column[]
  readonly files: readonly Pick<DataFile, 'path'>[]
}

/**
 * What makes a batch known when it comes again. Per key the last change decides, whatever the row was before: so the same bytes in the same order
 * change nothing in the table that they left, and a data file never changes. Null where it has more to say than that: a sequence remembers deletions.
 */
export function appliedBatch(left: LeftTable, taken: readonly TakenLandingFile[], keys: number): AppliedBatch | null {
  if (left.config.sequenceColumn !== null) return null
  const bytes = totalBytes(taken.map(({ file }) => file))
  return { files: taken.length, bytes, keys, fingerprint: fingerprintOf(left, taken) }
}

/** The files as the log takes them, where they are, byte for byte and in their order, the batch that left the table as it stands; else null. */
export async function takenAgain(
  landing: ObjectStore,
  table: LeftTable,
  files: readonly LandingFile[],
  last: AppliedBatch | undefined,
): Promise<readonly TakenLandingFile[] | null> {
  const bytes = totalBytes(files)
  if (last === undefined || files.length !== last.files || bytes !== last.bytes) return null
  const taken: TakenLandingFile[] = []
  for (const file of files) {
    const sha256 = await hashOf(landing, file)
    if (sha256 === null) return null
    taken.push({ file, taken: { ...entryOf(file), sha256 } })
  }
  return fingerprintOf(table, taken) === last.fingerprint ? taken : null
}

/** Null where another object stands in the file's place by now, or none. */
async function hashOf(landing: ObjectStore, { path, etag }: LandingFile): Promise<string | null> {
  const copy = await landing.fetch(path, { sha256: true })
  if (copy === null) return null
  try {
    return copy.etag === etag ? ((await copy.sha256?.()) ?? null) : null
  } finally {
    await copy.release()
  }
}

/** Of all that the table's rows were made by: what the operator says, this version, the columns, the data files and the landing files' bytes. */
function fingerprintOf({ config, columns, files }: LeftTable, taken: readonly TakenLandingFile[]): string {
  const { active: _, landed: __, ...settings } = config
  const landed = taken.map(({ file, taken: { sizeBytes, sha256 } }) => [file.kind, file.format, sizeBytes, sha256])
  const paths = files.map(({ path }) => path).sort()
  return createHash('sha256')
    .update(JSON.stringify([dmscdcVersion, settings, columns, paths, landed]))
    .digest('hex')
}
