import { ulid } from 'ulid'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { duckdbEngine } from './engine/duckdb-engine.ts'
import type { Engine } from './engine/engine.ts'
import type { Log } from './log.ts'
import { fileObjects } from './objects/file-objects.ts'
import type { Ports } from './ports.ts'
import { fileState } from './state/file-state.ts'
import { processHolder } from './state/holder.ts'

export type System = { readonly ports: Ports; close(): Promise<void> }

/** The composition root: which adapter stands behind which port. The engine starts when something first needs it. */
export function openSystem(config: Config, log: Log): System {
  const landing = fileObjects(config.landing.folder)
  let engine: Promise<Engine> | null = null
  const ports: Ports = {
    landing,
    lake: fileObjects(config.lake.folder),
    state: fileState({ dir: config.state.folder, landingPlace: landing.place }),
    engine: () => {
      engine ??= duckdbEngine({
        memoryBytes: config.memoryBytes,
        threads: config.threads,
        temp: config.temp,
        readable: [config.landing.folder, config.lake.folder],
      })
      return engine
    },
    clock: systemClock,
    log,
    newId: () => ulid(),
    holder: processHolder(),
    batchBytesMax: config.memoryBytes / 2,
  }
  return {
    ports,
    async close() {
      await (await engine)?.close()
    },
  }
}
