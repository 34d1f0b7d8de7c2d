import type { Connection } from 'mysql2/promise'
import type { Source } from '../../sample-db/connection.ts'
import { withConnection } from '../../sample-db/connection.ts'
import type { Epoch, Upheaval } from './epochs.ts'
import type { Transaction } from './statements.ts'
import { schema } from './tables.ts'
import type { Tally } from './tally.ts'

/** What a statement may be refused for, as it was made without a look at the rows: the key is taken, a sum out of range … */
const passedOver: Readonly<Record<string, true>> = {
  ER_DUP_ENTRY: true,
  ER_DATA_OUT_OF_RANGE: true,
  ER_WARN_DATA_OUT_OF_RANGE: true,
  ER_DATETIME_FUNCTION_OVERFLOW: true,
  ER_NO_SUCH_TABLE: true,
}
/** What ends a transaction: another one was in its way, or the table was changed below it. */
const rollsBack: Readonly<Record<string, true>> = {
  ER_LOCK_DEADLOCK: true,
  ER_LOCK_WAIT_TIMEOUT: true,
  ER_TABLE_DEF_CHANGED: true,
  ER_CHECKREAD: true,
}

export type Stage = {
  readonly source: Source
  readonly tally: Tally
  /** Told of each upheaval that has happened. */
  readonly upset: (upheaval: Upheaval) => Promise<void>
}

/** Runs an epoch: its writers at full rate side by side, its upheavals while they write. */
export async function play(epoch: Epoch, stage: Stage): Promise<void> {
  let written = 0
  const all = epoch.writers.reduce((sum, transactions) => sum + transactions.length, 0)
  const isAt = (share: number) => written >= share * all
  const writers = epoch.writers.map((transactions) =>
    connected(stage.source, async (connection) => {
      for (const transaction of transactions) {
        await carryOut(connection, transaction, stage.tally)
        written += 1
      }
    }),
  )
  const upheavals = connected(stage.source, async (connection) => {
    for (const [at, upheaval] of epoch.upheavals.entries()) {
      while (!isAt((at + 1) / (epoch.upheavals.length + 1))) await new Promise((resolve) => setTimeout(resolve, 5))
      for (const line of upheaval.lines) await persist(connection, line)
      stage.tally.add(`upheaval: ${upheaval.kind}`)
      stage.tally.note('upheaval', upheaval)
      await stage.upset(upheaval)
    }
  })
  await Promise.all([...writers, upheavals])
}

async function carryOut(connection: Connection, { steps, end }: Transaction, tally: Tally): Promise<void> {
  await connection.query('start transaction')
  tally.add('transactions')
  for (const { kind, lines } of steps)
    for (const line of lines) {
      const code = await refusal(connection, line)
      tally.add(code === null ? `statement: ${kind}` : `refused: ${code}`)
      if (code !== null && code in rollsBack) {
        await connection.query('rollback')
        return
      }
    }
  await connection.query(end)
  if (end === 'rollback') tally.add('transactions rolled back')
}

/** The code of the error that a statement was refused with; null when it ran. */
async function refusal(connection: Connection, line: string): Promise<string | null> {
  try {
    await connection.query(line)
    return null
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (code in passedOver || code in rollsBack) return code
    throw new Error(`statement failed: ${line}`, { cause: error })
  }
}

/** A statement that must happen, whoever holds the table. */
async function persist(connection: Connection, line: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const code = await refusal(connection, line)
    if (code === null || code === 'ER_DUP_ENTRY') return
  }
  throw new Error(`statement was refused 100 times: ${line}`)
}

async function connected(source: Source, work: (connection: Connection) => Promise<void>): Promise<void> {
  await withConnection(source, async (connection) => {
    await connection.query(`use ${schema}`)
    await connection.query(`set names utf8mb4, sql_mode = 'STRICT_ALL_TABLES', innodb_lock_wait_timeout = 3`)
    await work(connection)
  })
}
