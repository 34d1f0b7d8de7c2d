import type { ObjectStore } from '../../src/objects/object-store.ts'
import { eagerSplices, type Lab } from '../support/lab.ts'

/** A lab that splices every file that can be (`spliced`), or none but those that pay, and tells of each splice. */
export function watchSplices(lab: Lab, spliced: boolean, onSplice: () => void): Lab {
  const lake: ObjectStore = {
    ...lab.ports.lake,
    putSpliced(...asked) {
      onSplice()
      return lab.ports.lake.putSpliced(...asked)
    },
  }
  return { ...lab, ports: { ...lab.ports, lake, ...(spliced ? { writeCosts: eagerSplices } : {}) } }
}
