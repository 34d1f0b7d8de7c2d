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
      return linked(database, await database.instance.connect())
    },
    async close() {
      const last = await current.catch(() => null)
      if (last !== null && (!last.broken || last.links > 0)) last.instance.closeSync()
    },
  }
}

function linked(database: Database, connection: DuckDBConnection): Connected {
  database.links++
  return {
    connection,
    database,
    close() {
      connection.closeSync()
      database.links--
      if (database.broken && database.links === 0) database.instance.closeSync()
    },
  }
}

/** A session's way to the database. */
export type Link = {
  statement<T>(sql: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T>
  /** On a connection that nothing else goes over meanwhile. It sees the session's tables that are not temporary. */
  aside<T>(sql: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T>
  interrupt(): void
  close(): Promise<void>
}

/**
 * When the database breaks, each session is told once, by an error of the statement that meets it: what it had made
 * (temporary tables, views) is gone. The next statement goes to a new database. The statement that broke it fails with a `bug`, so that
 * the landing file behind it is looked for; all others with `unavailable`, to be tried again without their neighbour.
 */
export async function linkTo(databases: Databases, name: string): Promise<Link> {
  let connected = await connectTo(databases, name)
  const aside: Connected[] = []
  const working = new Set<Connected>()
  let told = false
  const connectedAgain = async () => {
    for (const one of [...aside.splice(0), connected]) one.close()
    connected = await connectTo(databases, name)
    told = false
  }
  const failed = (sql: string, cause: unknown) => {
    if (!isBroken(cause) && !isBreaking(cause)) return engineError(sql, cause)
    connected.database.broken = true
    told = true
    return isBroken(cause) ? engineLost(cause) : engineError(sql, cause)
  }
  const usable = async () => {
    if (connected.database.broken && told) await connectedAgain()
    if (!connected.database.broken) return
    told = true
    throw engineLost()
  }
  return {
    async statement(sql, work) {
      await usable()
      try {
        return await work(connected.connection)
      } catch (cause) {
        throw failed(sql, cause)
      }
    },
    async aside(sql, work) {
      await usable()
      const one = aside.pop() ?? (await anotherTo(connected.database, name))
      working.add(one)
      try {
        return await work(one.connection)
      } catch (cause) {
        throw failed(sql, cause)
      } finally {
        working.delete(one)
        if (one.database === connected.database) aside.push(one)
        else one.close()
      }
    },
    interrupt() {
      for (const one of [connected, ...working]) one.connection.interrupt()
    },
    async close() {
      for (const one of aside.splice(0)) one.close()
      const { connection } = connected
      await connection.run(`use memory; detach ${name}`).catch(() => {})
      connected.close()
    },
  }
}

/** A session's tables that more than one connection sees lie in a database of its own, in memory as temporary ones do. */
async function connectTo(databases: Databases, name: string): Promise<Connected> {
  const connected = await databases.connect()
  await connected.connection.run(`attach if not exists ':memory:' as ${name}; use ${name}`)
  return connected
}

async function anotherTo(database: Database, name: string): Promise<Connected> {
  const another = linked(database, await database.instance.connect())
  await another.connection.run(`use ${name}`)
  return another
}
