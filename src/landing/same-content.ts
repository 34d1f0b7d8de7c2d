import type { LandingFile, LandingTable, Snapshot, TakenFile } from '../domain.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { changedAfterTaken, generationOf } from './pending.ts'

/**
 * Keys of taken landing files that have another ETag than when they were taken but the same content: a copy or a new
 * date on the same bytes is nothing. Reads only files whose ETag changed.
 */
export async function sameContent(
  landing: ObjectStore,
  listing: LandingTable,
  head: Snapshot,
): Promise<ReadonlySet<string>> {
  const generation = generationOf(listing.loads, head.load)
  const loads = generation.kind === 'replaced' ? generation.suspects : []
  const changes = changedAfterTaken(listing.changes, head.progress)
  const taken = new Map([...head.load.files, ...head.progress.window].map((file) => [file.key, file]))
  const same = new Set<string>()
  for (const file of [...loads, ...changes]) {
    if (await hasContent(landing, file, taken.get(file.key))) same.add(file.key)
  }
  return same
}

async function hasContent(landing: ObjectStore, file: LandingFile, taken: TakenFile | undefined): Promise<boolean> {
  if (taken?.sha256 == null || taken.sizeBytes !== file.sizeBytes) return false
  const copy = await landing.fetch(file.path, { sha256: true })
  const sha256 = await copy?.sha256?.().finally(copy.release)
  return sha256 === taken.sha256
}
