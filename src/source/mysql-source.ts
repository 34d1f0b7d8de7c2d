import { createHash } from 'node:crypto'
import mysql, { type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise'
import { DmscdcError } from '../errors.ts'
import {
  comparedText,
  ident,
  keyLiteral,
  type MysqlColumn,
  mysqlColumn,
  print,
  printOfText,
  valueText,
} from './mysql-columns.ts'
import { connectError, missingTable, mysqlName, readError, tooLong } from './mysql-errors.ts'
import { type Bound, boundOf, type Index, inPiece, nextPiece, walkOrder } from './mysql-walk.ts'
import type { ComparedColumn, Comparison, KeyRange, KeyTexts, Source } from './source.ts'
import type { MysqlPlace, MysqlTable } from './source-location.ts'

/**
 * A table of MySQL (from 5.7 on) or MariaDB, read over one connection in UTC. Each statement sees a moment of its own: no
 * transaction stays open, which would keep old row versions on a busy server.
 */
export async function mysqlSource(
  place: MysqlPlace,
  table: MysqlTable,
  { rowsPerStatement = 65_536 }: { readonly rowsPerStatement?: number } = {},
): Promise<Source> {
  const name = mysqlName(place)
  const connection = await connect(place, name)
  const from = `${ident(table.database)}.${ident(table.table)}`
  let statements = 0
  const query = async (sql: string, values: readonly unknown[] = []): Promise<RowDataPacket[]> => {
    statements++
    const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]).catch((cause: unknown) => {
      throw readError(name, cause)
    })
    return rows
  }
  const lines = (sql: string) => {
    statements++
    return pages(name, connection, sql)
  }
  let indexes: Promise<readonly Index[]> | null = null
  const uniqueIndexes = () => {
    indexes ??= query(uniqueIndexesSql, [table.database, table.table]).then((rows) =>
      rows.map((row) => JSON.parse(String(row.names)) as Index),
    )
    return indexes
  }
  /** A range in conditions that find about so many rows each: where its numbers alone do not bound it, the key's index is walked. */
  const piecesOf = async (comparison: Comparison, range: KeyRange): Promise<readonly string[]> => {
    const whole = inRange(comparison, range)
    const { lead, keys } = comparison
    const order = lead !== null && keys.length === 1 ? null : walkOrder(keys, await uniqueIndexes())
    if (order === null) return [whole]
    const bounds: Bound[] = [null]
    for (;;) {
      const next = nextPiece(order, { table: from, whole, from: bounds.at(-1) ?? null, rows: rowsPerStatement })
      const [row] = await query(next)
      const bound = row === undefined ? null : boundOf(order, row)
      if (bound === null)
        return bounds.map((begin, at) => `${whole} and ${inPiece(order, begin, bounds[at + 1] ?? null)}`)
      bounds.push(bound)
    }
  }
  const known = new Map<string, readonly string[]>()
  const walk = async (comparison: Comparison, range: KeyRange): Promise<readonly string[]> => {
    const pieces = known.get(range.from ?? '') ?? (await piecesOf(comparison, range))
    known.set(range.from ?? '', pieces)
    return pieces
  }
  return {
    name: `${name}, table ${table.database}.${table.table}`,
    keysAtOnce: 500,
    async columns() {
      const columns = await query(columnsSql, [table.database, table.table, table.database, table.table])
      if (columns.length === 0) throw missingTable(name, table)
      return columns.map((row) =>
        mysqlColumn(String(row.name), String(row.type), {
          leads: Number(row.leads) > 0,
          nullable: row.nullable === 'YES',
        }),
      )
    },
    async cuts({ lead }, rowsPerRange) {
      if (lead === null) return []
      const key = ident(lead.source.name)
      const cuts: string[] = []
      for (;;) {
        const after = cuts.length === 0 ? `${key} is not null` : `${key} > ${cuts.at(-1) ?? ''}`
        const [row] = await query(
          `select cast(${key} + 0 as char) as cut from ${from} where ${after} order by ${key} limit 1 offset ${String(rowsPerRange)}`,
        )
        if (row === undefined) return cuts
        cuts.push(number(row.cut))
      }
    },
    async digests(comparison, range) {
      const cells = new Map<number, { rows: bigint; sum: bigint }>()
      for (const piece of await walk(comparison, range)) {
        const rows = `select ${bucketOf(comparison)} as b, ${rowHash(comparison)} as h from ${from} where ${piece}`
        const found = await query(`select b, count(*) as n, cast(sum(h) as char) as s from (${rows}) as r group by b`)
        for (const { b, n, s } of found) {
          const cell = cells.get(Number(b)) ?? { rows: 0n, sum: 0n }
          cells.set(Number(b), { rows: cell.rows + BigInt(n as string), sum: cell.sum + BigInt(s as string) })
        }
      }
      return [...cells].map(([b, { rows, sum }]) => `${String(b)},${String(rows)},${String(sum)}`)
    },
    async *prints(comparison, range, buckets) {
      const fields = [
        ...comparison.keys.map((key) => hexField(comparedText(key))),
        ...comparison.columns.map((column) => print(column)),
      ]
      const wanted = `${bucketOf(comparison)} in (${buckets.join(', ')})`
      for (const piece of await walk(comparison, range))
        yield* lines(`select ${fields.join(', ')} from ${from} where ${piece} and ${wanted}`)
    },
    rows(comparison, keys) {
      const fields = [
        ...comparison.keys.map((key) => hexField(comparedText(key))),
        ...comparison.columns.map((column) => hexField(valueText(column))),
      ]
      return lines(`select ${fields.join(', ')} from ${from} where ${hasKey(comparison, keys)}`)
    },
    queries: () => statements,
    async close() {
      await connection.end().catch(() => connection.destroy())
    },
  }
}

