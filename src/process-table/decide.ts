import type { LandingFile, LandingTable, LoadGeneration, Progress, Snapshot, TableConfig } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { baseName, nameTimeMs } from '../landing/names.ts'
import {
  appliedChanges,
  changedAfterTaken,
  generationOf,
  isLate,
  lateReplay,
  leftOut,
  pendingChanges,
  settled,
} from '../landing/pending.ts'
import { replayLeft } from '../landing/replay-mark.ts'
import { limits } from '../limits.ts'
import { vanished } from './vanished.ts'

/** What a table needs next, as exact inputs: nothing is listed again later. Each kind but idle and held is one commit. */
export type TableWork =
  /** `waits`: something has landed that is taken once it is old enough. */
  | { readonly kind: 'idle'; readonly reason: string; readonly waits: boolean }
  /** The whole table from its LOAD files; `leftOut` are the change files that lie before them. */
  | {
      readonly kind: 'initial'
      readonly loads: readonly LandingFile[]
      readonly leftOut: readonly LandingFile[]
      readonly replaces: boolean
    }
  /**
   * Files to apply in this order. `whole`: all or none, since files that were applied before are applied again
   * and half of them would take the table back in time.
   */
  | { readonly kind: 'incremental'; readonly files: readonly LandingFile[]; readonly whole: boolean }
  /** A table without a key, made anew in one commit from its LOAD files and the change files that it was made of. */
  | { readonly kind: 'rebuild'; readonly loads: readonly LandingFile[]; readonly changes: readonly LandingFile[] }
  /** The row and the folder are those of the job before this one: its data files are taken over as they lie. */
  | { readonly kind: 'adopt'; readonly files: readonly LakeObject[] }
  /** Adopted files have narrower types than the table. */
  | { readonly kind: 'retype' }
  /** The lake was built with other keys than the row names now. */
  | { readonly kind: 'rekey' }
  /** All landing files are gone, and the operator wants the table to be empty then. */
  | { readonly kind: 'truncate' }
  | { readonly kind: 'held'; readonly error: DmscdcError }

