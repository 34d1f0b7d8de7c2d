import type { CursorEdit, LandingFile, LoadGeneration, Progress, Snapshot, TakenFile } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { inForce, readHistory } from '../lake/history.ts'
import { entryOf, goneAfter, moveBack, moveForward, type Point, takenAgain } from '../landing/move-progress.ts'
import { baseName, classify, landingOrder, nameTimeMs } from '../landing/names.ts'
import { appliedChanges, generationOf, isPendingKey, leftOut } from '../landing/pending.ts'
import { withReplay } from '../landing/replay-mark.ts'
import { sameContent } from '../landing/same-content.ts'
import { goneForRebuild, goneLoads } from './decide.ts'
import { cursorKey, cursorUnitMs, momentMs, obeyedWith, standingEdit } from './edited-cursors.ts'
import type { TableRun } from './table-run.ts'

/** The bookkeeping of a table as a command leaves it; the rows stay until the next work. */
export type Moved = {
  readonly progress: Progress
  readonly load: LoadGeneration
  readonly passedOver: readonly { readonly key: string; readonly why: string }[]
  /** What was done, for the history. */
  readonly note: string
}

/** The table as it is once an edit that stands in the row is obeyed. */
export async function asEdited(run: TableRun, head: Snapshot): Promise<Snapshot> {
  return movedHead(head, await obeyStanding(run, head))
}

const movedHead = (head: Snapshot, { progress, load }: Moved): Snapshot => ({ ...head, progress, load })

const unmoved = ({ progress, load }: Snapshot, note = ''): Moved => ({ progress, load, passedOver: [], note })

/** The bookkeeping once an edit that stands in the row is obeyed; as it is where none stands. */
export async function obeyStanding(run: TableRun, head: Snapshot): Promise<Moved> {
  const edit = standingEdit(run.mirror, head.progress)
  return edit === null ? unmoved(head) : obeyEdit(run, head, edit)
}

/** Carries out cursors edited by hand. Throws what holds the table where files that it needs again are gone. */
export async function obeyEdit(run: TableRun, head: Snapshot, edit: CursorEdit): Promise<Moved> {
  const { item, listing } = run
  const date = edit.fullLoadDate
  const loads = date === null ? unmoved(head) : await moveFullLoad(run, head, momentMs(item, date))
  const { incrementalFile } = edit
  const key = incrementalFile === null ? null : cursorKey(item, incrementalFile, listing)
  const isReload = loads.progress !== head.progress
  const both = incrementalFile === null ? loads : await moveChanges(run, movedHead(head, loads), key, isReload)
  return {
    ...both,
    progress: { ...both.progress, obeyed: obeyedWith(head.progress, edit) },
    passedOver: [...loads.passedOver, ...(both === loads ? [] : both.passedOver)],
    note: [
      ...(date === null ? [] : [`LastFullLoadDate was set to ${date} by hand: ${loads.note}`]),
      ...(incrementalFile === null
        ? []
        : [`LastIncrementalFile was set to ${key ?? 'the first'} by hand: ${both.note}`]),
    ].join('; '),
  }
}

/**
 * The progress before a landing file; a file of the full load means the whole table. An edit that stands in the row comes first, for
 * it was meant for the table as it is: obeyed afterwards, a cursor that was set back may lie ahead, and would pass over what is to be taken again.
 * Null for a change file that no commit has taken.
 */
export async function moveBefore(run: TableRun, head: Snapshot, file: LandingFile): Promise<Moved | null> {
  const obeyed = await obeyStanding(run, head)
  if (isPendingKey(file.key, obeyed.progress)) return isPendingKey(file.key, head.progress) ? null : obeyed
  const moved = await moveTo(run, movedHead(head, obeyed), file)
  const passedOver = obeyed.passedOver.filter(({ key }) => !isPendingKey(key, moved.progress))
  const note = [obeyed.note, moved.note].filter((text) => text !== '').join('; ')
  return { ...moved, passedOver: [...passedOver, ...moved.passedOver], note }
}

