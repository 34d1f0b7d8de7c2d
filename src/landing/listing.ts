import { createHash } from 'node:crypto'
import type { LandingFile, LandingTable, TableId } from '../domain.ts'
import { listAll, type ObjectInfo, type ObjectStore } from '../objects/object-store.ts'
import { baseName, classify, landingOrder } from './names.ts'

/**
 * All that DMS has written for one table, by one listing of its folder (one request per 1,000 objects). Empty objects are ignored: DMS writes none.
 * With `after`, a key below the folder, only what sorts behind it: such a listing tells that nothing has changed there, and never what is to be done.
 */
export async function listTable(
  store: ObjectStore,
  id: TableId,
  { prefix = `${id.schema}/${id.table}/`, after }: { readonly prefix?: string; readonly after?: string } = {},
): Promise<LandingTable> {
  const loads: LandingFile[] = []
  const changes: LandingFile[] = []
  let ignored = 0
  let transactionFiles = 0
  let pages = 0
  for await (const page of listAll(store, after === undefined ? { prefix } : { prefix, after: `${prefix}${after}` })) {
    pages++
    for (const object of page.objects) {
      const key = object.key.slice(prefix.length)
      const meaning = object.sizeBytes === 0 ? ({ kind: 'ignored' } as const) : classify(key)
      if (meaning.kind === 'ignored') ignored++
      else if (meaning.kind === 'transaction') transactionFiles++
      else (meaning.kind === 'load' ? loads : changes).push({ ...meaning, ...fileOf(object, key) })
    }
  }
  changes.sort((a, b) => landingOrder(a.key, b.key))
  return { id, loads, changes, ignored, transactionFiles, pages }
}

/** Hex; equal digests mean that the table's files are the same, byte for byte, as far as a listing can tell. */
export function listingDigest(table: LandingTable): string {
  const hash = createHash('sha256')
  for (const { key, etag, sizeBytes } of [...table.loads, ...table.changes])
    hash.update(`${JSON.stringify([key, etag, sizeBytes])}\n`)
  return hash.digest('hex')
}

function fileOf({ key: path, sizeBytes, modifiedMs, etag }: ObjectInfo, key: string) {
  return { name: baseName(key), key, path, sizeBytes, modifiedMs, etag }
}
