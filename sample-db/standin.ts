import { join } from 'node:path'
import { type Source, type TableFilter, withConnection } from './connection.ts'
import { follow } from './follow.ts'
import { fullLoad } from './full-load.ts'
import type { Position } from './position.ts'
import { type DmsSettings, defaultSettings } from './settings.ts'
import { runScript, runScriptFile } from './sql-script.ts'

/** A DMS task over one source and one target, as the tests and the recorder drive it. */
export type StandIn = {
  /** Runs the statements of a script in the source. */
  run(script: string): Promise<void>
  /** Creates the sample database anew. */
  init(): Promise<void>
  /** Runs `changes.sql`. */
  change(): Promise<void>
  /** Writes the LOAD files; the position is where to follow from. */
  fullLoad(): Promise<Position>
  /** Writes what has been committed since the position as change files and returns the next position. */
  followUntilCaughtUp(from: Position): Promise<Position>
}

export type StandInOptions = {
  readonly source: Source
  readonly target: string
  readonly filter?: TableFilter
  readonly settings?: Partial<DmsSettings>
  readonly replicaId?: number
  /** The clock that names the change files. */
  readonly nowMs: () => number
}

export const sampleSchema = 'sampledb'
export const schemaScript = join(import.meta.dirname, 'schema.sql')
export const changesScript = join(import.meta.dirname, 'changes.sql')

export function openStandIn(options: StandInOptions): StandIn {
  const { source, target, nowMs } = options
  const filter = options.filter ?? { schema: sampleSchema }
  const settings = { ...defaultSettings, ...options.settings }
  const replicaId = options.replicaId ?? 7101
  return {
    run: (script) => runScript(source, script),
    init: () => runScriptFile(source, schemaScript),
    change: () => runScriptFile(source, changesScript),
    fullLoad: () => fullLoad({ source, target, filter, settings, nowMs }),
    followUntilCaughtUp: (from) =>
      follow(from, { source, target, filter, settings, nowMs, replicaId, untilCaughtUp: true }),
  }
}

/** The number of rows of each table of the sample database, by name. */
export async function countRows(source: Source, tables: readonly string[]): Promise<Record<string, number>> {
  return withConnection(source, async (connection) => {
    const counts: Record<string, number> = {}
    for (const table of tables) {
      const [rows] = await connection.query(`select count(*) n from ${sampleSchema}.${table}`)
      counts[table] = Number((rows as { n: string | number }[])[0]?.n)
    }
    return counts
  })
}
