import mysql, { type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise'
import { DmscdcError } from '../src/errors.ts'

/** Where the source database is, and as whom to read it. A `socket` goes before host and port. */
export type Source = {
  readonly host?: string
  readonly port?: number
  readonly user: string
  readonly password?: string
  readonly socket?: string
}

/** Which tables of which schema are taken; no `tables` means all, no `schema` means all but the server's own. */
export type TableFilter = { readonly schema?: string; readonly tables?: readonly string[] }

export const systemSchemas: readonly string[] = ['mysql', 'information_schema', 'performance_schema', 'sys']

export function isTaken(filter: TableFilter, schema: string, table: string): boolean {
  if (filter.schema === undefined ? systemSchemas.includes(schema) : filter.schema !== schema) return false
  return filter.tables === undefined || filter.tables.length === 0 || filter.tables.includes(table)
}

/** Values come as exact text: 64-bit integers, decimals and dates are never rounded or moved to another zone. */
export function connectionOptions(source: Source): ConnectionOptions {
  return {
    user: source.user,
    ...(source.password === undefined ? {} : { password: source.password }),
    ...(source.socket === undefined
      ? { host: source.host ?? '127.0.0.1', port: source.port ?? 3306 }
      : { socketPath: source.socket }),
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    jsonStrings: true,
  }
}

/** Runs `work` with a connection in UTC and closes it whatever happens. */
export async function withConnection<T>(source: Source, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await mysql.createConnection(connectionOptions(source)).catch((cause: Error) => {
    throw new DmscdcError('unavailable', `server cannot be connected to: ${cause.message}`, {
      hint: 'check --host and --port, or --socket, and --user and --password',
      cause,
    })
  })
  try {
    await connection.query("set time_zone = '+00:00'")
    return await work(connection)
  } finally {
    await connection.end().catch(() => connection.destroy())
  }
}

export async function rowsOf(connection: Connection, sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql, values)
  return rows
}
