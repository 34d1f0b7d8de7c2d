import { readdirSync, readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import { ident, list, listLiteral, literal } from '../../src/engine/sql.ts'

/** A row as text, NULL as null. */
export type TextRow = readonly (string | null)[]

/** A DuckDB of the test's own. */
export type Sql = {
  run(statement: string): Promise<void>
  rows(query: string): Promise<readonly TextRow[]>
  close(): void
}

export async function openSql(): Promise<Sql> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' })
  const connection = await instance.connect()
  await connection.run(`set TimeZone = 'UTC'`)
  return {
    async run(statement) {
      await connection.run(statement)
    },
    async rows(query) {
      const reader = await connection.runAndReadAll(query)
      return reader.getRowsJson().map((row) => row.map((value) => (value === null ? null : String(value))))
    },
    close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** The bare folder of a table, as any reader of Parquet takes it: a relation for `from`. */
export function folderOf(lake: string, table: string): string {
  return parquet(literal(`${lake}/${table.replace('.', '/')}/**/*.parquet`))
}

/** A published Delta view, by its log's entries alone (all of them, without a checkpoint): a relation for `from`. */
export function viewOf(lake: string, table: string): string {
  const folder = `${lake}/${table.replace('.', '/')}`
  const entries = readdirSync(`${folder}/_delta_log`).filter((name) => /^\d{20}\.json$/u.test(name))
  const paths = new Set<string>()
  for (const entry of entries.sort())
    for (const line of readFileSync(`${folder}/_delta_log/${entry}`, 'utf8').split('\n')) {
      const { add, remove } = JSON.parse(line === '' ? '{}' : line)
      if (remove) paths.delete(remove.path)
      if (add) paths.add(add.path)
    }
  return parquet(listLiteral([...paths].map((path) => literal(`${folder}/${decodeURIComponent(path)}`))))
}

function parquet(files: string): string {
  return `read_parquet(${files}, hive_partitioning = true, hive_types_autocast = false, union_by_name = true)`
}

/** A few of the rows in which two relations differ, each told by the side that has it: none when they hold the same rows. */
export async function difference(
  sql: Sql,
  sides: { readonly found: string; readonly expected: string },
  columns: readonly string[],
): Promise<readonly TextRow[]> {
  const rows = (relation: string) => `select ${list(columns.map(ident))} from ${relation}`
  const only = (side: string, one: string, other: string) =>
    `(select '${side}', * from (${rows(one)} except all ${rows(other)}) limit 5)`
  const { found, expected } = sides
  return sql.rows(`${only('found', found, expected)} union all ${only('missing', expected, found)}`)
}
