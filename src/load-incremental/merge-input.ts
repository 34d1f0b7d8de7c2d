import type { Snapshot, WriteCosts } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import type { Staging, TableShape } from '../lake/write-data.ts'
import type { Batch } from '../landing/batch.ts'

/** What one batch is merged into, and by what means. */
export type MergeInput = {
  readonly session: EngineSession
  readonly staging: Staging
  readonly snapshot: Snapshot
  /** The table as it is once the batch is in; types as the snapshot has them (a widening is a commit of its own). */
  readonly shape: TableShape
  readonly batch: Batch
  readonly costs: WriteCosts
}
