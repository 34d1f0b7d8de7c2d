import { type Flags, type ObjectLocation, readConfig } from './config.ts'
import { requireTableName } from './controller/set-table.ts'
import type { TableId } from './domain.ts'
import { openSystem, type System } from './system.ts'
import { terminalLog } from './terminal-log.ts'

export type CommonFlags = Flags & { readonly json?: boolean }
export type TableFlags = CommonFlags & { readonly table?: string[]; readonly item?: string[] }

/** Opens what the flags name for the length of one command. `readable`: further local folders that the engine may read. */
export async function withSystem<T>(
  flags: CommonFlags,
  work: (system: System) => Promise<T>,
  readable: readonly ObjectLocation[] = [],
): Promise<T> {
  const config = readConfig(flags)
  const log = await terminalLog({ verbose: config.verbose, quiet: flags.json === true })
  const system = await openSystem(config, log, readable)
  try {
    return await work(system)
  } finally {
    await system.close()
    log.end()
  }
}

/** The tables that the flags name; none: all. */
export function names({ table, item }: TableFlags): readonly TableId[] {
  return [...(table ?? []), ...(item ?? [])].map(requireTableName)
}

/** The result of a command, on stdout. */
export function print<T>(flags: CommonFlags, result: T, text: (result: T) => string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(result, null, 2) : text(result)}\n`)
}
