import { afterAll, describe, expect } from 'vitest'
import { rowsOf, type Source, withConnection } from '../../sample-db/connection.ts'
import type { DmsSettings } from '../../sample-db/settings.ts'
import { openStandIn, type StandIn, sampleSchema } from '../../sample-db/standin.ts'
import { startMariadb } from '../support/mariadb.ts'
import { test } from './places-test.ts'
import { type Places, runJson, stdoutOf, verifyJson } from './process.ts'
import { printedRandom } from './seeded-random.ts'
import { addColumns, type Keys, randomScript } from './shop-history.ts'
import { folderOf, openSql, type Sql, type TextRow } from './table-rows.ts'

const server = await startMariadb()
const sql: Sql = await openSql()
afterAll(async () => {
  sql.close()
  await server?.stop()
})

const tables = ['product', 'productorder', 'store'] as const
const rounds = 5
const roundOfAddedColumns = 2

describe.skipIf(server === null)('the lake equals the database, row for row', () => {
  test.for<[string, Partial<DmsSettings>]>([
    ['arrow', { parquetWriter: 'arrow' }],
    ['dms-exact', { parquetWriter: 'dms-exact', CdcMinFileSize: 2 }],
  ])(
    'after each of many rounds of changes (%s Parquet)',
    { timeout: 240_000 },
    async ([writer, settings], { places }) => {
      const random = printedRandom(`mariadb, ${writer}`)
      const dms = standIn(places, settings)
      await dms.init()
      let position = await dms.fullLoad()
      await stdoutOf(['tables'], places.environment)
      await stdoutOf(['set', `${sampleSchema}.*`, '--active', '--primary-key', 'id'], places.environment)
      expect(statuses(await runJson(places))).toEqual(['initial', 'initial', 'initial'])
      await expectSameRows(places, 'the full load')

      await dms.change()
      position = await dms.followUntilCaughtUp(position)
      const merged = await runJson(places)
      expect(statuses(merged)).toEqual(['incremental', 'incremental', 'incremental'])
      expect(merged.tables.map(({ changes }) => changes)).toMatchObject([
        { updated: 1, deleted: 1, inserted: 0 },
        { inserted: 1345, updated: 0, deleted: 0 },
        { inserted: 1, updated: 0, deleted: 0 },
      ])
      await expectSameRows(places, 'changes.sql')

      let keys = await keysInDatabase()
      for (let round = 0; round < rounds; round++) {
        const before = randomScript(random, keys, { statements: 30, columnsAdded: round > roundOfAddedColumns })
        await dms.run(before.script)
        keys = before.keys
        if (round === roundOfAddedColumns) {
          const after = randomScript(random, keys, { statements: 30, columnsAdded: true })
          await dms.run(`use sampledb; ${addColumns} ${after.script}`)
          keys = after.keys
        }
        position = await dms.followUntilCaughtUp(position)
        expect((await runJson(places)).ok).toBe(true)
        await expectSameRows(places, `round ${String(round)}, seed ${String(random.seed)}`)
      }
      expect(await keysInDatabase()).toEqual(inOrder(keys))
      expect(await columnsOf('product')).toContain('seen_at')
      expect((await verifyJson(places)).tables.map(({ problems }) => problems)).toEqual([[], [], []])
      expect(statuses(await runJson(places))).toEqual(['idle', 'idle', 'idle'])
    },
  )
})

function source(): Source {
  if (server === null) throw new Error('no server')
  return { socket: server.socket, user: server.user }
}

function standIn(places: Places, settings: Partial<DmsSettings>): StandIn {
  return openStandIn({
    source: source(),
    target: places.landing,
    settings: { ...settings, BeforeImageColumns: ['id'] },
    nowMs: () => Date.now(),
  })
}

const statuses = (report: { readonly tables: readonly { readonly status: string }[] }) =>
  report.tables.map(({ status }) => status)

async function expectSameRows(places: Places, when: string): Promise<void> {
  for (const table of tables) {
    const columns = await columnsOf(table)
    const expected = await rowsInDatabase(table, columns)
    const found = await rowsInLake(places, table, columns)
    expect({ when, table, onlyInLake: without(found, expected), onlyInDatabase: without(expected, found) }).toEqual({
      when,
      table,
      onlyInLake: [],
      onlyInDatabase: [],
    })
    expect(found.length).toBe(expected.length)
  }
}

/** A few of the rows of `rows` that `others` has not. */
function without(rows: readonly TextRow[], others: readonly TextRow[]): readonly string[] {
  const known = new Set(others.map((row) => JSON.stringify(row)))
  return rows
    .map((row) => JSON.stringify(row))
    .filter((row) => !known.has(row))
    .slice(0, 5)
}

async function columnsOf(table: string): Promise<readonly string[]> {
  const query =
    'select column_name as name from information_schema.columns where table_schema = ? and table_name = ? order by ordinal_position'
  const rows = await withConnection(source(), (connection) => rowsOf(connection, query, [sampleSchema, table]))
  return rows.map(({ name }) => String(name))
}

async function rowsInDatabase(table: string, columns: readonly string[]): Promise<readonly TextRow[]> {
  const texts = columns.map((column) => `cast(${column} as char) as ${column}`).join(', ')
  const rows = await withConnection(source(), (connection) =>
    rowsOf(connection, `select ${texts} from ${sampleSchema}.${table} order by id`),
  )
  return rows.map((row) => columns.map((column) => row[column] as string | null))
}

/** Milliseconds as the database writes them; everything else reads the same in both. */
function rowsInLake(places: Places, table: string, columns: readonly string[]): Promise<readonly TextRow[]> {
  const texts = columns.map((column) =>
    column === 'seen_at' ? `strftime(seen_at, '%Y-%m-%d %H:%M:%S.%g')` : `${column}::varchar`,
  )
  return sql.rows(`select ${texts.join(', ')} from ${folderOf(places.lake, `${sampleSchema}.${table}`)} order by id`)
}

async function keysInDatabase(): Promise<Keys> {
  const keys: Record<string, number[]> = {}
  for (const table of tables) keys[table] = (await rowsInDatabase(table, ['id'])).map(([id]) => Number(id))
  return inOrder(keys)
}

function inOrder(keys: Keys): Keys {
  return Object.fromEntries(tables.map((table) => [table, [...(keys[table] ?? [])].sort((a, b) => a - b)]))
}