async function connect(place: MysqlPlace, name: string): Promise<Connection> {
  const connection = await mysql.createConnection(connectionOptions(place)).catch((cause: unknown) => {
    throw connectError(name, cause)
  })
  try {
    await connection.query(`set time_zone = '+00:00', sql_mode = ''`)
    await connection.query('set session transaction read only')
    return connection
  } catch (cause) {
    connection.destroy()
    throw readError(name, cause)
  }
}

function connectionOptions({ host, port, socket, user, password, database, tls }: MysqlPlace): ConnectionOptions {
  return {
    user,
    ...(password === null ? {} : { password }),
    ...(socket === null ? { host, port } : { socketPath: socket }),
    ...(database === null ? {} : { database }),
    ...(tls === 'off' ? {} : { ssl: { rejectUnauthorized: tls === 'verify' } }),
    charset: 'utf8mb4',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    connectTimeout: 15_000,
    enableKeepAlive: true,
  }
}

const columnsSql = `select c.column_name as name, c.column_type as type, c.is_nullable as nullable,
  (select count(*) from information_schema.statistics as s where s.table_schema = ? and s.table_name = ?
    and s.column_name = c.column_name and s.seq_in_index = 1) as leads
  from information_schema.columns as c where c.table_schema = ? and c.table_name = ? order by c.ordinal_position`

const uniqueIndexesSql = `select concat('[', group_concat(json_quote(column_name) order by seq_in_index), ']') as names
  from information_schema.statistics where table_schema = ? and table_name = ? and non_unique = 0 group by index_name`

function inRange({ lead }: Comparison, { from, to }: KeyRange): string {
  if (lead === null || (from === null && to === null)) return 'true'
  const key = ident(lead.source.name)
  const above = from === null ? null : `${key} >= ${number(from)}`
  const below = to === null ? null : `${key} < ${number(to)}`
  const parts = [above, below].filter((part) => part !== null).join(' and ')
  return from === null && (lead.source as MysqlColumn).nullable ? `(${parts} or ${key} is null)` : parts
}

const bucketOf = ({ keys, columns, bucketBits }: Comparison) =>
  `(conv(left(md5(concat_ws(',', ${(keys.length > 0 ? keys : columns).map(print).join(', ')})), 4), 16, 10) >> ${String(16 - bucketBits)})`

const rowHash = ({ columns }: Comparison) =>
  `cast(conv(left(md5(concat_ws(',', ${columns.map(print).join(', ')})), 16), 16, 10) as unsigned)`

/** A value that is too long for the server to print is NULL to it: told apart by the x that only a NULL value lacks. */
const hexField = (text: string) => `case when ${text} is null then '' else concat('x', hex(${text})) end`

/** By literals of the columns' own types, for which an index can be used; where one has none, by hash of the key. */
function hasKey({ keys }: Comparison, wanted: readonly KeyTexts[]): string {
  const conditions = wanted.map((key) => keys.map((column, at) => isLiteral(column, key[at] ?? null)))
  if (conditions.every((parts) => parts.every((part) => part !== null)))
    return conditions.map((parts) => `(${parts.join(' and ')})`).join(' or ')
  const hash = `md5(concat_ws(',', ${keys.map(print).join(', ')}))`
  const hashes = wanted.map((key) => {
    const prints = keys.map((column, at) => printOfText(column, key[at] ?? null))
    return `'${createHash('md5').update(prints.join(',')).digest('hex')}'`
  })
  return `${hash} in (${hashes.join(', ')})`
}

function isLiteral(column: ComparedColumn, hex: string | null): string | null {
  if (hex === null) return `${comparedText(column)} is null`
  const literal = keyLiteral(column, hex)
  return literal === null ? null : `${ident(column.source.name)} = ${literal}`
}

/** Ten thousand lines at a time; a server that is slow to be read waits. */
async function* pages(name: string, connection: Connection, sql: string): AsyncGenerator<readonly string[]> {
  const stream = streaming(connection).query({ sql, rowsAsArray: true }).stream({ highWaterMark: 1000 })
  let page: string[] = []
  let bytes = 0
  try {
    for await (const row of stream) {
      if ((row as (string | null)[]).includes(null)) throw tooLong(name)
      const line = (row as string[]).join(',')
      page.push(line)
      bytes += line.length
      if (page.length < 10_000 && bytes < 8e6) continue
      yield page
      page = []
      bytes = 0
    }
  } catch (cause) {
    throw cause instanceof DmscdcError ? cause : readError(name, cause)
  }
  if (page.length > 0) yield page
}

type Streaming = {
  query(options: { sql: string; rowsAsArray: true }): {
    stream(options: { highWaterMark: number }): AsyncIterable<unknown>
  }
}

/** The promise wrapper has no streams; the connection below it has. */
const streaming = (connection: Connection) => (connection as unknown as { connection: Streaming }).connection

/** Nothing but digits goes into a statement unquoted. */
function number(text: unknown): string {
  if (typeof text === 'string' && /^-?\d+$/u.test(text)) return text
  throw new DmscdcError('bug', 'source: a range is bounded by what is no number', {
    hint: 'run again with --verbose and report the trace',
  })
}
