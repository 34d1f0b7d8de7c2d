import type { DataFile, Snapshot, Tombstone } from '../domain.ts'
import type { Action } from './actions.ts'
import { corruptLake } from './corrupt-lake.ts'
import { parseEntry } from './parse-actions.ts'

/** One version of the log: what its JSON says, and how many bytes that is. */
export type LogEntry = { readonly version: number; readonly actions: readonly Action[]; readonly sizeBytes: number }

/** The table after one more entry. Pure. `base` is null for version 0. Throws `corrupt-lake` on entries out of order. */
export function replay(base: Snapshot | null, entry: LogEntry): Snapshot {
  return replayAll(base, [entry])
}

/** The table after a commit that was won: the same as reading its entry back. */
export function committedSnapshot(base: Snapshot | null, body: Uint8Array): Snapshot {
  const version = base === null ? 0 : base.version + 1
  return replay(base, { version, actions: parseEntry(`version ${version}`, body), sizeBytes: body.length })
}

/** The table after several entries in order; at least one. */
export function replayAll(base: Snapshot | null, entries: readonly LogEntry[]): Snapshot {
  const state = draftOf(base)
  entries.forEach((entry, at) => {
    const expected = (base === null ? 0 : base.version + 1) + at
    if (entry.version !== expected) throw corruptLake(`lake log: found version ${entry.version}, expected ${expected}`)
    for (const action of entry.actions) apply(state, action, entry.version)
    state.logBytesSinceCheckpoint += entry.sizeBytes
  })
  return finished(state, base === null ? entries.length - 1 : base.version + entries.length)
}

/** The table as a checkpoint describes it. */
export function checkpointSnapshot(version: number, actions: readonly Action[], checkpointBytes: number): Snapshot {
  const state = draftOf(null)
  for (const action of actions) apply(state, action, undefined)
  return { ...finished(state, version), checkpointVersion: version, checkpointBytes }
}

type Draft = {
  fields: Partial<Pick<Snapshot, 'tableUuid' | 'createdMs' | 'columns' | 'partitionColumns'>>
  files: Map<string, DataFile>
  tombstones: Map<string, Tombstone>
  load: Snapshot['load'] | undefined
  progress: Snapshot['progress'] | undefined
  txnId: string | undefined
  hasProtocol: boolean
  checkpoint: Pick<Snapshot, 'checkpointVersion' | 'checkpointBytes'>
  logBytesSinceCheckpoint: number
}

function draftOf(base: Snapshot | null): Draft {
  return {
    fields: base ?? {},
    files: byPath(base?.files ?? []),
    tombstones: byPath(base?.tombstones ?? []),
    load: base?.load,
    progress: base?.progress,
    txnId: base?.txnId,
    hasProtocol: base !== null,
    checkpoint: checkpointOf(base),
    logBytesSinceCheckpoint: base?.logBytesSinceCheckpoint ?? 0,
  }
}

function checkpointOf(base: Snapshot | null): Draft['checkpoint'] {
  if (base?.checkpointBytes === undefined) return { checkpointVersion: base?.checkpointVersion ?? null }
  return { checkpointVersion: base.checkpointVersion, checkpointBytes: base.checkpointBytes }
}

function byPath<T extends { readonly path: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.path, item]))
}

/** `version` is undefined for a checkpoint's actions. */
function apply(state: Draft, action: Action, version: number | undefined): void {
  switch (action.kind) {
    case 'add':
      state.tombstones.delete(action.file.path)
      state.files.set(action.file.path, version === undefined ? action.file : { ...action.file, addedVersion: version })
      return
    case 'remove': {
      const { tombstone } = action
      state.files.delete(tombstone.path)
      state.tombstones.set(
        tombstone.path,
        version === undefined ? tombstone : { ...tombstone, deletedVersion: version },
      )
      return
    }
    case 'metaData':
      state.fields = action.metadata
      return
    case 'load':
      state.load = action.load
      return
    case 'progress':
      state.progress = action.progress
      state.txnId = action.txnId
      return
    case 'protocol':
      state.hasProtocol = true
      return
    case 'commitInfo':
      return
  }
}

function finished(state: Draft, version: number): Snapshot {
  const { tableUuid, createdMs, columns, partitionColumns } = state.fields
  const { load, progress, txnId } = state
  if (tableUuid === undefined || createdMs === undefined || columns === undefined || partitionColumns === undefined)
    throw incomplete(version, 'metaData')
  if (load === undefined) throw incomplete(version, 'the domain dmscdc.load')
  if (progress === undefined || txnId === undefined) throw incomplete(version, 'the domain dmscdc.progress')
  if (!state.hasProtocol) throw incomplete(version, 'protocol')
  return {
    version,
    txnId,
    tableUuid,
    createdMs,
    columns,
    partitionColumns,
    files: [...state.files.values()],
    tombstones: [...state.tombstones.values()],
    load,
    progress,
    ...state.checkpoint,
    logBytesSinceCheckpoint: state.logBytesSinceCheckpoint,
  }
}

function incomplete(version: number, what: string) {
  return corruptLake(`lake log at version ${version}: found no ${what}, expected one by now`)
}
