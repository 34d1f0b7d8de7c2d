import type { Lease, TableId } from '../domain.ts'
import { parseLease, type RowWrite } from './lease-row.ts'
import type { StateStore } from './state-store.ts'

const roundsMax = 4

/**
 * Does the first of the writes whose condition holds, as long as this run holds the table; null where another run took it
 * over. The holder is known by its run id alone: a lost answer, or an item that an operator saved in the console, may
 * leave another of this run's leases in the row than the one that it wrote last. `writesFor` gets the lease that stands there.
 */
export async function writeAsHolder<Write extends RowWrite>(
  state: StateStore,
  id: TableId,
  lease: Lease,
  writesFor: (lease: Lease) => readonly Write[],
): Promise<Write | null> {
  let standing = lease
  for (let round = 1; round <= roundsMax; round++) {
    for (const write of writesFor(standing)) {
      if ((await state.update(id, write.change, write.condition)) === 'updated') return write
    }
    const found = parseLease((await state.get(id))?.row?.Lease)
    if (found === null || found === 'malformed' || found.runId !== lease.runId) return null
    standing = found
  }
  return null
}
