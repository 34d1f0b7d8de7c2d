import type { Connection } from 'mysql2/promise'
import { type SourceColumn, typeOf } from './columns.ts'
import { rowsOf, type Source, type TableFilter, withConnection } from './connection.ts'
import { readCatalog, type TableDefinition } from './definitions.ts'
import { loadColumns, type RawRow } from './layout.ts'
import { firstSequence, masterPosition, type Position } from './position.ts'
import type { DmsSettings } from './settings.ts'
import { extension, removeTable, writeTargetFile } from './target.ts'

export type FullLoadOptions = {
  readonly source: Source
  /** The folder that stands for DMS's bucket folder. */
  readonly target: string
  readonly filter: TableFilter
  readonly settings: DmsSettings
  readonly nowMs: () => number
}

/**
 * Writes the tables' rows of one moment as LOAD files and returns the point of the binlog that belongs to that very moment:
 * following from there neither loses nor doubles a change. An empty table gets no file, as with DMS.
 */
export async function fullLoad(options: FullLoadOptions): Promise<Position> {
  return withConnection(options.source, async (reader) => {
    const position = await openSnapshot(reader, options)
    for (const table of position.catalog.tables) await loadTable(reader, table, options)
    await reader.query('commit')
    return position
  })
}

/** Starts following at the present, without a full load: a CDC-only task. */
export async function presentPosition(source: Source, filter: TableFilter): Promise<Position> {
  return withConnection(source, async (connection) => {
    await connection.query('flush tables with read lock')
    return positionNow(connection, filter)
  })
}

/** The read lock stands just long enough for the snapshot and the position to be of the same moment. */
async function openSnapshot(reader: Connection, options: FullLoadOptions): Promise<Position> {
  return withConnection(options.source, async (lock) => {
    await lock.query('flush tables with read lock')
    await reader.query('set session transaction isolation level repeatable read')
    await reader.query('start transaction with consistent snapshot')
    return positionNow(lock, options.filter)
  })
}

async function positionNow(locked: Connection, filter: TableFilter): Promise<Position> {
  const binlog = await masterPosition(locked)
  const catalog = await readCatalog(locked, filter)
  await rowsOf(locked, 'unlock tables')
  return { binlog, catalog, lastNameMs: 0, lastSequence: firstSequence }
}

async function loadTable(reader: Connection, table: TableDefinition, options: FullLoadOptions): Promise<void> {
  const { settings, target } = options
  if (settings.TargetTablePrepMode === 'DROP_AND_CREATE') await removeTable(target, table.schema, table.table)
  let file = 0
  for await (const rows of rowBlocks(reader, table, settings.MaxFileSize * 1024)) {
    file += 1
    const name = `LOAD${file.toString(16).toUpperCase().padStart(8, '0')}.${extension(settings)}`
    const columns = loadColumns(table, settings, rows, options.nowMs())
    await writeTargetFile(target, `${table.schema}/${table.table}/${name}`, columns, settings)
  }
}

/** The table's rows in blocks of about so many bytes. */
async function* rowBlocks(reader: Connection, table: TableDefinition, bytesMax: number): AsyncGenerator<RawRow[]> {
  let block: RawRow[] = []
  let bytes = 0
  for await (const row of selectRows(reader, table)) {
    block.push(row)
    bytes += rowBytes(row)
    if (bytes >= bytesMax) {
      yield block
      block = []
      bytes = 0
    }
  }
  if (block.length > 0) yield block
}

/** About what a row takes in a file before it is compressed. */
export function rowBytes(row: RawRow): number {
  return row.reduce<number>(
    (sum, value) => sum + (value instanceof Uint8Array ? value.length : String(value ?? '').length),
    0,
  )
}

async function* selectRows(reader: Connection, table: TableDefinition): AsyncGenerator<RawRow> {
  const kinds = table.columns.map((column) => typeOf(column).kind)
  const query = rawConnection(reader).query({
    sql: `select ${table.columns.map(selected).join(', ')} from ${quoted(table.schema)}.${quoted(table.table)}`,
    rowsAsArray: true,
    typeCast: false,
  })
  for await (const row of query.stream({ highWaterMark: 1000 })) {
    yield (row as (Buffer | null)[]).map((value, i) => fromServer(kinds[i] ?? 'text', value))
  }
}

/** The server shortens a float to six digits in text; as a double it keeps every bit. */
function selected(column: SourceColumn): string {
  return typeOf(column).kind === 'float' ? `${quoted(column.name)} + 0e0` : quoted(column.name)
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

function fromServer(kind: string, value: Buffer | null): unknown {
  if (value === null || kind === 'bytes' || kind === 'boolean') return value
  return value.toString('utf8')
}

type StreamingConnection = {
  query(options: { sql: string; rowsAsArray: true; typeCast: false }): {
    stream(options: { highWaterMark: number }): AsyncIterable<unknown>
  }
}

/** The promise wrapper has no streams; the connection below it has. */
function rawConnection(reader: Connection): StreamingConnection {
  return (reader as unknown as { connection: StreamingConnection }).connection
}
