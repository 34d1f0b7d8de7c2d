import type { WriteCosts } from '../../src/domain.ts'
import { defaultWriteCosts } from '../../src/load-incremental/choose-write.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import { eagerMerges, eagerSplices, type Lab } from '../support/lab.ts'

/** The ways in which files are written. */
export const ways = [
  ['written whole', defaultWriteCosts],
  ['spliced', eagerSplices],
  ['merged while they are small', eagerMerges],
] as const

/** A lab that chooses by these costs how files are written, and tells of each splice. */
export function watchSplices(lab: Lab, writeCosts: WriteCosts, onSplice: () => void): Lab {
  const lake: ObjectStore = {
    ...lab.ports.lake,
    putSpliced(...asked) {
      onSplice()
      return lab.ports.lake.putSpliced(...asked)
    },
  }
  return { ...lab, ports: { ...lab.ports, lake, writeCosts } }
}
