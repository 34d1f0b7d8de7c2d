import type { ChangeCounts, Column } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { dataSelect } from '../lake/data-sql.ts'
import { keyColumns } from '../lake/write-data.ts'
import { sum } from '../sum.ts'
import type { MergeInput } from './merge-input.ts'
import { selectKeySum, selectSpoiled } from './sql.ts'
import type { Written } from './write-touched.ts'

/**
 * What is about to be committed holds every key once, no deleted key, and as many rows as the changes say. The batch's keys are looked
 * for in what was written; the keys of all rows there are held, by a sum of their hashes, against those of the rows that were to be
 * written. A key that is not of the batch stood once in what is replaced, so it stands once in what replaces it.
 */
export async function gate(input: MergeInput, written: Written, changes: ChangeCounts): Promise<void> {
  const { session, shape } = input
  const before = sum(written.removed.map(({ rows }) => rows))
  const after = sum(written.files.map(({ rows }) => rows))
  if (before + changes.inserted - changes.deleted !== after)
    throw gateError(
      `${String(before)} rows with ${String(changes.inserted)} inserted and ${String(changes.deleted)} deleted became ${String(after)}`,
    )
  if (written.encoded.length === 0) return
  const keys = keyColumns(shape)
  const files = written.encoded.map(({ file }) => file)
  const found = dataSelect({ files, columns: keys, partitionColumns: shape.partitionColumns })
  const [spoiled] = await session.rows(selectSpoiled(found, keys))
  if (spoiled !== undefined)
    throw gateError(
      `a ${Number(spoiled.deleted) === 1 ? 'deleted key stands' : 'key stands twice'} in the files written`,
    )
  const meant = written.encoded.map(({ rows }) => rows(keys))
  if ((await keySum(session, [found], keys)) !== (await keySum(session, meant, keys)))
    throw gateError('the files written hold other keys than were to be written')
}

/** A statement has what it joins for all of its relations in memory at once. */
const relationsAtOnce = 8

async function keySum(session: EngineSession, relations: readonly string[], keys: readonly Column[]): Promise<bigint> {
  let total = 0n
  for (let at = 0; at < relations.length; at += relationsAtOnce) {
    const [row] = await session.rows(selectKeySum(relations.slice(at, at + relationsAtOnce), keys))
    total += BigInt(String(row?.total ?? 0))
  }
  return total
}

function gateError(what: string): DmscdcError {
  return new DmscdcError('bug', `merge gate: ${what}; nothing was committed`, {
    hint: 'run again with --verbose and report the trace and the names of the landing files',
  })
}
