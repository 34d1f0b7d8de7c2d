import type { EngineSession } from '../engine/engine.ts'
import { corruptLake } from '../lake/corrupt-lake.ts'
import { dataKey, stagedKey } from '../lake/keys.ts'
import { newPath, type Staging, stageFile, type TableShape } from '../lake/write-data.ts'
import type { SplicePlan } from './splice-file.ts'

/** A staged file of another one's bytes, which may be on their way to it before the tail is there. */
export type BegunSplice = {
  readonly path: string
  /** Returns once its way to the store has begun; `staged` is when it is there. */
  end(tailFile: string): Promise<{ readonly staged: Promise<void> }>
  /** Nothing is staged after all. */
  drop(): Promise<void>
}

type SpliceInput = { readonly session: EngineSession; readonly staging: Staging; readonly shape: TableShape }

export function beginSplice(input: SpliceInput, splice: SplicePlan): BegunSplice {
  const path = newPath(input.staging, input.shape, splice.opened.file.partition)
  return splice.joined ? joinedHere(input, splice, path) : joinedByTheStore(input, splice, path)
}

/** Of the bytes that the store has. */
function joinedByTheStore(
  { staging: { lake, place, txnId } }: SpliceInput,
  { opened: { file }, keptBytes }: SplicePlan,
  path: string,
): BegunSplice {
  let give: (tailFile: string | null) => void = () => {}
  const tail = new Promise<string | null>((resolve) => {
    give = resolve
  })
  const base = { from: dataKey(place, file.path), bytes: keptBytes }
  const body = tail.then((scratchFile) => (scratchFile === null ? null : { scratchFile }))
  const put = lake.putSpliced(stagedKey(place, txnId, path), base, body)
  // Told by `end`, which comes later than the error may.
  put.catch(() => {})
  const staged = async () => {
    if ((await put) === 'missing') throw corruptLake(`lake file ${file.path} went away while a new one was made of it`)
  }
  return {
    path,
    async end(tailFile) {
      give(tailFile)
      return { staged: staged() }
    },
    async drop() {
      give(null)
      await put.catch(() => {})
    },
  }
}

/** Of the bytes that were fetched. */
function joinedHere({ session, staging }: SpliceInput, { opened, keptBytes }: SplicePlan, path: string): BegunSplice {
  return {
    path,
    async end(tailFile) {
      const joined = await session.extend({ path: opened.path, bytes: keptBytes }, tailFile)
      return { staged: stageFile(staging, path, joined) }
    },
    async drop() {},
  }
}
