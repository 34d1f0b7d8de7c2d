import * as z from 'zod'
import type { Lease, Mirror } from '../domain.ts'
import { digestText } from './attribute-text.ts'
import type { RowChange, RowCondition, StateRow } from './state-store.ts'

/** A conditional write of a row. */
export type RowWrite = { readonly change: RowChange; readonly condition: RowCondition }

const count = z.number().int().nonnegative()

const leaseShape = z.object({
  runId: z.string().min(1),
  txnId: z.string().nullable(),
  host: z.string(),
  pid: z.number().int().positive(),
  processStartedMs: z.number(),
  epoch: count,
  expiresMs: z.number(),
})

/** The attribute `Lease` as it stands in a row; null when there is none. */
export function parseLease(value: unknown): Lease | null | 'malformed' {
  if (value === undefined || value === null) return null
  const parsed = leaseShape.safeParse(value)
  return parsed.success ? parsed.data : 'malformed'
}

/** The epoch of the last lease; it outlives the lease in an attribute of its own. */
export function leaseEpochOf(row: StateRow): number {
  const parsed = count.safeParse(row.LeaseEpoch)
  return parsed.success ? parsed.data : 0
}

/** Prolongs a lease, or names the next attempt in it; fails when another run took over. `lease` is as last written. */
export function renewal(
  lease: Lease,
  nowMs: number,
  durationMs: number,
  txnId: string | null = lease.txnId,
): RowWrite & { readonly lease: Lease } {
  const renewed: Lease = { ...lease, txnId, expiresMs: nowMs + durationMs }
  return { lease: renewed, change: { set: { Lease: renewed } }, condition: { Lease: lease } }
}

/** Gives the table free; fails when another run took over. `lease` is as last written. */
export function release(lease: Lease): RowWrite {
  return { change: { remove: ['Lease'] }, condition: { Lease: lease } }
}

/** What a commit leaves for the row to repeat. */
export type Mirrored = Pick<Mirror, 'lastIncrementalFile' | 'lastFullLoadDate' | 'digest' | 'window' | 'published'> & {
  readonly version: number
}

/**
 * Repeats the head of the log in the row. `full` applies if the cursors are what `read`, the row as this run read it, holds;
 * if it fails, an operator edited one under the run (or the lease is lost): then `twinsOnly`, and the edit stands as a
 * cursor that differs from its twin. Both fail when another run took the lease over.
 */
export function mirrorChange(
  read: StateRow,
  mirrored: Mirrored,
  lease: Lease,
): { readonly full: RowWrite; readonly twinsOnly: RowWrite } {
  const twins = {
    MirroredIncrementalFile: mirrored.lastIncrementalFile,
    MirroredFullLoadDate: mirrored.lastFullLoadDate,
    Version: mirrored.version,
  }
  const cursors = { LastIncrementalFile: mirrored.lastIncrementalFile, LastFullLoadDate: mirrored.lastFullLoadDate }
  const set = { ...cursors, ...twins, Published: [...mirrored.published] }
  const seen = mirrored.digest === null ? null : digestText(mirrored.digest, mirrored.window)
  return {
    full: {
      change: seen === null ? { set, remove: ['Digest'] } : { set: { ...set, Digest: seen } },
      condition: {
        LastIncrementalFile: read.LastIncrementalFile,
        LastFullLoadDate: read.LastFullLoadDate,
        Lease: lease,
      },
    },
    twinsOnly: { change: { set: twins }, condition: { Lease: lease } },
  }
}
