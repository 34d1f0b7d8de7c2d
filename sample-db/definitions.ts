import type { Connection } from 'mysql2/promise'
import type { TableId } from '../src/domain.ts'
import type { SourceColumn } from './columns.ts'
import { isTaken, rowsOf, type TableFilter } from './connection.ts'

/** A source table as the binlog's table maps do not tell it: names, signs, character sets, the key. */
export type TableDefinition = TableId & {
  /** Of new text columns that name none. */
  readonly charset: string
  readonly columns: readonly SourceColumn[]
  readonly primaryKey: readonly string[]
}

/** The tables as they stand at one point of the binlog. Plain JSON. */
export type Catalog = {
  readonly tables: readonly TableDefinition[]
  /** Of new tables that name none, by schema. */
  readonly schemaCharsets: Readonly<Record<string, string>>
  /** Of new schemas that name none. */
  readonly charset: string
}

/** The tables that the filter takes, in order of their names, as they stand now. */
export async function readCatalog(connection: Connection, filter: TableFilter): Promise<Catalog> {
  const [server] = await rowsOf(connection, 'select @@global.character_set_server charset')
  const schemas = await rowsOf(connection, schemasSql)
  const tables = await rowsOf(connection, tablesSql)
  const columns = await rowsOf(connection, columnsSql)
  const taken = tables.filter((row) => isTaken(filter, String(row.s), String(row.t)))
  return {
    charset: String(server?.charset),
    schemaCharsets: Object.fromEntries(schemas.map((row) => [String(row.s), String(row.charset)])),
    tables: taken.map((row) => {
      const own = columns.filter((column) => column.s === row.s && column.t === row.t)
      return {
        schema: String(row.s),
        table: String(row.t),
        charset: charsetOfCollation(String(row.collation)),
        columns: own.map((c) => ({ name: String(c.name), columnType: String(c.type), charset: c.charset ?? null })),
        primaryKey: own.filter((c) => c.k === 'PRI').map((c) => String(c.name)),
      }
    }),
  }
}

export function charsetOfCollation(collation: string): string {
  return collation.split('_')[0] ?? collation
}

export function findTable(catalog: Catalog, id: TableId): TableDefinition | null {
  return catalog.tables.find((table) => sameTable(table, id)) ?? null
}

export function withTable(catalog: Catalog, table: TableDefinition): Catalog {
  return { ...catalog, tables: [...catalog.tables.filter((other) => !sameTable(other, table)), table] }
}

export function withoutTable(catalog: Catalog, id: TableId): Catalog {
  return { ...catalog, tables: catalog.tables.filter((table) => !sameTable(table, id)) }
}

export function sameTable(a: TableId, b: TableId): boolean {
  return a.schema === b.schema && a.table === b.table
}

const schemasSql = 'select schema_name s, default_character_set_name charset from information_schema.schemata'
const tablesSql = `select table_schema s, table_name t, coalesce(table_collation, 'utf8mb4') collation
  from information_schema.tables where table_type = 'BASE TABLE' order by table_schema, table_name`
const columnsSql = `select table_schema s, table_name t, column_name name, column_type type, character_set_name charset, column_key k
  from information_schema.columns order by table_schema, table_name, ordinal_position`
