import { corruptLake } from '../lake/corrupt-lake.ts'
import { dataKey, stagedKey } from '../lake/keys.ts'
import { newPath, type Staging, stageFile, type TableShape } from '../lake/write-data.ts'
import type { PutBody } from '../objects/object-store.ts'
import type { SplicePlan } from './splice-file.ts'

/** A staged file that the store makes of another one's bytes; it may have begun to copy them before the tail is there. */
export type BegunSplice = {
  readonly path: string
  /** Returns once the file is staged: of the tail, or of the whole where that was joined here. */
  end(scratchFile: string): Promise<void>
  /** Nothing is staged after all. */
  drop(): Promise<void>
}

export function beginSplice(
  { staging, shape }: { readonly staging: Staging; readonly shape: TableShape },
  { opened: { file }, joined, keptBytes }: Pick<SplicePlan, 'opened' | 'joined' | 'keptBytes'>,
): BegunSplice {
  const path = newPath(staging, shape, file.partition)
  if (joined) return { path, end: (scratchFile) => stageFile(staging, path, scratchFile), async drop() {} }
  const from = dataKey(staging.place, file.path)
  let give: (tail: PutBody | null) => void = () => {}
  const tail = new Promise<PutBody | null>((resolve) => {
    give = resolve
  })
  const put = staging.lake.putSpliced(stagedKey(staging.place, staging.txnId, path), { from, bytes: keptBytes }, tail)
  // Told by `end`, which comes later than the error may.
  put.catch(() => {})
  return {
    path,
    async end(scratchFile) {
      give({ scratchFile })
      if ((await put) === 'missing') throw corruptLake(`lake file ${from} went away while a new one was made of it`)
    },
    async drop() {
      give(null)
      await put.catch(() => {})
    },
  }
}
