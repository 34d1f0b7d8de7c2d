import type { LoadGeneration, Snapshot, TakenFile } from '../domain.ts'
import type { OpenedFile } from '../landing/inspect.ts'
import { entryOf } from '../landing/move-progress.ts'

/** The generation that these files replace another with. What was passed over of the old generation is no part of the new one either. */
export function nextGeneration({ load }: { load: LoadGeneration }, files: readonly OpenedFile[]): LoadGeneration {
  const loaded = new Set(files.map(({ file }) => file.key))
  const passed = load.files.filter(({ key, passedOver }) => passedOver !== undefined && !loaded.has(key))
  return {
    generation: load.generation + 1,
    files: [...passed, ...files.map(takenFile)],
    newestModifiedMs: newest(files, null),
  }
}

/** The same generation, loaded again from these files. */
export function sameGeneration({ load }: Snapshot, files: readonly OpenedFile[]): LoadGeneration {
  return { ...nextGeneration({ load }, files), generation: load.generation }
}

/** The generation with files that came late, or its first ones. */
export function moreLoads({ load }: Snapshot, files: readonly OpenedFile[]): LoadGeneration {
  return {
    generation: Math.max(load.generation, files.length > 0 ? 1 : 0),
    files: [...load.files, ...files.map(takenFile)],
    newestModifiedMs: newest(files, load.newestModifiedMs),
  }
}

function newest(files: readonly OpenedFile[], known: number | null): number | null {
  const dates = files.map(({ file }) => file.modifiedMs)
  return dates.length === 0 ? known : Math.max(known ?? 0, ...dates)
}

/** A file whose content a commit takes. */
export const takenFile = ({ file, sha256 }: OpenedFile): TakenFile => ({ ...entryOf(file), sha256 })
