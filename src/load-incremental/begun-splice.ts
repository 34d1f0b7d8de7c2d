import type { EngineSession } from '../engine/engine.ts'
import { corruptLake } from '../lake/corrupt-lake.ts'
import { dataKey, stagedKey } from '../lake/keys.ts'
import { newPath, type Staging, stageFile, type TableShape } from '../lake/write-data.ts'
import type { SpliceOutcome } from '../objects/object-store.ts'
import type { SplicePlan } from './splice-file.ts'

/** A staged file of another one's bytes, which may be on their way to it before the tail is there. */
export type BegunSplice = {
  readonly path: string
  /** Returns once the file is staged. */
  end(tailFile: string): Promise<void>
  /** Nothing is staged after all. */
  drop(): Promise<void>
}

type SpliceInput = { readonly session: EngineSession; readonly staging: Staging; readonly shape: TableShape }

export function beginSplice(input: SpliceInput, splice: SplicePlan): BegunSplice {
  const { file } = splice.opened
  const path = newPath(input.staging, input.shape, file.partition)
  let give: (tailFile: string | null) => void = () => {}
  const tail = new Promise<string | null>((resolve) => {
    give = resolve
  })
  const put = splice.joined ? putJoined(input, splice, path, tail) : putSpliced(input, splice, path, tail)
  // Told by `end`, which comes later than the error may.
  put.catch(() => {})
  return {
    path,
    async end(tailFile) {
      give(tailFile)
      if ((await put) === 'missing')
        throw corruptLake(`lake file ${file.path} went away while a new one was made of it`)
    },
    async drop() {
      give(null)
      await put.catch(() => {})
    },
  }
}

/** The store makes it of the bytes that it has. */
function putSpliced(
  { staging: { lake, place, txnId } }: SpliceInput,
  { opened, keptBytes }: SplicePlan,
  path: string,
  tail: Promise<string | null>,
): Promise<SpliceOutcome> {
  const base = { from: dataKey(place, opened.file.path), bytes: keptBytes }
  const body = tail.then((scratchFile) => (scratchFile === null ? null : { scratchFile }))
  return lake.putSpliced(stagedKey(place, txnId, path), base, body)
}

/** It is made here, of the bytes that were fetched. */
async function putJoined(
  { session, staging }: SpliceInput,
  { opened, keptBytes }: SplicePlan,
  path: string,
  tail: Promise<string | null>,
): Promise<SpliceOutcome> {
  const tailFile = await tail
  if (tailFile === null) return 'dropped'
  await stageFile(staging, path, await session.extend({ path: opened.path, bytes: keptBytes }, tailFile))
  return 'stored'
}
