import type { Catalog } from '../catalog/catalog.ts'
import { rehearsedCatalog } from '../catalog/rehearsed-catalog.ts'
import { tableName } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { readHistory } from '../lake/history.ts'
import { logPrefix, parseLogKey, type TablePlace } from '../lake/keys.ts'
import { silentLog } from '../log.ts'
import { rehearsedObjects } from '../objects/rehearsed-objects.ts'
import type { CatalogPort, Ports } from '../ports.ts'
import { parseLease } from '../state/lease-row.ts'
import { memoryState, type RowTexts } from '../state/memory-state.ts'
import { rowText } from '../state/row-text.ts'
import type { StateItem, StateRow } from '../state/state-store.ts'

export type Rehearsal = {
  /** Everything can be done on them, and nothing of it comes about. */
  readonly ports: Ports
  /** The landing files that the commits made here name as taken, in the order of the commits. */
  inputs(place: TablePlace): Promise<readonly string[]>
  /** Gives the disk back what was written so far; nothing of that can be read any more. */
  clear(): Promise<void>
}

/**
 * The world as it is, for runs without effects: landing, lake and catalog are read and never written, the rows are a copy, and
 * a lease that stands is taken over as if its holder had died.
 */
export function rehearse(ports: Ports, items: readonly StateItem[]): Rehearsal {
  let session: Promise<EngineSession> | null = null
  const keep = async () => {
    session ??= ports.engine().then((engine) => engine.openSession())
    return (await session).scratchPath('kept')
  }
  const options = { nowMs: ports.clock.nowMs, keep }
  const lake = rehearsedObjects(ports.lake, options)
  return {
    ports: {
      ...ports,
      landing: rehearsedObjects(ports.landing, options).store,
      lake: lake.store,
      state: memoryState({ landingPlace: ports.landing.place, rows: rowsOf(items) }),
      catalog: ports.catalog && rehearsedCatalogPort(ports.catalog),
      log: silentLog,
    },
    async inputs(place) {
      const written = lake.written().map((key) => parseLogKey(logPrefix(place), key))
      const versions = written.flatMap((found) => (found?.kind === 'entry' ? [found.version] : []))
      const commits = await Promise.all(versions.map((head) => readHistory(lake.store, place, { head, limit: 1 })))
      return commits.flat().flatMap(({ receipt }) => receipt?.landingFiles ?? [])
    },
    async clear() {
      const kept = await session?.catch(() => null)
      session = null
      await kept?.close()
    },
  }
}

function rowsOf(items: readonly StateItem[]): RowTexts {
  const readable = items.flatMap(({ id, row }) => (row === null ? [] : [{ id, text: rowText(withDeadHolder(row)) }]))
  return new Map(readable.map((one) => [tableName(one.id), one]))
}

function withDeadHolder(row: StateRow): StateRow {
  const lease = parseLease(row.Lease)
  return lease === null || lease === 'malformed' ? row : { ...row, Lease: { ...lease, expiresMs: 0 } }
}

function rehearsedCatalogPort({ database, open }: CatalogPort): CatalogPort {
  let catalog: Promise<Catalog> | null = null
  return {
    database,
    open() {
      catalog ??= open().then(rehearsedCatalog)
      return catalog
    },
  }
}