/** A data file that no log lists. */
export type LakeObject = {
  /** Below the table's folder. */
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/** What counts as taken before a table's first commit. */
export type StartingPoint = { readonly progress: Progress; readonly load: LoadGeneration }

export type DecideInput = {
  readonly config: TableConfig
  /** Null: the table has no log yet. */
  readonly snapshot: Snapshot | null
  readonly start: StartingPoint
  /** What the job before this one left in the folder of a table without a log. */
  readonly adoptable: readonly LakeObject[]
  readonly landing: LandingTable
  /** Keys of taken files whose ETag changed while their content did not. */
  readonly sameContent: ReadonlySet<string>
  readonly nowMs: number
  readonly batchBytesMax: number
}

export function decide(input: DecideInput): TableWork {
  const { snapshot, landing } = input
  if (snapshot === null) return decideFirst(input)
  const gone = vanished(input.config, landing, snapshot)
  if (gone !== null) return gone
  const reload = decideReload(input, snapshot)
  if (reload !== null) return reload
  const loads = decideLoads(input, snapshot)
  // A full load that replaces the table makes its types and keys true with it, perhaps by columns that come with it.
  if (loads?.kind === 'initial') return loads
  if (snapshot.progress.mixedTypes === true) return { kind: 'retype' }
  if (keysDiffer(input.config, snapshot)) return { kind: 'rekey' }
  if (loads !== null && loads.kind !== 'idle') return loads
  const changes = decideLate(input, snapshot) ?? decideNext(input, pendingChanges(landing.changes, snapshot.progress))
  if (changes.kind !== 'idle') return changes
  const left = replayLeft(snapshot.progress, landing.changes)
  return left === undefined ? (loads ?? changes) : held(goneForReplay(left.upTo))
}

function decideFirst(input: DecideInput): TableWork {
  const { landing, start, adoptable } = input
  if (adoptable.length > 0) return { kind: 'adopt', files: adoptable }
  const loads = generationFiles(landing.loads, start.load)
  const changes = pendingChanges(landing.changes, start.progress)
  if (loads.length > 0) return { kind: 'initial', loads, leftOut: [], replaces: false }
  return changes.length > 0 ? decideNext(input, changes) : { kind: 'idle', reason: 'nothing has landed', waits: false }
}

/** The operator wants the table made anew. With a key that is a full load, which also makes any other key of the row's true. */
function decideReload(input: DecideInput, snapshot: Snapshot): TableWork | null {
  const { config, landing, sameContent } = input
  const { load, progress } = snapshot
  const loads = generationFiles(landing.loads, load)
  if (progress.reload !== true || (config.primaryKey !== null && loads.length === 0)) return null
  const before = leftOut(landing.changes, loads, config.landingTimezone)
  if (config.primaryKey !== null) return { kind: 'initial', loads, leftOut: before, replaces: true }
  // A full load that has come meanwhile replaces the table: it is made anew of that one.
  if (generationOf(landing.loads, load, sameContent).kind === 'replaced') return replacing(input, snapshot)
  const changes = appliedChanges(landing.changes, progress, load.generation > 1 ? before : [])
  const missing = progress.changeFilesTaken - changes.length + goneLoads(landing.loads, snapshot).length
  return missing > 0 ? held(goneForRebuild(missing)) : { kind: 'rebuild', loads, changes }
}

/** Without those that the operator passed over, as long as they are what they were. */
function generationFiles(loads: readonly LandingFile[], { files }: LoadGeneration): readonly LandingFile[] {
  const passedOver = new Map(files.filter((taken) => taken.passedOver).map(({ key, etag }) => [key, etag]))
  return loads.filter(({ key, etag }) => passedOver.get(key) !== etag)
}

/** Keys of LOAD files that the table was made of and that the landing does not hold any more. */
export function goneLoads(loads: readonly LandingFile[], { load, progress }: Snapshot): readonly string[] {
  const { files, generation } = load
  const present = new Set(loads.map(({ key }) => key))
  const taken = files.filter(({ passedOver }) => passedOver === undefined).map(({ key }) => key)
  // An adopted table may have had its full load long before: nobody knows more of its files than that there were some.
  const isEmptied = files.length === 0 && progress.adopted === undefined
  if (taken.length === 0 && generation > 0 && !isEmptied) return ['LOAD00000001.parquet']
  return taken.filter((key) => !present.has(key))
}

function keysDiffer(config: TableConfig, { progress }: Snapshot): boolean {
  const text = (keys: readonly string[] | null) => JSON.stringify(keys ?? [])
  return (
    text(config.primaryKey) !== text(progress.primaryKey) || text(config.partitionKey) !== text(progress.partitionKey)
  )
}

function decideLoads(input: DecideInput, snapshot: Snapshot): TableWork | null {
  const { landing } = input
  const generation = generationOf(landing.loads, snapshot.load, input.sameContent)
  switch (generation.kind) {
    case 'none':
    case 'same':
      return null
    case 'first':
      // An adopted table had its full load, whose files are gone: these are those of the next one.
      return snapshot.load.generation > 0 ? replacing(input, snapshot) : lateLoads(input, snapshot, generation.files)
    case 'late':
      return lateLoads(input, snapshot, generation.files)
    case 'replaced':
      return replacing(input, snapshot)
  }
}

function replacing(input: DecideInput, snapshot: Snapshot): TableWork {
  const { config, landing, nowMs } = input
  if (!settled(landing.loads, nowMs, config.loadSettleMs))
    return { kind: 'idle', reason: 'the new full load is younger than LoadSettle', waits: true }
  const gone = clearedAfter(input, snapshot)
  if (gone !== null) return held(gone)
  const loads = generationFiles(landing.loads, snapshot.load)
  return { kind: 'initial', loads, leftOut: leftOut(landing.changes, loads, config.landingTimezone), replaces: true }
}

/**
 * A generation applies the changes since its oldest LOAD object again. Where that is older than files which `Landed` took
 * away, they would be missing: only a part of the full load was replaced.
 */
function clearedAfter({ config, landing }: DecideInput, { progress }: Snapshot): DmscdcError | null {
  const { windowFrom } = progress
  const oldest = landing.loads.reduce((first, file) => (file.modifiedMs < first.modifiedMs ? file : first))
  const clearedToMs = windowFrom === null ? null : nameTimeMs(windowFrom, config.landingTimezone)
  if (config.landed.kind === 'keep' || clearedToMs === null || oldest.modifiedMs > clearedToMs) return null
  const pending = pendingChanges(landing.changes, progress).length
  const missing = progress.changeFilesTaken - (landing.changes.length - pending)
  if (missing <= 0) return null
  return new DmscdcError(
    'bad-landing',
    `full load was replaced in part: ${oldest.key} is older than ${String(missing)} change files that are gone from the landing`,
    { hint: 'load the whole table anew, or bring the change files back from the archive' },
  )
}

/** Full-load rows come before all changes: with a key, everything applied since is applied again on top of them. */
function lateLoads(input: DecideInput, snapshot: Snapshot, loads: readonly LandingFile[]): TableWork {
  const { config, landing } = input
  if (config.primaryKey === null) return { kind: 'incremental', files: loads, whole: true }
  const { progress, load } = snapshot
  const before = load.generation > 1 ? leftOut(landing.changes, landing.loads, config.landingTimezone) : []
  const applied = appliedChanges(landing.changes, progress, before)
  if (applied.length < progress.changeFilesTaken)
    return held(goneFiles(loads[0], progress.changeFilesTaken - applied.length))
  return { kind: 'incremental', files: [...loads, ...applied], whole: true }
}

function decideLate(input: DecideInput, snapshot: Snapshot): TableWork | null {
  const { config, landing, sameContent } = input
  const { progress } = snapshot
  const changed = changedAfterTaken(landing.changes, progress).filter(({ key }) => !sameContent.has(key))
  if (config.primaryKey === null) return changed[0] === undefined ? null : held(otherContent(changed[0]))
  const late = pendingChanges(landing.changes, progress).filter((file) => isLate(file, progress))
  const from = [...changed, ...late]
  if (from[0] === undefined) return null
  const replay = lateReplay(landing.changes, progress, from)
  if (replay.kind === 'gone') return held(goneFiles(from[0], replay.missing.length))
  return { kind: 'incremental', files: replay.files, whole: true }
}

function decideNext(input: DecideInput, pending: readonly LandingFile[]): TableWork {
  if (pending.length === 0) return { kind: 'idle', reason: 'up to date', waits: false }
  const files: LandingFile[] = []
  let bytes = 0
  for (const file of pending) {
    if (files.length > 0 && (bytes + file.sizeBytes > input.batchBytesMax || files.length >= limits.batchFiles)) break
    files.push(file)
    bytes += file.sizeBytes
  }
  return { kind: 'incremental', files, whole: false }
}

const held = (error: DmscdcError): TableWork => ({ kind: 'held', error })

function goneFiles(file: LandingFile | undefined, missing: number): DmscdcError {
  const name = file?.name ?? ''
  const wayOut =
    file?.kind === 'load'
      ? `where the full load was made after them, take the table from it anew: dmscdc replay <table> --from ${name}`
      : `load the table anew, or pass over the file: dmscdc skip <table> ${name} --why <text>`
  return new DmscdcError(
    'bad-landing',
    `landing file ${file?.key ?? ''} came late, and ${String(missing)} change files that were applied after it are gone`,
    { hint: `bring them back; ${wayOut}` },
  )
}

/** What was taken cannot be taken again whole. */
export function goneForRebuild(missing: number): DmscdcError {
  return new DmscdcError(
    'bad-landing',
    `the table has no key, so it has to be made anew from its LOAD files and all change files, and ${String(missing)} of those that it was made of are gone`,
    { hint: 'bring them back; where a cursor was edited by hand, set it to what its twin (Mirrored…) in the row says' },
  )
}

function goneForReplay(upTo: string): DmscdcError {
  return new DmscdcError(
    'bad-landing',
    `landing file ${upTo} was to be taken again, with all before it, and is gone: older values stand in its keys`,
    {
      hint: `bring it back; or pass over it: set LastIncrementalFile in the row to ${baseName(upTo)}; or load the table anew: dmscdc replay <table> --from LOAD00000001.parquet`,
    },
  )
}

function otherContent(file: LandingFile): DmscdcError {
  return new DmscdcError(
    'bad-landing',
    `landing file ${file.key} has other content than when it was taken, and the table has no key to apply it again by`,
    {
      hint: `bring back the file as it was, set a key (dmscdc set <table> --primary-key a), or pass over it: dmscdc skip <table> ${file.name} --why <text>`,
    },
  )
}
