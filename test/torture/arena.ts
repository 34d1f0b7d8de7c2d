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
  /** The command that registers the tables. */
  readonly registers: readonly string[]
  readonly landing: Landing
  /** After so long, what arrives has a later date than what is there. */
  readonly datesDifferMs: number
  /** Base names of what the landing holds of a table. */
  readonly filesOf: (table: string) => Promise<readonly string[]>
  /** What attempts have staged in the lake and not cleared. */
  readonly staged: () => Promise<readonly string[]>
  close(): Promise<void>
}

/** Landing, lake and state below a folder. */
export function onDisk(folder: string): Arena {
  const [landing = '', lake = '', state = '', temp = ''] = ['landing', 'lake', 'state', 'temp'].map((name) =>
    join(folder, name),
  )
  for (const made of [landing, temp]) mkdirSync(made)
  return {
    environment: { DMSCDC_LANDING: landing, DMSCDC_LAKE: lake, DMSCDC_STATE: state, DMSCDC_TEMP: temp },
    registers: ['tables'],
    landing: landingFolder(landing),
    datesDifferMs: 20,
    filesOf: (table) => readdir(join(landing, schema, table)).catch(() => []),
    staged: async () => stagedIn(lake),
    close: async () => {},
  }
}
