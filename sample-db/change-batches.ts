import type { BinlogItem } from './binlog.ts'
import type { TableDefinition } from './definitions.ts'
import { rowBytes } from './full-load.ts'
import { type Change, changeColumns } from './layout.ts'
import type { DmsSettings } from './settings.ts'
import { extension, writeTargetFile } from './target.ts'

type TableBatch = { readonly table: TableDefinition; readonly changes: Change[] }

/** The committed changes that no file holds yet. All tables' batches close together, so that one position tells what is written. */
export type OpenBatch = { readonly tables: Map<string, TableBatch>; openedMs: number; bytes: number }

export function emptyBatch(): OpenBatch {
  return { tables: new Map(), openedMs: 0, bytes: 0 }
}

type ChangeItem = Extract<BinlogItem, { kind: 'change' }>

/** Takes a committed transaction into the batch. Returns the last sequence number given. */
export function addTransaction(
  batch: OpenBatch,
  transaction: readonly ChangeItem[],
  commit: { readonly commitMs: number; readonly nowMs: number; readonly lastSequence: string },
): string {
  if (batch.tables.size === 0) batch.openedMs = commit.nowMs
  let sequence = commit.lastSequence
  for (const { table, op, before, after } of transaction) {
    sequence = nextSequence(sequence, commit.commitMs)
    const key = `${table.schema}/${table.table}`
    const own = batch.tables.get(key) ?? { table, changes: [] }
    own.changes.push({ op, before, after, commitMs: commit.commitMs, sequence })
    batch.tables.set(key, own)
    batch.bytes += rowBytes(after ?? before ?? [])
  }
  return sequence
}

/** Milliseconds until the batch is due; 0 when it is, by its age or its size. */
export function dueInMs(batch: OpenBatch, settings: DmsSettings, nowMs: number): number {
  if (batch.tables.size === 0) return settings.CdcMaxBatchInterval * 1000
  if (batch.bytes >= settings.CdcMinFileSize * 1024) return 0
  return Math.max(0, batch.openedMs + settings.CdcMaxBatchInterval * 1000 - nowMs)
}

/** Writes the batch's files and empties it. Returns the time in the last name. */
export async function writeBatch(
  batch: OpenBatch,
  target: string,
  settings: DmsSettings,
  times: { readonly nowMs: number; readonly lastNameMs: number },
): Promise<number> {
  const firstMs = Math.max(times.nowMs, times.lastNameMs + 1)
  let lastMs = times.lastNameMs
  for (const [key, { table, changes }] of batch.tables) {
    const parts = byDateFolder(changes, settings)
    for (const [i, { folder, changes: own }] of parts.entries()) {
      const name = `${fileTime(firstMs + i)}.${extension(settings)}`
      await writeTargetFile(target, `${key}/${folder}${name}`, changeColumns(table, settings, own), settings)
      lastMs = Math.max(lastMs, firstMs + i)
    }
  }
  Object.assign(batch, emptyBatch())
  return lastMs
}

/** `20181127-130405123`, UTC. */
export function fileTime(ms: number): string {
  const digits = new Date(ms).toISOString().replace(/\D/gu, '')
  return `${digits.slice(0, 8)}-${digits.slice(8)}`
}

/** 16 digits of the commit's time and a counter of 19: greater with every change, also when the source's clock goes back. */
export function nextSequence(last: string, commitMs: number): string {
  const time = new Date(commitMs).toISOString().replace(/\D/gu, '').slice(0, 16)
  const lastTime = last.slice(0, 16)
  const counter = BigInt(last.slice(16)) + 1n
  return `${time > lastTime ? time : lastTime}${String(counter).padStart(19, '0')}`
}

/** Runs of changes that go to the same folder, in their order. */
function byDateFolder(changes: readonly Change[], settings: DmsSettings): { folder: string; changes: Change[] }[] {
  const parts: { folder: string; changes: Change[] }[] = []
  for (const change of changes) {
    const folder = dateFolder(change.commitMs, settings)
    const last = parts.at(-1)
    if (last?.folder === folder) last.changes.push(change)
    else parts.push({ folder, changes: [change] })
  }
  return parts
}

/** The folder of a commit's date with its slash; empty when files are not parted by date. */
function dateFolder(commitMs: number, settings: DmsSettings): string {
  if (!settings.DatePartitionEnabled) return ''
  const iso = new Date(commitMs).toISOString()
  const value: Record<string, string> = {
    YYYY: iso.slice(0, 4),
    MM: iso.slice(5, 7),
    DD: iso.slice(8, 10),
    HH: iso.slice(11, 13),
  }
  const delimiter = { SLASH: '/', UNDERSCORE: '_', DASH: '-', NONE: '' }[settings.DatePartitionDelimiter]
  const parts = settings.DatePartitionSequence.match(/YYYY|MM|DD|HH/gu) ?? []
  return `${parts.map((part) => value[part]).join(delimiter)}/`
}
