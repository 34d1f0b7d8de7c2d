import ZongJi, { type BinlogEvent, type RowData, type TableMapEntry } from '@vlasky/zongji'
import type { TableId } from '../src/domain.ts'
import { DmscdcError } from '../src/errors.ts'
import { connectionOptions, isTaken, type Source, systemSchemas, type TableFilter } from './connection.ts'
import { applyDdl } from './ddl.ts'
import { type Catalog, findTable, type TableDefinition } from './definitions.ts'
import { itemQueue } from './item-queue.ts'
import type { RawRow } from './layout.ts'
import type { BinlogPosition } from './position.ts'
import { checkTableMap, columnSchemas } from './table-map.ts'

/** What the binlog holds, in its order. Changes count once their `commit` has come. */
export type BinlogItem =
  | {
      readonly kind: 'change'
      readonly table: TableDefinition
      readonly op: 'I' | 'U' | 'D'
      readonly before: RawRow | null
      readonly after: RawRow | null
    }
  | { readonly kind: 'commit'; readonly at: BinlogPosition; readonly timeMs: number }
  | { readonly kind: 'rollback'; readonly at: BinlogPosition }
  | {
      readonly kind: 'ddl'
      readonly at: BinlogPosition
      readonly catalog: Catalog
      readonly emptied: readonly TableId[]
    }
  /** Nothing of ours up to here. */
  | { readonly kind: 'passed'; readonly at: BinlogPosition }

export type BinlogReader = {
  /** The next item, or `quiet` when none comes within so many milliseconds. Throws what ended the reading. */
  next(waitMs: number): Promise<BinlogItem | 'quiet'>
  stop(): Promise<void>
}

export type BinlogOptions = {
  readonly source: Source
  readonly from: BinlogPosition
  readonly catalog: Catalog
  readonly filter: TableFilter
  /** As which replica to connect; no two may read from a server under the same number. */
  readonly replicaId: number
}

/** Reads the binlog from a position on. The tables' definitions move with its DDL statements, never with what stands now. */
export function openBinlog(options: BinlogOptions): BinlogReader {
  const zongji = new ZongJi(connectionOptions(options.source)) as ZongJi & ZongJiInternals
  const queue = itemQueue<BinlogItem>({
    pause: () => zongji.connection?.pause(),
    resume: () => zongji.connection?.resume(),
  })
  let catalog = options.catalog
  let file = options.from.file

  zongji._fetchTableInfo = (event, next) => {
    const table = findTable(catalog, { schema: event.schemaName, table: event.tableName })
    if (table === null) return queue.fail(unknownTable(event.schemaName, event.tableName))
    zongji.tableMap[event.tableId] = {
      columnSchemas: columnSchemas(table),
      parentSchema: table.schema,
      tableName: table.table,
    }
    next()
  }

  const onEvent = (event: BinlogEvent) => {
    const at = { file, offset: event.nextPosition }
    switch (event.getTypeName()) {
      case 'Rotate':
        file = (event as RotateEvent).binlogName
        return queue.put({ kind: 'passed', at: { file, offset: (event as RotateEvent).position } })
      case 'TableMap':
        return useDefinition(zongji.tableMap[(event as unknown as MapEvent).tableId], catalog)
      case 'WriteRows':
      case 'UpdateRows':
      case 'DeleteRows':
        return rowChanges(event as RowsEvent, catalog).forEach(queue.put)
      case 'Xid':
        return queue.put({ kind: 'commit', at, timeMs: event.timestamp })
      case 'Query':
        return onQuery(event as QueryEvent, at)
      case 'BinlogCheckpoint':
      case 'MariadbGtidList':
      case 'PreviousGtids':
        return at.offset > 0 ? queue.put({ kind: 'passed', at }) : undefined
    }
  }

  const onQuery = (event: QueryEvent, at: BinlogPosition) => {
    const statement = event.query.trim()
    if (/^begin\b|^savepoint\b|^start\s+transaction\b/iu.test(statement)) return
    if (/^commit\b/iu.test(statement)) return queue.put({ kind: 'commit', at, timeMs: event.timestamp })
    if (/^rollback$/iu.test(statement)) return queue.put({ kind: 'rollback', at })
    rejectUnfollowable(statement, event.schema, options.filter)
    const effect = applyDdl(catalog, statement, event.schema, (id) => isTaken(options.filter, id.schema, id.table))
    if (effect === null) return queue.put({ kind: 'passed', at })
    catalog = takenOnly(effect.catalog, options.filter)
    for (const id of Object.keys(zongji.tableMap)) delete zongji.tableMap[Number(id)]
    const emptied = effect.emptied.filter((id) => isTaken(options.filter, id.schema, id.table))
    queue.put({ kind: 'ddl', at, catalog, emptied })
  }

  zongji.on('binlog', (event: BinlogEvent) => {
    try {
      onEvent(event)
    } catch (error) {
      queue.fail(error)
    }
  })
  zongji.on('error', (error: Error) => queue.fail(unavailable(error)))
  zongji.start({
    serverId: options.replicaId,
    filename: options.from.file,
    position: options.from.offset,
    ...schemaFilter(options.filter),
  })
  return { next: queue.next, stop: () => stopped(zongji) }
}