async function moveTo(run: TableRun, head: Snapshot, file: LandingFile): Promise<Moved> {
  if (file.kind === 'load') return reload(run, head, run.listing.loads, file.key)
  if (run.config.primaryKey === null) return rebuildFrom(run, head, { before: file.key })
  return backTo(run, head, { before: file.key })
}

/** `isReload`: the full load was set back with it. A reload that was asked for before takes all files, whatever is set now. */
async function moveChanges(run: TableRun, head: Snapshot, key: string | null, isReload: boolean): Promise<Moved> {
  const { progress } = head
  const keyless = run.config.primaryKey === null
  if (isReload && !keyless) return { ...unmoved(head, 'the changes after it follow'), progress: startAt(progress, key) }
  if (key === progress.cursor) return unmoved(head, 'nothing is to be taken again or passed over')
  if (key === null || (progress.cursor !== null && landingOrder(key, progress.cursor) < 0))
    return keyless ? rebuildFrom(run, head, { after: key }) : backTo(run, head, { after: key })
  const { progress: moved, passed } = moveForward(run.listing.changes, progress, key)
  const why = 'LastIncrementalFile was set forward by hand'
  const note = `${String(passed.length)} files are passed over`
  return { ...unmoved(head, note), progress: moved, passedOver: passed.map((file) => ({ key: file.key, why })) }
}

/** Without a key nothing can be applied twice: the table is made anew. What a cursor passed over behind the point is in it again. */
async function rebuildFrom(run: TableRun, head: Snapshot, point: Point): Promise<Moved> {
  const { changes, loads } = run.listing
  const { progress } = head
  const again = new Set(takenAgain(changes, progress, point, leftOutOf(run, head)).map(({ key }) => key))
  const rebuilt = await reload(run, head, loads)
  const { startAfter: _, settledUpTo: __, ...others } = rebuilt.progress
  const { startAfter, settledUpTo } = moveBack(changes, progress, point, leftOutOf(run, head))
  const window = others.window.filter(({ key, passedOver }) => passedOver === undefined || !again.has(key))
  return {
    ...rebuilt,
    progress: {
      ...others,
      window,
      ...(startAfter === undefined ? {} : { startAfter }),
      ...(settledUpTo === undefined ? {} : { settledUpTo }),
    },
  }
}

/** A table that is made anew begins behind the cursor that was set with it. */
function startAt({ startAfter: _, ...progress }: Progress, key: string | null): Progress {
  return key === null ? progress : { ...progress, startAfter: key, settledUpTo: key }
}

async function backTo(run: TableRun, head: Snapshot, point: Point): Promise<Moved> {
  const { listing } = run
  const { progress, load } = head
  const before = leftOutOf(run, head)
  const again = takenAgain(listing.changes, progress, point, before)
  const [first] = again
  const gone = goneAfter(first, await takenKeys(run, head), listing.changes)
  if (gone.length > 0) throw goneFiles(gone)
  const note = first === undefined ? 'no file is taken again' : `${first.key} and what follows is taken again`
  return { progress: withReplay(moveBack(listing.changes, progress, point, before), again), load, passedOver: [], note }
}

/** LOAD objects newer than the date are to be loaded again, as a generation of their own; up to it they count as taken. */
async function moveFullLoad(run: TableRun, head: Snapshot, dateMs: number): Promise<Moved> {
  const { loads } = run.listing
  const isNewer = ({ modifiedMs }: LandingFile) => modifiedMs >= dateMs + cursorUnitMs
  const wholeSeconds = (ms: number) => Math.floor(ms / cursorUnitMs) * cursorUnitMs
  const at = head.load.newestModifiedMs
  if (at === null || dateMs >= wholeSeconds(at)) return passLoads(run, head, dateMs)
  const newer = loads.filter(isNewer)
  if (newer.length === 0) return unmoved(head, 'no LOAD file is newer')
  return reload(run, head, newer)
}

