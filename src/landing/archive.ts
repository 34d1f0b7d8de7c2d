import { DmscdcError } from '../errors.ts'
import type { ObjectStore } from '../objects/object-store.ts'

/** A folder of the landing with this object in it is an archive: no schema, whatever it holds. */
export const archiveMark = '_dmscdc-archive'

/**
 * Marks the folder that `prefix` begins with, so that discovery leaves it alone. Throws `invalid-config` where it holds
 * something that is no archive: a schema would disappear.
 */
export async function markArchive(landing: ObjectStore, prefix: string): Promise<void> {
  const folder = prefix.slice(0, prefix.indexOf('/') + 1)
  const { objects, folders } = await landing.list({ prefix: folder, delimiter: '/' })
  if (objects.some(({ key }) => key === `${folder}${archiveMark}`)) return
  if (objects.length + folders.length > 0)
    throw new DmscdcError('invalid-config', `archive ${prefix}: the folder ${folder} of the landing is in use`, {
      hint: 'name a folder of its own: dmscdc set <table> --landed archive:_taken/',
    })
  await landing.put(`${folder}${archiveMark}`, new TextEncoder().encode('landing files that dmscdc has taken\n'), {
    kind: 'any',
  })
}
