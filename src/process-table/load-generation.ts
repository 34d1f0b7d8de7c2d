import type { LoadGeneration, Snapshot, TakenFile } from '../domain.ts'
import type { OpenedFile } from '../landing/inspect.ts'
import { entryOf } from '../landing/move-progress.ts'

/** The generation that these files replace another with. What was passed over of the old generation is no part of the new one either. */
export function nextGeneration({ load }: { load: LoadGeneration }, files: readonly TakenLandingFile[]): LoadGeneration {
  const loaded = new Set(files.map(({ file }) => file.key))
  const passed = load.files.filter(({ key, passedOver }) => passedOver !== undefined && !loaded.has(key))
  return {
    generation: load.generation + 1,
    files: [...passed, ...files.map(({ taken }) => taken)],
    newestModifiedMs: newest(files, null),
  }
}

/** The same generation, loaded again from these files. */
export function sameGeneration({ load }: Snapshot, files: readonly TakenLandingFile[]): LoadGeneration {
  return { ...nextGeneration({ load }, files), generation: load.generation }
}

/** The generation with files that came late, or its first ones. */
export function moreLoads({ load }: Snapshot, files: readonly TakenLandingFile[]): LoadGeneration {
  return {
    generation: Math.max(load.generation, files.length > 0 ? 1 : 0),
    files: [...load.files, ...files.map(({ taken }) => taken)],
    newestModifiedMs: newest(files, load.newestModifiedMs),
  }
}

function newest(files: readonly TakenLandingFile[], known: number | null): number | null {
  const dates = files.map(({ file }) => file.modifiedMs)
  return dates.length === 0 ? known : Math.max(known ?? 0, ...dates)
}

/** A landing file, and what the log is to hold of it. */
export type TakenLandingFile = Pick<OpenedFile, 'file'> & { readonly taken: TakenFile }

/** Of files whose content a commit takes. Reads their bytes for the hashes, one file after the other. */
export async function takeFiles(
  files: readonly Pick<OpenedFile, 'file' | 'sha256'>[],
): Promise<readonly TakenLandingFile[]> {
  const taken: TakenLandingFile[] = []
  for (const { file, sha256 } of files) taken.push({ file, taken: { ...entryOf(file), sha256: await sha256() } })
  return taken
}
