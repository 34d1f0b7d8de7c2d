import { readFile } from 'node:fs/promises'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import type { Ports } from '../../src/ports.ts'
import { interceptPorts, type PortCall } from './faulty-ports.ts'

/** Where a run stands still: before a call, after it, or (a copy, of a whole object or a part) when it has read and not yet written. */
export type Moment = 'before' | 'after' | 'amid'

export function momentsOf({ writes, verb }: PortCall): readonly Moment[] {
  const copies = verb === 'copy' || verb === 'putSpliced'
  return ['before', ...(writes ? (['after'] as const) : []), ...(copies ? (['amid'] as const) : [])]
}

/** Ports whose call number `at` waits for `stand`. */
export function standingStill(ports: Ports, at: number, moment: Moment, stand: () => Promise<void>): Ports {
  let calls = 0
  const copies = () => calls - 1 === at && moment === 'amid'
  return interceptPorts({ ...ports, lake: slowCopies(ports.lake, copies, stand) }, async (_, proceed) => {
    if (calls++ !== at || moment === 'amid') return proceed()
    if (moment === 'before') await stand()
    const answer = await proceed()
    if (moment === 'after') await stand()
    return answer
  })
}

/** A copy is made inside the store and is not one moment: it may write long after it has read. */
function slowCopies(store: ObjectStore, isSlow: () => boolean, stand: () => Promise<void>): ObjectStore {
  return {
    ...store,
    async copy(from, to) {
      if (!isSlow()) return store.copy(from, to)
      const found = await store.get(from)
      await stand()
      if (found === null) return 'missing'
      await store.put(to, found.body, { kind: 'any' })
      return 'copied'
    },
    async putSpliced(key, base, tail) {
      if (!isSlow()) return store.putSpliced(key, base, tail)
      const found = await store.get(base.from)
      await stand()
      const body = await tail
      if (body === null) return 'dropped'
      if (found === null || found.body.length < base.bytes) return 'missing'
      const end = body instanceof Uint8Array ? body : await readFile(body.scratchFile)
      await store.put(key, Buffer.concat([found.body.subarray(0, base.bytes), end]), { kind: 'any' })
      return 'stored'
    },
  }
}
