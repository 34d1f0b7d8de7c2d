import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pLimit from 'p-limit'
import { literal } from '../../src/engine/sql.ts'
import { test as placesTest } from './places-test.ts'
import { dmscdc, type Ended, stdoutOf } from './process.ts'
import { folderOf, openSql, type Sql, type TextRow } from './table-rows.ts'

type CommandLine = {
  readonly sql: Sql
  /** Lands a Parquet file of a query's rows. */
  readonly land: (key: string, select: string) => Promise<void>
  /** What a command prints, which must end with 0. */
  readonly command: (...args: readonly string[]) => Promise<string>
  // biome-ignore lint/suspicious/noExplicitAny: whatever the command's document holds
  readonly json: (...args: readonly string[]) => Promise<any>
  /** Runs commands, a few at a time, each in the places' environment and what is given beyond. */
  readonly all: (
    argumentLists: readonly (readonly string[])[],
    environments?: readonly Readonly<Record<string, string>>[],
  ) => Promise<readonly Ended[]>
  readonly lakeRows: (table: string) => Promise<readonly TextRow[]>
}

/** A test that runs commands on places of its own. */
export const test = placesTest.extend<CommandLine>({
  sql: async ({ task: _ }, use) => {
    const sql = await openSql()
    await use(sql)
    sql.close()
  },
  land: ({ places, sql }, use) =>
    use(async (key, select) => {
      const path = join(places.landing, key)
      mkdirSync(dirname(path), { recursive: true })
      await sql.run(`copy (${select}) to ${literal(path)} (format parquet)`)
    }),
  command: ({ places }, use) => use((...args) => stdoutOf(args, places.environment)),
  json: ({ command }, use) => use(async (...args) => JSON.parse(await command(...args, '--json'))),
  all: ({ places }, use) =>
    use((argumentLists, environments = []) => {
      const limit = pLimit(3)
      return Promise.all(
        argumentLists.map((args, at) => limit(() => dmscdc(args, { ...places.environment, ...environments[at] }))),
      )
    }),
  lakeRows: ({ places, sql }, use) =>
    use((table) => sql.rows(`select * from ${folderOf(places.lake, table)} order by id`)),
})

/** Five rows, and changes that leave five. */
export const rows = `select range::bigint as id, 'v' || range as v from range(5)`
export const changes = `select * from (values ('U', 1::bigint, 'changed'), ('D', 2, null), ('I', 9, 'new')) as c("Op", id, v)`
