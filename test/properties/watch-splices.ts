import type { WriteCosts } from '../../src/costs.ts'
import { defaultWriteCosts } from '../../src/load-incremental/choose-write.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import { eagerJoins, eagerMerges, eagerProbes, eagerSplices, type Lab } from '../support/lab.ts'
import { sparseFetches } from '../support/sparse-fetches.ts'

/** The ways in which files are found and written. */
export const ways = [
  ['written whole', defaultWriteCosts],
  ['spliced', eagerSplices],
  ['spliced, and joined here', eagerJoins],
  ['merged while they are small', eagerMerges],
  ['found by their key columns', eagerProbes],
] as const

/** A lab that chooses by these costs how files are written, and tells of each splice. */
export function watchSplices(lab: Lab, writeCosts: WriteCosts, onSplice: () => void): Lab {
  const sparse = sparseFetches(lab.ports.lake, `${lab.folder}/sparse`)
  const lake: ObjectStore = {
    ...sparse,
    put(key, body, condition) {
      if ('scratchFile' in body && body.scratchFile.endsWith('-extended')) onSplice()
      return sparse.put(key, body, condition)
    },
    putSpliced(...asked) {
      onSplice()
      return sparse.putSpliced(...asked)
    },
  }
  return { ...lab, ports: { ...lab.ports, lake, writeCosts } }
}
