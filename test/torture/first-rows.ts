import { type Source, withConnection } from '../../sample-db/connection.ts'
import type { Random } from '../e2e/seeded-random.ts'
import { anchorKey, rows } from './statements.ts'
import { declaration, schema, type Table, tables } from './tables.ts'

const rowsPerStatement = 500

/** Creates the tables anew, each with its first rows and the anchor. */
export async function createTables(source: Source, random: Random): Promise<void> {
  await withConnection(source, async (connection) => {
    await connection.query(`create or replace database ${schema} character set utf8mb4`)
    await connection.query(`use ${schema}`)
    for (const table of tables) {
      await connection.query(`create ${declaration(table)}`)
      for (const keys of firstKeys(table, table.firstRows))
        await connection.query(`insert into ${table.name} ${rows(random, table, keys)}`)
    }
  })
}

/** The anchor and the first so many keys, in blocks for a statement each. */
export function firstKeys(table: Table, count: number): readonly (readonly number[])[] {
  const all = [anchorKey(table), ...Array.from({ length: count }, (_, at) => at + 1)]
  return Array.from({ length: Math.ceil(all.length / rowsPerStatement) }, (_, at) =>
    all.slice(at * rowsPerStatement, (at + 1) * rowsPerStatement),
  )
}