function passLoads({ listing }: TableRun, head: Snapshot, dateMs: number): Moved {
  const generation = generationOf(listing.loads, head.load)
  const waiting = generation.kind === 'replaced' ? generation.suspects : 'files' in generation ? generation.files : []
  const passed = waiting.filter(({ modifiedMs }) => modifiedMs < dateMs + cursorUnitMs)
  const keys = new Set(passed.map(({ key }) => key))
  const files = [
    ...head.load.files.filter(({ key }) => !keys.has(key)),
    ...passed.map((file) => entryOf(file, 'cursor')),
  ]
  return {
    progress: head.progress,
    load: { ...head.load, files, newestModifiedMs: Math.max(dateMs, head.load.newestModifiedMs ?? dateMs) },
    passedOver: passed.map(({ key }) => ({ key, why: 'LastFullLoadDate was set forward by hand' })),
    note: `${String(passed.length)} LOAD files are passed over`,
  }
}

/** The table is to be made anew of these LOAD files, `named` among them; the others of the landing are no part of it. */
async function reload(run: TableRun, head: Snapshot, loads: readonly LandingFile[], named?: string): Promise<Moved> {
  await refuseLoss(run, head, loads)
  const { progress, load } = head
  const keys = new Set(loads.map(({ key }) => key))
  const others = run.listing.loads.filter(({ key }) => !keys.has(key)).map((file) => entryOf(file, 'cursor'))
  const isKept = ({ key, passedOver }: TakenFile) =>
    keys.has(key)
      ? passedOver !== 'cursor' && !(passedOver === 'skipped' && key === named)
      : !others.some((other) => other.key === key)
  const files = [...load.files.filter(isKept), ...others]
  const note = `the table is made anew, from ${String(loads.length)} LOAD files and the changes after them`
  return { progress: { ...progress, reload: true }, load: { ...load, files }, passedOver: [], note }
}

/** A table that is made anew loses what the landing does not hold any more: then it is left as it is. */
async function refuseLoss(run: TableRun, head: Snapshot, loads: readonly LandingFile[]): Promise<void> {
  const { listing, config, ports } = run
  const lost = goneLoads(listing.loads, head)
  if (config.primaryKey === null) {
    const same = await sameContent(ports.landing, listing, head)
    // Made anew of a full load that has come meanwhile, it is made of nothing that was taken before.
    if (generationOf(listing.loads, head.load, same).kind === 'replaced') return
    const applied = appliedChanges(listing.changes, head.progress, leftOutOf(run, head))
    const missing = head.progress.changeFilesTaken - applied.length + lost.length
    if (missing > 0) throw goneForRebuild(missing)
    return
  }
  const present = new Set(listing.changes.map(({ key }) => key))
  const oldestMs = loads.reduce((oldest, { modifiedMs }) => Math.min(oldest, modifiedMs), Number.POSITIVE_INFINITY)
  const isAfterLoads = (key: string) => (nameTimeMs(baseName(key), config.landingTimezone) ?? oldestMs) >= oldestMs
  const taken = await takenKeys(run, head)
  const gone = [...lost, ...taken.filter((key) => !present.has(key) && isAfterLoads(key))]
  if (gone.length > 0) throw goneFiles(gone)
}

function leftOutOf({ listing, config }: TableRun, { load }: Snapshot): readonly LandingFile[] {
  return load.generation > 1 ? leftOut(listing.changes, listing.loads, config.landingTimezone) : []
}

/** Every change file that the table has been made of since it was last made anew, as its log tells. */
async function takenKeys({ ports, place }: TableRun, head: Snapshot): Promise<readonly string[]> {
  const keys = new Set<string>()
  for (const { operation, receipt } of inForce(await readHistory(ports.lake, place, { head: head.version }))) {
    for (const key of receipt?.landingFiles ?? []) if (classify(key).kind === 'change') keys.add(key)
    if (operation === 'INITIAL' || operation === 'REBUILD') break
  }
  return [...keys]
}

function goneFiles(gone: readonly string[]): DmscdcError {
  return new DmscdcError(
    'bad-landing',
    `taking landing files again: ${String(gone.length)} that were taken and come after them are gone, ${gone[0] ?? ''} first; without them older values would come back`,
    { hint: 'bring them back; where a cursor was edited by hand, set it to what its twin (Mirrored…) in the row says' },
  )
}
