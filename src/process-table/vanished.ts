import { type LandingTable, noChanges, type Snapshot, type TableConfig, type TakenFile } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { emptied } from '../landing/move-progress.ts'
import { sum } from '../sum.ts'

/**
 * What `OnVanish` asks for a table whose landing files are all gone; null: nothing is. A table of which nothing is known that
 * should still be there is left alone: it was never loaded, was emptied already, or lost its files to `Landed`.
 */
export function vanished(
  { onVanish }: TableConfig,
  landing: LandingTable,
  snapshot: Snapshot,
): { readonly kind: 'truncate' } | { readonly kind: 'held'; readonly error: DmscdcError } | null {
  if (onVanish === 'warn' || !isEmptyLanding(landing)) return null
  const missing = filesToBeThere(snapshot)
  if (missing.length === 0) return null
  return onVanish === 'truncate' ? { kind: 'truncate' } : { kind: 'held', error: allGone(missing) }
}

export const isEmptyLanding = ({ loads, changes, transactionFiles }: LandingTable) =>
  loads.length + changes.length + transactionFiles === 0

/**
 * The commit that empties such a table. A full load that comes after it is one that replaces another, so the changes before
 * that one are no part of the table.
 */
export function truncation(snapshot: Snapshot) {
  const deleted = sum(snapshot.files.map(({ rows }) => rows))
  return {
    operation: 'TRUNCATE' as const,
    remove: snapshot.files,
    progress: emptied(snapshot.progress),
    load: { ...snapshot.load, files: [] },
    changes: { ...noChanges, deleted },
    note: 'all landing files were gone, and OnVanish is truncate',
    warnings: ['all of its landing files are gone, so the table was emptied (OnVanish is truncate)'],
  }
}

/** Files that were taken and that `Landed` leaves alone: full loads, and changes within the look-back, which the window holds. */
function filesToBeThere({ load, progress }: Snapshot): readonly TakenFile[] {
  return [...load.files, ...progress.window].filter(({ passedOver }) => passedOver === undefined)
}

function allGone(missing: readonly TakenFile[]): DmscdcError {
  return new DmscdcError(
    'bad-landing',
    `all landing files are gone: found none, expected those that were taken, as ${missing[0]?.key ?? ''} (OnVanish is hold)`,
    {
      hint: 'bring them back, or say what their absence means: dmscdc set <table> --on-vanish truncate empties the table, --on-vanish warn leaves it as it is',
    },
  )
}
