import type { Snapshot } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import type { CheckpointEngine } from '../lake/checkpoint.ts'
import { checkpointReadSql, checkpointWriteSql } from '../lake/checkpoint-sql.ts'
import { openSnapshot } from '../lake/open-snapshot.ts'
import type { TableRun } from './table-run.ts'

/** The table at the head of its log, null before its first commit. The engine starts only if there is a checkpoint to read. */
export function openHead(run: TableRun, options: { readonly version?: number } = {}): Promise<Snapshot | null> {
  return openSnapshot({
    store: run.ports.lake,
    place: run.place,
    knownVersion: run.mirror.version,
    readCheckpoint: checkpointEngine(run.session).readCheckpoint,
    ...options,
  })
}

/** Checkpoints are Parquet, so the engine writes and reads them. */
export function checkpointEngine(openSession: () => Promise<EngineSession>): CheckpointEngine {
  return {
    async writeCheckpoint(actions) {
      const session = await openSession()
      const lineBytesMax = actions.split('\n').reduce((most, line) => Math.max(most, Buffer.byteLength(line)), 0)
      const scratchFile = await session.scratchPath('checkpoint.parquet')
      await session.run(checkpointWriteSql(await session.writeText('actions.json', actions), scratchFile, lineBytesMax))
      return { scratchFile, sizeBytes: await session.sizeOf(scratchFile) }
    },
    async readCheckpoint(localPath) {
      const session = await openSession()
      const rows = await session.rows(checkpointReadSql(await session.link(localPath)))
      return rows.map(({ line }) => String(line))
    },
  }
}
