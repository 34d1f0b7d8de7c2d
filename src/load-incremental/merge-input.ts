import type { WriteCosts } from '../costs.ts'
import type { Snapshot } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import type { Staging, TableShape } from '../lake/write-data.ts'
import type { Batch } from '../landing/batch.ts'
import type { Sequence } from './remember.ts'

/** What one batch is merged into. */
export type PlanInput = {
  readonly session: EngineSession
  readonly staging: Staging
  readonly snapshot: Snapshot
  /** The table as it is once the batch is in; types as the snapshot has them (a widening is a commit of its own). */
  readonly shape: TableShape
  /** Its rows stand in the session's relation `changes`. */
  readonly batch: Pick<Batch, 'beforeImages'>
  /** Null: the changes of a key apply in landing order. */
  readonly sequence: Sequence | null
  /** By which is chosen how files are read and written. */
  readonly costs: WriteCosts
}

export type MergeInput = PlanInput & { readonly batch: Pick<Batch, 'files'> }
