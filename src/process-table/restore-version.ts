import { type LandingFile, type Progress, type Snapshot, type TakenFile, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import { type FormerFile, findFormer, stageFormer } from '../lake/bring-back.ts'
import { type HistoryEntry, inForce, readHistory } from '../lake/history.ts'
import { retainMsOf } from '../lake/retention.ts'
import { entryOf } from '../landing/move-progress.ts'
import { landingOrder } from '../landing/names.ts'
import { isPendingKey, pendingChanges } from '../landing/pending.ts'
import { commitCommand } from './command.ts'
import { stageAndCommit } from './commit-work.ts'
import type { HeldTable } from './held-table.ts'
import { openHead } from './open-head.ts'
import { type StagedWork, unchanged } from './staged-work.ts'
import type { TableRun } from './table-run.ts'

export type RestoreAsked = {
  readonly version: number
  /** The landing files taken since then stay taken: their changes are left out for good. */
  readonly keepProgress: boolean
}

/**
 * Brings back rows, schema and progress of a version as a new commit, and sets the table inactive. The commit says that it is a restore,
 * and the row's `Version` whether it was told so: where this run dies between the two, the next one sets it inactive. A restore
 * that stands at the head already is not made twice. Returns the version of the commit.
 */
export function restoreVersion(run: TableRun, asked: RestoreAsked): Promise<number> {
  const commit = async (table: HeldTable, standing: Snapshot | null) => {
    const head = refuseUnloaded(run, standing)
    if (standsRestored(head, asked)) return null
    const target = await openTarget(run, head, asked)
    const former = await findAll(run, head, target)
    const since = await takenSince(run, head, target)
    if (!asked.keepProgress) refuseGone(run, since)
    return stageAndCommit(table, head, 'restore', async (staging): Promise<StagedWork> => {
      const kept = new Set(target.files.map(({ path }) => path))
      const passed = asked.keepProgress ? since.untaken : []
      return {
        ...unchanged(head),
        operation: 'RESTORE',
        schema: { columns: target.columns, partitionColumns: target.partitionColumns },
        add: await stageFormer(staging, target.partitionColumns, former),
        remove: head.files.filter(({ path }) => !kept.has(path)),
        progress: restoredProgress(table.run, head, target, { asked, passed }),
        load: asked.keepProgress ? null : target.load,
        passedOver: passed.map(({ key }) => ({ key, why: `restored to version ${String(target.version)}` })),
        restored: { version: target.version, progressKept: asked.keepProgress },
        note: noteOf(target, asked, since),
      }
    })
  }
  return commitCommand(run, commit, { setInactive: true })
}

function refuseUnloaded({ item }: TableRun, head: Snapshot | null): Snapshot {
  if (head !== null) return head
  throw new UsageError(`${tableName(item.id)} was not loaded yet: it has no version`, 'dmscdc run')
}

/** The same command was given before, and its run perhaps died right after the commit. */
function standsRestored({ version, progress }: Snapshot, asked: RestoreAsked): boolean {
  const { restored } = progress
  return (
    restored !== undefined &&
    restored.version === version &&
    restored.from === asked.version &&
    restored.progressKept === asked.keepProgress
  )
}

async function openTarget(run: TableRun, head: Snapshot, { version }: RestoreAsked): Promise<Snapshot> {
  const name = tableName(run.item.id)
  if (version === head.version)
    throw new UsageError(
      `${name} stands at version ${String(version)}: there is nothing to restore`,
      `dmscdc history ${name}`,
    )
  if (version > head.version)
    throw new UsageError(
      `${name} has no version ${String(version)}, the newest is ${String(head.version)}`,
      `dmscdc history ${name}`,
    )
  return (await openHead(run, { version })) as Snapshot
}

/** The files of a version that the head does not list any more, each with where it is now. */
async function findAll(
  { ports, place, config, item }: TableRun,
  head: Snapshot,
  target: Snapshot,
): Promise<readonly FormerFile[]> {
  const listed = new Set(head.files.map(({ path }) => path))
  const former = await findFormer(
    ports.lake,
    place,
    target.files.filter(({ path }) => !listed.has(path)),
  )
  const gone = former.filter(({ from }) => from.length === 0)
  if (gone.length === 0) return former
  const name = tableName(item.id)
  const keeps = retainMsOf(config.publish, config.retainMs)
  const kept =
    keeps === 0 ? 'Retain is 0, which keeps none' : `Retain keeps them ${String(Math.round(keeps / 3_600_000))} hours`
  throw new UsageError(
    `${name} cannot go back to version ${String(target.version)}: ${String(gone.length)} of its ${String(target.files.length)} data files are gone, ${gone[0]?.file.path ?? ''} first; superseded files are kept as long as Retain says (${kept})`,
    `a newer version (dmscdc history ${name}), or dmscdc replay ${name} --from LOAD00000001.parquet; for the next time: dmscdc set ${name} --retain 7d`,
  )
}

type Since = {
  /** Every landing file that was taken after the version. */
  readonly taken: readonly string[]
  /** Of these the change files that the version's progress does not count as taken, in landing order. */
  readonly untaken: readonly TakenFile[]
  /** Of `taken` those that the landing does not hold any more. */
  readonly gone: readonly string[]
}

async function takenSince({ ports, place, listing }: TableRun, head: Snapshot, target: Snapshot): Promise<Since> {
  const limit = head.version - target.version
  const entries = inForce(await readHistory(ports.lake, place, { head: head.version, limit }))
  const taken = [...new Set(lastLine(entries).flatMap(({ receipt }) => receipt?.landingFiles ?? []))]
  const files = new Map([...listing.loads, ...listing.changes].map((file) => [file.key, file]))
  const untaken = taken
    .filter((key) => isPendingKey(key, target.progress))
    .sort(landingOrder)
    .map((key): TakenFile => {
      const { etag = '', sizeBytes = 0 } = files.get(key) ?? {}
      return { key, etag, sizeBytes, sha256: null, passedOver: 'cursor' }
    })
  return { taken, untaken, gone: taken.filter((key) => !files.has(key)) }
}

/** What was taken before the table was last made anew will not be taken again: it will be made anew again. */
function lastLine(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const anew = entries.findIndex(({ operation }) => operation === 'INITIAL' || operation === 'REBUILD')
  return anew < 0 ? entries : entries.slice(0, anew + 1)
}

function refuseGone({ item }: TableRun, { gone }: Since): void {
  if (gone.length === 0) return
  const name = tableName(item.id)
  throw new UsageError(
    `${name}: ${String(gone.length)} landing files that were taken since that version are gone, ${gone[0] ?? ''} first: they could not be taken again`,
    'bring them back; or leave the changes since then out for good: --keep-progress',
  )
}

type Passed = { readonly asked: RestoreAsked; readonly passed: readonly TakenFile[] }

/**
 * An edit of the cursors from before the restore is void (`standingEdit`): it was meant for the table that the restore takes away. What the head
 * remembers of deletions stays remembered: by their sequence they are as true of the older rows.
 */
function restoredProgress(run: TableRun, head: Snapshot, target: Snapshot, { asked, passed }: Passed): Progress {
  const kept = asked.keepProgress ? keptProgress(run, head, target, passed) : target.progress
  const { obeyed: _obeyed, remembered: _remembered, forgotten: _forgotten, ...progress } = kept
  const { remembered } = head.progress
  const restored = { version: head.version + 1, from: target.version, progressKept: asked.keepProgress }
  return { ...progress, ...(remembered === undefined ? {} : { remembered }), restored }
}

/**
 * The head's progress over the rows of the version, which were built as they were built. What these rows are made of counts as taken also where
 * the head had gone back behind it: it must not be appended twice.
 */
function keptProgress({ listing }: TableRun, head: Snapshot, target: Snapshot, passed: readonly TakenFile[]): Progress {
  const { mixedTypes: _mixed, adopted: _adopted, ...progress } = head.progress
  const { primaryKey, partitionKey, changeFilesTaken, mixedTypes, adopted } = target.progress
  const isIn = (file: LandingFile) => !isPendingKey(file.key, target.progress)
  const held = pendingChanges(listing.changes, head.progress).filter(isIn)
  const noted = [...held.map((file) => entryIn(target.progress, file)), ...passed]
  const keys = new Set(noted.map(({ key }) => key))
  const window = [...progress.window.filter(({ key }) => !keys.has(key)), ...noted]
  const last = held.at(-1)?.key
  const { cursor } = progress
  return {
    ...progress,
    cursor: last !== undefined && (cursor === null || landingOrder(cursor, last) < 0) ? last : cursor,
    window: window.sort((a, b) => landingOrder(a.key, b.key)),
    changeFilesTaken,
    primaryKey,
    partitionKey,
    ...(mixedTypes === undefined ? {} : { mixedTypes }),
    ...(adopted === undefined ? {} : { adopted }),
  }
}

const entryIn = ({ window }: Progress, file: LandingFile): TakenFile =>
  window.find(({ key }) => key === file.key) ?? entryOf(file)

function noteOf({ version }: Snapshot, { keepProgress }: RestoreAsked, { taken, untaken }: Since): string {
  const back = `restored to version ${String(version)}`
  return keepProgress
    ? `${back}: its rows and schema; the progress stays, so ${String(untaken.length)} change files taken since then are left out for good`
    : `${back}: its rows, schema and progress; ${String(taken.length)} landing files taken since then are to be taken again`
}
