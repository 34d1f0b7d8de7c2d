import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { engineError, engineLost, isBreaking, isBroken } from './duckdb-errors.ts'

type Database = { readonly instance: DuckDBInstance; links: number; broken: boolean }
type Connected = { readonly connection: DuckDBConnection; readonly database: Database; close(): void }

export type Databases = {
  /** To a database that is not known to be broken; a new one where the last one is. */
  connect(): Promise<Connected>
  close(): Promise<void>
}

/**
 * One database after the other. An error inside DuckDB that it did not foresee, such as a footer of certain damage brings
 * about, invalidates the whole database: without another one, one file would stop every table of the run.
 */
export function renewedDatabases(open: () => Promise<DuckDBInstance>): Databases {
  const begin = () => open().then((instance): Database => ({ instance, links: 0, broken: false }))
  let current = begin()
  const usable = async (): Promise<Database> => {
    const asked = current
    const database = await asked
    if (!database.broken) return database
    if (current === asked) current = begin()
    return usable()
  }
  return {
    async connect() {
      const database = await usable()
      database.links++
      const connection = await database.instance.connect()
      return {
        connection,
        database,
        close() {
          connection.closeSync()
          database.links--
          if (database.broken && database.links === 0) database.instance.closeSync()
        },
      }
    },
    async close() {
      const last = await current.catch(() => null)
      if (last !== null && (!last.broken || last.links > 0)) last.instance.closeSync()
    },
  }
}

/** A session's way to the database. */
export type Link = {
  statement<T>(sql: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T>
  interrupt(): void
  close(): void
}

/**
 * When the database breaks, each session is told once, by an error of the statement that meets it: what it had made
 * (temporary tables, views) is gone. The next statement goes to a new database. The statement that broke it fails with a `bug`, so that
 * the landing file behind it is looked for; all others with `unavailable`, to be tried again without their neighbour.
 */
export async function linkTo(databases: Databases): Promise<Link> {
  let connected = await databases.connect()
  let told = false
  const connectedAgain = async () => {
    connected.close()
    connected = await databases.connect()
    told = false
  }
  const failed = (sql: string, cause: unknown) => {
    if (!isBroken(cause) && !isBreaking(cause)) return engineError(sql, cause)
    connected.database.broken = true
    told = true
    return isBroken(cause) ? engineLost(cause) : engineError(sql, cause)
  }
  return {
    async statement(sql, work) {
      if (connected.database.broken && told) await connectedAgain()
      if (connected.database.broken) {
        told = true
        throw engineLost()
      }
      try {
        return await work(connected.connection)
      } catch (cause) {
        throw failed(sql, cause)
      }
    },
    interrupt: () => connected.connection.interrupt(),
    close: () => connected.close(),
  }
}
