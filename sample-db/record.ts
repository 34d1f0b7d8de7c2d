import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Source } from './connection.ts'
import { openStandIn, sampleSchema } from './standin.ts'

/**
 * Records the sample database anew: `<folder>/load` is the full load after `schema.sql`, `<folder>/changes` the change files of
 * `changes.sql`. Both are laid out as a DMS target. The small batch size spreads the orders over several change files.
 */
export async function record(source: Source, folder: string, nowMs: () => number): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  const filter = { schema: sampleSchema }
  const load = openStandIn({ source, filter, nowMs, target: join(folder, 'load') })
  const changes = openStandIn({
    source,
    filter,
    nowMs,
    target: join(folder, 'changes'),
    settings: { CdcMinFileSize: 12 },
  })
  await load.init()
  const position = await load.fullLoad()
  await changes.change()
  await changes.followUntilCaughtUp(position)
}
