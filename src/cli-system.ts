import { type Flags, type ObjectLocation, readConfig } from './config.ts'
import { openSystem, type System } from './system.ts'
import { terminalLog } from './terminal-log.ts'

export type CommonFlags = Flags & { readonly json?: boolean }

/** Opens what the flags name for the length of one command. `readable`: further local folders that the engine may read. */
export async function withSystem<T>(
  flags: CommonFlags,
  work: (system: System) => Promise<T>,
  readable: readonly ObjectLocation[] = [],
): Promise<T> {
  const config = readConfig(flags)
  const log = terminalLog({ verbose: config.verbose, quiet: flags.json === true })
  const system = await openSystem(config, log, readable)
  try {
    return await work(system)
  } finally {
    await system.close()
    log.end()
  }
}
