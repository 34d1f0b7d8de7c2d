import type { Snapshot } from '../domain.ts'
import { asDmscdcError } from '../errors.ts'
import { openHead } from './open-head.ts'
import type { TableRun } from './table-run.ts'

/**
 * Reads without the lease: runs `work` on the newest version (null: there is none yet), and again where another run removed files of
 * it meanwhile, which says nothing against the lake.
 */
export async function onNewestHead<T>(run: TableRun, work: (head: Snapshot | null) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const head = await openHead(run)
    try {
      return await work(head)
    } catch (thrown) {
      const isGone = asDmscdcError(thrown).kind === 'corrupt-lake' && (await openHead(run))?.version !== head?.version
      if (!isGone || tries === triesMax) throw thrown
    }
  }
}

const triesMax = 5
