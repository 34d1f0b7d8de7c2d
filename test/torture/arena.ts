import { mkdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { stagedIn } from '../e2e/process.ts'
import type { Landing } from './carrier.ts'
import { landingFolder } from './landing-folder.ts'
import { schema } from './tables.ts'

/** Where a torture takes place: the landing that files arrive in, and what `dmscdc` is told. */
export type Arena = {
  readonly environment: Readonly<Record<string, string>>
  readonly landing: Landing
  /** Base names of what the landing holds of a table. */
  readonly filesOf: (table: string) => Promise<readonly string[]>
  /** What attempts have staged in the lake and not cleared. */
  readonly staged: () => readonly string[]
  close(): Promise<void>
}

export function onDisk(folder: string): Arena {
  const [landing, lake, state, temp] = ['landing', 'lake', 'state', 'temp'].map((name) => join(folder, name))
  mkdirSync(landing as string)
  return {
    environment: {
      DMSCDC_LANDING: landing as string,
      DMSCDC_LAKE: lake as string,
      DMSCDC_STATE: state as string,
      DMSCDC_TEMP: temp as string,
    },
    landing: landingFolder(landing as string),
    filesOf: (table) => readdir(join(landing as string, schema, table)).catch(() => []),
    staged: () => stagedIn(lake as string),
    close: async () => {},
  }
}
