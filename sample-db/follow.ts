import { DmscdcError } from '../src/errors.ts'
import { type BinlogItem, type BinlogReader, openBinlog } from './binlog.ts'
import { addTransaction, dueInMs, emptyBatch, writeBatch } from './change-batches.ts'
import { type Source, type TableFilter, withConnection } from './connection.ts'
import { type BinlogPosition, compareBinlog, masterPosition, type Position } from './position.ts'
import type { DmsSettings } from './settings.ts'
import { removeTable } from './target.ts'

export type FollowOptions = {
  readonly source: Source
  readonly target: string
  readonly filter: TableFilter
  readonly settings: DmsSettings
  readonly nowMs: () => number
  /** As which replica to connect; no two may read from a server under the same number. */
  readonly replicaId: number
  /** Ends the following when what the server has logged by now is written; otherwise it goes on until `signal`. */
  readonly untilCaughtUp: boolean
  readonly signal?: AbortSignal
  /** Called whenever all changes up to a position are written, before any later one is. */
  readonly save?: (position: Position) => Promise<void>
}

/**
 * Writes the changes after `position` as change files and returns the position up to which all is written.
 * A crash between writing files and saving the position writes their changes again, as DMS may.
 */
export async function follow(position: Position, options: FollowOptions): Promise<Position> {
  const end = options.untilCaughtUp ? await withConnection(options.source, masterPosition) : null
  if (end !== null && compareBinlog(position.binlog, end) === 0) return position
  if (end !== null && compareBinlog(position.binlog, end) > 0) throw ahead(position.binlog, end)
  const { source, filter, replicaId } = options
  const reader = openBinlog({ source, filter, replicaId, from: position.binlog, catalog: position.catalog })
  try {
    return await followReader(reader, position, end, options)
  } finally {
    await reader.stop()
  }
}

async function followReader(
  reader: BinlogReader,
  start: Position,
  end: BinlogPosition | null,
  options: FollowOptions,
): Promise<Position> {
  const { settings, target, nowMs } = options
  const batch = emptyBatch()
  let transaction: Extract<BinlogItem, { kind: 'change' }>[] = []
  let reached = start

  const flush = async () => {
    const lastNameMs = await writeBatch(batch, target, settings, { nowMs: nowMs(), lastNameMs: reached.lastNameMs })
    reached = { ...reached, lastNameMs }
    await options.save?.(reached)
  }

  const take = async (item: BinlogItem) => {
    if (item.kind === 'change') {
      transaction.push(item)
      return
    }
    if (item.kind === 'passed' && transaction.length > 0) return
    if (item.kind === 'ddl') {
      await flush()
      for (const { schema, table } of item.emptied) await removeTable(target, schema, table)
      reached = { ...reached, catalog: item.catalog }
    }
    if (item.kind === 'commit') {
      const { lastSequence } = reached
      const sequence = addTransaction(batch, transaction, { commitMs: item.timeMs, nowMs: nowMs(), lastSequence })
      reached = { ...reached, lastSequence: sequence }
    }
    transaction = []
    reached = { ...reached, binlog: item.at }
  }

  while (options.signal?.aborted !== true && (end === null || compareBinlog(reached.binlog, end) < 0)) {
    const item = await reader.next(Math.min(dueInMs(batch, settings, nowMs()), quietMsMax))
    if (item !== 'quiet') await take(item)
    if (batch.tables.size > 0 && dueInMs(batch, settings, nowMs()) === 0) await flush()
  }
  await flush()
  return reached
}

/** So that a signal is seen soon, whatever the batch interval. */
const quietMsMax = 200

function ahead(position: BinlogPosition, end: BinlogPosition): DmscdcError {
  const [from, to] = [position, end].map(({ file, offset }) => `${file}:${offset}`)
  return new DmscdcError('invalid-config', `position ${from} lies after the end of the server's binlog, ${to}`, {
    hint: 'the server is another one or was set up anew; take a new full load',
  })
}
