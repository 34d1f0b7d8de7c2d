import { type CursorEdit, type LandingTable, type Mirror, type Progress, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { entryOf, startBehind } from '../landing/move-progress.ts'
import { baseName, classify } from '../landing/names.ts'
import { firstCursor, neverLoadedDate } from '../state/row.ts'
import type { StateItem } from '../state/state-store.ts'
import type { StartingPoint } from './decide.ts'

/** The cursors that an operator edited: those that differ from their own twins, never from the log. Null: none. */
export function editedCursors(mirror: Mirror): CursorEdit | null {
  const { version, mirroredIncrementalFile, mirroredFullLoadDate } = mirror
  if (version === null) return null
  const edited = (cursor: string, twin: string | null) => (twin === null || cursor === twin ? null : cursor)
  const incrementalFile = edited(mirror.lastIncrementalFile, mirroredIncrementalFile)
  const fullLoadDate = edited(mirror.lastFullLoadDate, mirroredFullLoadDate)
  return incrementalFile === null && fullLoadDate === null ? null : { version, incrementalFile, fullLoadDate }
}

/** What of an edit no commit has obeyed yet. One beside a `Version` before that of a restore is void: it was meant for the table that the restore took away. */
export function standingEdit(mirror: Mirror, { obeyed, restored }: Progress): CursorEdit | null {
  const edit = editedCursors(mirror)
  if (edit !== null && restored !== undefined && edit.version < restored.version) return null
  if (edit === null || obeyed?.version !== edit.version) return edit
  const incrementalFile = edit.incrementalFile === obeyed.incrementalFile ? null : edit.incrementalFile
  const fullLoadDate = edit.fullLoadDate === obeyed.fullLoadDate ? null : edit.fullLoadDate
  return incrementalFile === null && fullLoadDate === null ? null : { ...edit, incrementalFile, fullLoadDate }
}

/** The record of an obeyed edit; another one beside the same `Version` stays in it. */
export function obeyedWith({ obeyed }: Progress, edit: CursorEdit): CursorEdit {
  if (obeyed?.version !== edit.version) return edit
  return {
    version: edit.version,
    incrementalFile: edit.incrementalFile ?? obeyed.incrementalFile,
    fullLoadDate: edit.fullLoadDate ?? obeyed.fullLoadDate,
  }
}

type Row = { readonly item: StateItem; readonly mirror: Mirror; readonly listing: LandingTable }

/** Where a table without a log begins: its cursors are the starting point. Throws `invalid-config` for one that cannot be. */
export function startingPoint({ item, mirror, listing: landing }: Row): StartingPoint {
  const progress = startBehind(cursorKey(item, mirror.lastIncrementalFile, landing))
  const loadedMs = mirror.lastFullLoadDate === neverLoadedDate ? null : momentMs(item, mirror.lastFullLoadDate)
  const passed = landing.loads.filter(({ modifiedMs }) => loadedMs !== null && modifiedMs < loadedMs + cursorUnitMs)
  const files = passed.map((file) => entryOf(file, 'cursor'))
  return { progress, load: { generation: 0, files, newestModifiedMs: loadedMs } }
}

/** `LastFullLoadDate` is cut to seconds: an object of the same second counts as not newer. */
export const cursorUnitMs = 1000

/**
 * The key below the table that `LastIncrementalFile` names; null for the cursor of a new row, which lies before all files. A base name alone
 * will do. Throws `invalid-config` for the path of anything else.
 */
export function cursorKey(item: StateItem, cursor: string, { changes }: LandingTable): string | null {
  const place = cursor.trim().replace(/^(s3|s3a|s3n|file):\/\//u, '')
  if (place === firstCursor(item.path)) return null
  const key = place.startsWith(item.path) ? place.slice(item.path.length) : place.includes('/') ? '' : place
  if (baseName(key) === '' || classify(key).kind === 'load')
    throw new DmscdcError(
      'invalid-config',
      `state row of ${tableName(item.id)}: attribute LastIncrementalFile is ${cursor}, expected the path of a change file below ${item.path}`,
      { hint: `correct the attribute LastIncrementalFile in the row, for instance to ${firstCursor(item.path)}` },
    )
  if (key === firstCursor('')) return null
  return key.includes('/') ? key : (changes.findLast(({ name }) => name === key)?.key ?? key)
}

/** Milliseconds since the epoch of a `LastFullLoadDate`; UTC where it names no zone. */
export function momentMs(item: StateItem, date: string): number {
  const text = date.replace(' ', 'T')
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/u.test(text) ? text : `${text}Z`)
  if (!Number.isNaN(ms)) return ms
  throw new DmscdcError(
    'invalid-config',
    `state row of ${tableName(item.id)}: attribute LastFullLoadDate is ${date}, expected a UTC time as 2024-06-12 10:31:27`,
    { hint: `correct the attribute LastFullLoadDate in the row, for instance to ${neverLoadedDate}` },
  )
}
