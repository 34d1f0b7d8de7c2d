import type { Catalog } from './catalog/catalog.ts'
import type { Clock } from './clock.ts'
import type { WriteCosts } from './costs.ts'
import type { Lease } from './domain.ts'
import type { Engine } from './engine/engine.ts'
import type { Log } from './log.ts'
import type { ObjectStore } from './objects/object-store.ts'
import type { StateStore } from './state/state-store.ts'

/** Everything of the world that a run may touch. */
export type Ports = {
  readonly landing: ObjectStore
  readonly lake: ObjectStore
  readonly state: StateStore
  /** Null where the lake is on files, which no catalog can point at. */
  readonly catalog: CatalogPort | null
  readonly engine: () => Promise<Engine>
  readonly clock: Clock
  readonly log: Log
  /** A new unique id that sorts by time (ULID). */
  readonly newId: () => string
  readonly holder: Holder
  /** A batch of change files is cut near this many bytes, so that a backlog needs no more memory than an hour. */
  readonly batchBytesMax: number
  readonly writeCosts: WriteCosts
}

export type CatalogPort = {
  /** Where tables go; null: into the database that is called as their schema. */
  readonly database: string | null
  readonly open: () => Promise<Catalog>
}

/** This process as a lease names it, and what it can tell of others. */
export type Holder = {
  readonly self: Pick<Lease, 'host' | 'pid' | 'processStartedMs'>
  probe(lease: Lease): Promise<'alive' | 'dead' | 'unknown'>
}
