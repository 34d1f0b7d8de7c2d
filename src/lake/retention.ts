import type { Snapshot, Tombstone, View } from '../domain.ts'

/** How long superseded files stay where the table is read through a view and the operator says nothing. */
export const viewRetainMs = 7 * 24 * 3_600_000

/** True where the table is read through a view: then superseded files stay in its folder. A catalog alone points at the plain folder. */
export function isViewed(views: readonly View[]): boolean {
  return views.includes('delta') || views.includes('manifest')
}

/** The retention that holds: the operator's, or the default of the way the table is published. */
export function retainMsOf(publish: readonly View[], retainMs: number | null): number {
  return retainMs ?? (isViewed(publish) ? viewRetainMs : 0)
}

export function hasExpired(tombstone: Tombstone, options: { retainMs: number; nowMs: number }): boolean {
  return tombstone.deletedAtMs + options.retainMs <= options.nowMs
}

/** The removed files that readers of a view, or `restore`, may still need. */
export function unexpired(snapshot: Snapshot, options: { retainMs: number; nowMs: number }): readonly Tombstone[] {
  return snapshot.tombstones.filter((tombstone) => !hasExpired(tombstone, options))
}