/** Parts of zongji that its types leave out; `sample-db.test.ts` fails when a new version changes them. */
type ZongJiInternals = {
  tableMap: Record<number, TableMapEntry>
  connection: { pause(): void; resume(): void } | null
  _fetchTableInfo(event: MapEvent, next: () => void): void
}
type MapEvent = { tableId: number; schemaName: string; tableName: string }
type RotateEvent = BinlogEvent & { binlogName: string; position: number }
type QueryEvent = BinlogEvent & { query: string; schema: string }
type RowsEvent = BinlogEvent & {
  tableId: number
  numberOfColumns: number
  columns_present_bitmap: Uint8Array
  columns_present_bitmap2?: Uint8Array
  tableMap: Record<number, TableMapEntry>
  rows: (RowData | { before: RowData; after: RowData })[]
}

/** Where the server logs full metadata, zongji builds the columns from it, and would read a uuid as bytes: ours replace them. */
function useDefinition(entry: TableMapEntry | undefined, catalog: Catalog): void {
  if (entry === undefined) return
  const table = findTable(catalog, { schema: entry.parentSchema, table: entry.tableName })
  if (table === null) throw unknownTable(entry.parentSchema, entry.tableName)
  checkTableMap(table, entry)
  entry.columnSchemas = columnSchemas(table)
}

function rowChanges(event: RowsEvent, catalog: Catalog): BinlogItem[] {
  const entry = event.tableMap[event.tableId]
  const table = entry && findTable(catalog, { schema: entry.parentSchema, table: entry.tableName })
  if (!table || !entry?.columns) throw unknownTable(entry?.parentSchema ?? '', entry?.tableName ?? '')
  rejectPartialImage(event, table)
  const names = entry.columns.map((column) => column.name)
  const values = (row: RowData): RawRow => names.map((name) => row[name])
  return event.rows.map((row) => {
    switch (event.getTypeName()) {
      case 'WriteRows':
        return { kind: 'change', table, op: 'I', before: null, after: values(row as RowData) }
      case 'DeleteRows':
        return { kind: 'change', table, op: 'D', before: values(row as RowData), after: null }
      default: {
        const { before, after } = row as { before: RowData; after: RowData }
        return { kind: 'change', table, op: 'U', before: values(before), after: values(after) }
      }
    }
  })
}

/** A session may have logged less than the server's setting says; its missing values would pass for NULL. */
function rejectPartialImage(event: RowsEvent, table: TableDefinition): void {
  for (const bitmap of [event.columns_present_bitmap, event.columns_present_bitmap2 ?? event.columns_present_bitmap]) {
    for (let i = 0; i < event.numberOfColumns; i++) {
      if (((bitmap[i >> 3] ?? 0) >> (i & 7)) % 2 === 1) continue
      throw new DmscdcError('invalid-config', `${table.schema}.${table.table}: a row image in the binlog is not full`, {
        hint: 'set binlog_row_image to FULL in every session and take a new full load',
      })
    }
  }
}

/** Statements where rows should be: logged in statement format, or undone in part over tables without transactions. */
function rejectUnfollowable(statement: string, schema: string, filter: TableFilter): void {
  const isOurs = filter.schema === undefined ? !systemSchemas.includes(schema) : filter.schema === schema
  if (!isOurs || !/^(?:insert|update|delete|replace|load|rollback)\b/iu.test(statement)) return
  throw new DmscdcError('invalid-config', `${schema}: the binlog holds a statement, expected its rows`, {
    hint: 'set binlog_format to ROW in every session and take a new full load',
  })
}

function takenOnly(catalog: Catalog, filter: TableFilter): Catalog {
  return { ...catalog, tables: catalog.tables.filter((table) => isTaken(filter, table.schema, table.table)) }
}

function schemaFilter({ schema, tables }: TableFilter) {
  if (schema === undefined)
    return { excludeSchema: Object.fromEntries(systemSchemas.map((name) => [name, true as const])) }
  return { includeSchema: { [schema]: tables === undefined || tables.length === 0 ? (true as const) : [...tables] } }
}

function stopped(zongji: ZongJi): Promise<void> {
  return new Promise((resolve) => {
    zongji.once('stopped', () => resolve())
    zongji.stop()
  })
}

function unknownTable(schema: string, table: string): DmscdcError {
  return new DmscdcError(
    'invalid-config',
    `${schema}.${table}: rows in the binlog of a table whose creation was not seen`,
    {
      hint: 'take a new full load',
    },
  )
}

function unavailable(cause: Error): DmscdcError {
  return new DmscdcError('unavailable', `binlog cannot be read: ${cause.message}`, {
    hint: 'check that the server still has the binlog of the position file, and follow again; otherwise take a new full load',
    cause,
  })
}
