import type { DataFile } from '../domain.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { corruptLake } from './corrupt-lake.ts'
import { differenceFrom } from './hash-object.ts'
import { inParallel } from './in-parallel.ts'
import { dataKey, retainedKey, stagedKey, type TablePlace } from './keys.ts'
import { partitionFolder } from './partition-path.ts'
import type { Staging } from './write-data.ts'

/** A data file of an older version, and the objects that may be it, the likeliest first; none where it is gone. */
export type FormerFile = { readonly file: DataFile; readonly from: readonly string[] }

/** Looks for data files that were superseded: in the table's folder, where a view keeps them, and among the retained ones. */
export function findFormer(
  store: ObjectStore,
  place: TablePlace,
  files: readonly DataFile[],
): Promise<readonly FormerFile[]> {
  return inParallel(files, async (file) => {
    const found = await Promise.all(
      [dataKey(place, file.path), retainedKey(place, file.path)].map((key) => store.head(key)),
    )
    return { file, from: found.flatMap((object) => (object?.sizeBytes === file.sizeBytes ? [object.key] : [])) }
  })
}

/**
 * Stages copies of former data files under names never used before, so that a commit can list them again. Each copy is compared with
 * the content hashes in the log. Throws `corrupt-lake` naming a file that is not as it was written; no copy is under way any more then.
 */
export async function stageFormer(
  staging: Staging,
  partitionColumns: readonly string[],
  former: readonly FormerFile[],
): Promise<readonly DataFile[]> {
  const ended = await inParallel(former, (one) =>
    stageOne(staging, partitionColumns, one).catch((thrown: unknown) => ({ thrown })),
  )
  return ended.map((one) => {
    if ('thrown' in one) throw one.thrown
    return one
  })
}

async function stageOne(
  staging: Staging,
  partitionColumns: readonly string[],
  { file, from }: FormerFile,
): Promise<DataFile> {
  const { addedVersion: _, ...described } = file
  const path = `${partitionFolder(partitionColumns, file.partition)}part-${staging.newId()}.parquet`
  await copyWhole(staging, file, from, stagedKey(staging.place, staging.txnId, path))
  return { ...described, path, txnId: staging.txnId, modifiedMs: staging.nowMs() }
}

async function copyWhole({ lake }: Staging, file: DataFile, from: readonly string[], to: string): Promise<void> {
  for (const key of from) {
    if ((await lake.copy(key, to)) === 'missing') continue
    if ((await differenceFrom(file, lake, to)) === null) return
  }
  throw corruptLake(`lake file ${from[0] ?? file.path} of an older version is not as it was written`, {
    hint: 'restore another version, or bring that object back from a backup: dmscdc history <table>',
  })
}
