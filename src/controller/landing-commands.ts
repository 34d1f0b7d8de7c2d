import { type LandingFile, type TableId, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { replayFrom } from '../process-table/replay-from.ts'
import { skipFile as skip } from '../process-table/skip-file.ts'
import { type TableRun, withTableRun } from '../process-table/table-run.ts'
import { registerNamed } from './named-tables.ts'
import { knownTables } from './register.ts'

/** Moves the progress back to before a landing file; the next run takes the files from there on again. Returns the version that says so. */
export async function replayFile(ports: Ports, id: TableId, file: string): Promise<number> {
  const [item] = await registerNamed(ports, await knownTables(ports), [id])
  if (item === undefined) throw new UsageError(`there is no table ${tableName(id)}`, 'dmscdc tables')
  return withTableRun(ports, item, (run) => replayFrom(run, landingFile(run, file)))
}

/** Passes over a landing file for good; `file` is its base name, or its key below the table. Returns the version that says so. */
export async function skipFile(ports: Ports, id: TableId, file: string, why: string): Promise<number> {
  const [item] = await registerNamed(ports, await knownTables(ports), [id])
  if (item === undefined) throw new UsageError(`there is no table ${tableName(id)}`, 'dmscdc tables')
  return withTableRun(ports, item, (run) => skip(run, landingFile(run, file), why))
}

/** The landing file that a command line names. */
export function landingFile({ listing }: TableRun, text: string): LandingFile {
  const files = [...listing.loads, ...listing.changes]
  const found = files.filter(({ key }) => key === text)
  const byName = found.length > 0 ? found : files.filter(({ name }) => name === text)
  const [file, another] = byName
  const table = tableName(listing.id)
  if (file === undefined) throw new UsageError(`${table} has no landing file ${text}`, `dmscdc plan --table ${table}`)
  if (another === undefined) return file
  throw new UsageError(
    `${table} has ${String(byName.length)} landing files named ${text}: give the key below the table`,
    `dmscdc plan --table ${table}`,
  )
}
