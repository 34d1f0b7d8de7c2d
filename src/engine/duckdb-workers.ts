import { setTimeout as sleep } from 'node:timers/promises'
import type { DuckDBConnection, DuckDBResultReader } from '@duckdb/node-api'
import bindings from '@duckdb/node-bindings'

/** Of DuckDB's threads none is ours: a thread that a caller brings along (one is the default) would be missing where the callers only wait. */
export const ownThreadsOnly = { external_threads: '0' }

/** A statement of less is over before its caller would have slept once. */
const lookEveryMs = 2

/**
 * Runs a long statement on the engine's own threads, and looks now and then whether it is done. The thread of an ordinary call works along, and
 * while there is nothing left for it to do it asks for more without a pause: a core that hashing, copying and the next statement are short of.
 * Its errors are those of an ordinary call.
 */
export async function runOnWorkers(connection: DuckDBConnection, sql: string): Promise<DuckDBResultReader> {
  const started = await connection.start(sql)
  // biome-ignore lint/complexity/useLiteralKeys: it is private, for the API has no way to look without working along
  const pending = started['pending_result']
  while (isUnderWay(bindings.pending_execute_check_state(pending))) await sleep(lookEveryMs)
  // The result would wrap it in another one.
  const error = bindings.pending_error(pending)
  if (error !== '') throw new Error(error)
  return started.readAll()
}

/** Else it is done, has failed, or waits for something that the call for the result waits for too. */
const isUnderWay = (state: unknown) =>
  state === bindings.PendingState.NO_TASKS_AVAILABLE || state === bindings.PendingState.RESULT_NOT_READY
