import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Segment } from '../domain.ts'
import { footerBytesOf, holdsRows, segmentsOf } from './duckdb-scratch.ts'
import type { OnFinished } from './engine.ts'

export type FinishedFiles = {
  /** Ends the watch; what is being hashed is hashed to its end. Throws what `onFinished` threw. */
  stop(): Promise<void>
  segments(path: string, sizeBytes: number): Promise<readonly Segment[]>
}

/**
 * Hashes the Parquet files of a folder that the engine writes one behind the other: those that look finished, while it writes the
 * next, and tells of each. The engine only appends, so a hash counts where the file still has the size that was hashed.
 */
export function watchFinished(folder: string, onFinished: OnFinished = async () => {}): FinishedFiles {
  const hashed = new Map<string, { readonly sizeBytes: number; readonly segments: readonly Segment[] }>()
  const stopping = new AbortController()
  let told: Promise<void> = Promise.resolve()
  const lookAround = async () => {
    for (const path of await filesIn(folder)) {
      if (stopping.signal.aborted) return
      if (hashed.has(path) || (await footerBytesOf(path)) === null) continue
      const { size } = await stat(path)
      hashed.set(path, { sizeBytes: size, segments: await segmentsOf(path, size) })
      // A query without rows leaves a file too, which is nobody's.
      if (!(await holdsRows(path, size))) continue
      told = told.then(() => onFinished({ scratchFile: path, sizeBytes: size }))
      await told
    }
  }
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      // What cannot be read yet is read when it is asked for.
      await lookAround().catch(() => {})
      await sleep(lookAroundMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await watching
      await told
    },
    async segments(path, sizeBytes) {
      const known = hashed.get(path)
      return known?.sizeBytes === sizeBytes ? known.segments : segmentsOf(path, sizeBytes)
    },
  }
}

const lookAroundMs = 100

async function filesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name))
}
