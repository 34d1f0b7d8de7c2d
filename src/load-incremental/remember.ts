import type { Column, DeleteFile, RememberedDeletes } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { type OpenedDeleteFiles, openDeleteFiles, writeDeleteFile } from '../lake/delete-files.ts'
import type { Staging } from '../lake/write-data.ts'
import * as sql from './sequence-sql.ts'

/** The order of a key's changes by a column of theirs, and what is remembered of deletions by it. */
export type Sequence = {
  readonly column: Column
  readonly remembered: readonly DeleteFile[]
  readonly rememberMs: number
  readonly nowMs: number
}

type Remembering = {
  readonly session: EngineSession
  readonly staging: Staging
  readonly sequence: Sequence
  readonly keys: readonly Column[]
}

/** Takes the changes out of the plan that are older than what is known of their key; returns how many keys that were. */
export async function dropLosers({ session, staging, sequence, keys }: Remembering): Promise<number> {
  const sequenced = { keys, column: sequence.column }
  const opened = await openDeleteFiles(staging.lake, session, staging.place, live(sequence))
  const deletions = (files: OpenedDeleteFiles['files']) => {
    const paths = files.map(({ path }) => path)
    return sql.deletionsSelect(sequenced, paths, oldestMs(sequence))
  }
  await session.run(sql.createKept(deletions(opened.files.filter(({ file }) => isSmall(file)))))
  const others = opened.files.filter(({ file }) => !isSmall(file))
  await session.run(sql.createRemembered(sequenced, deletions(others)))
  await opened.release()
  await session.run(sql.createLost(sequenced))
  const [count] = await session.rows(sql.countLost())
  await session.run(sql.dropLost('hits'))
  await session.run(sql.dropLost('last_change'))
  return Number(count?.lost)
}

/**
 * Keeps the batch's deletions in mind, in a file of the attempt's own; a deletion that is remembered already writes none. Files
 * whose time is over are left out. Comes after `dropLosers`.
 */
export async function remember({ session, staging, sequence, keys }: Remembering): Promise<RememberedDeletes> {
  const { column, nowMs, rememberMs } = sequence
  const sequenced = { keys, column }
  const files = live(sequence)
  await session.run(sql.createGone(sequenced))
  const [count] = await session.rows(sql.countGone())
  if (rememberMs === 0 || Number(count?.gone) === 0) return { sequenceColumn: column.name, files }
  const written = await writeDeleteFile(session, staging, sql.selectDeleteFile(sequenced, nowMs), nowMs)
  return { sequenceColumn: column.name, files: [...files.filter((file) => !isSmall(file)), written] }
}

/** A new file takes in those below this size: most tables then have one, which every merge reads. */
const smallBytesMax = 4 * 2 ** 20
const isSmall = ({ sizeBytes }: DeleteFile) => sizeBytes < smallBytesMax

const oldestMs = ({ nowMs, rememberMs }: Sequence) => nowMs - rememberMs
const live = (sequence: Sequence) => sequence.remembered.filter(({ newestMs }) => newestMs > oldestMs(sequence))
