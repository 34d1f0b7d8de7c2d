import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { literal } from '../../src/engine/sql.ts'
import { type Places, stdoutOf } from './process.ts'
import type { Random } from './seeded-random.ts'
import { difference, folderOf, type Sql, viewOf } from './table-rows.ts'

/** Some tables of the schema `shop`: their landing files, and beside them what they must come to. */
export type ModelTables = {
  /** Lands the full loads and onboards the tables. */
  load(): Promise<void>
  /** Lands two change files per table with random inserts, updates and deletions. */
  change(random: Random): Promise<void>
  /** By table, rows in which the lake differs; none when it is right. */
  differences(): Promise<Readonly<Record<string, unknown>>>
}

const columns = ['id', 'v', 'note', 'day']

/**
 * Each table is kept a second time, as a table of the test's own DuckDB, to which two plain statements apply each change file.
 * `rows` gives the size of each table; one of them, `published`, is partitioned and read through its Delta view.
 */
export function modelTables(
  sql: Sql,
  places: Places,
  { rows, published }: { readonly rows: Readonly<Record<string, number>>; readonly published: string },
): ModelTables {
  const tables = Object.entries(rows)
  let files = 0
  const land = async (key: string, select: string) => {
    const path = join(places.landing, key)
    await mkdir(dirname(path), { recursive: true })
    await sql.run(`copy (${select}) to ${literal(path)} (format parquet)`)
  }
  return {
    async load() {
      for (const [table, count] of tables) {
        await sql.run(`create or replace table ${modelOf(table)} as ${firstRows(count)}`)
        await land(`${table.replace('.', '/')}/LOAD00000001.parquet`, `from ${modelOf(table)}`)
      }
      await stdoutOf(['tables'], places.environment)
      await stdoutOf(['set', 'shop.*', '--active', '--primary-key', 'id'], places.environment)
      await stdoutOf(['set', published, '--partition-key', 'day', '--publish', 'delta'], places.environment)
    },
    async change(random) {
      for (const [table, count] of tables)
        for (let file = 0; file < 2; file++) {
          await sql.run(`create or replace temp table batch as ${randomChanges(count, random.below(2 ** 31))}`)
          const name = `20240101-${String(++files).padStart(9, '0')}.parquet`
          await land(`${table.replace('.', '/')}/${name}`, 'from batch')
          await sql.run(`delete from ${modelOf(table)} where id in (select id from batch)`)
          await sql.run(`insert into ${modelOf(table)} select ${columns.join(', ')} from batch where "Op" <> 'D'`)
        }
    },
    async differences() {
      const wrong: Record<string, unknown> = {}
      for (const [table] of tables) {
        const found = table === published ? viewOf(places.lake, table) : folderOf(places.lake, table)
        const rows = await difference(sql, { found, expected: modelOf(table) }, columns)
        if (rows.length > 0) wrong[table] = rows
      }
      return wrong
    },
  }
}

const modelOf = (table: string) => table.replace('.', '_')

function firstRows(count: number): string {
  return `select range::bigint as id, 'v' || range as v, md5(range::varchar) || md5('b' || range) as note, (range % 5)::integer as day
    from range(${String(count)})`
}

/** One change per key, so that the order within the file does not matter. */
function randomChanges(rows: number, salt: number): string {
  const number = (what: string, below: number) =>
    `(hash(${literal(`${what} ${String(salt)} `)} || range) % ${String(below)})`
  return `select distinct on (id) * from (
    select ['I', 'U', 'U', 'D'][1 + ${number('op', 4)}::integer] as "Op", ${number('id', Math.ceil(rows * 1.1))}::bigint as id,
      'w' || ${number('v', 1000)} as v, md5(${literal(String(salt))} || range) as note, ${number('day', 5)}::integer as day
    from range(${String(Math.ceil(rows / 200))})) order by id`
}
