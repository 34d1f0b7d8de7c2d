import type { ByteSpan } from '../engine/engine.ts'
import type { OpenedDataFile } from '../lake/data-sql.ts'
import type { VerifyBytes } from '../lake/open-data.ts'

/** That data files hold what was written to them, found out beside the work on what is read of them. */
export type BegunProof = {
  readonly verify: VerifyBytes
  /** Has these bytes compared with their hashes, behind those that are named already. */
  readonly prove: (opened: OpenedDataFile, spans: readonly ByteSpan[]) => void
  /** Returns once all that was named is proven; throws `corrupt-lake` where something else was found. */
  readonly end: () => Promise<void>
  /** The same without what has not begun: the work has failed. */
  readonly stop: () => Promise<void>
}

export function beginProof(verify: VerifyBytes): BegunProof {
  let proven = Promise.resolve()
  let stopped = false
  return {
    verify,
    prove(opened, spans) {
      proven = proven.then(() => (stopped ? undefined : verify(opened, spans)))
      // Told by `end`, which comes later than the error may.
      proven.catch(() => {})
    },
    end: () => proven,
    stop() {
      stopped = true
      return proven
    },
  }
}
