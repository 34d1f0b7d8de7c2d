import { compareBytes, type TableId, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { discoverTables } from '../landing/discover.ts'
import { limits } from '../limits.ts'
import type { Ports } from '../ports.ts'
import { newRow, readConfig } from '../state/row.ts'
import type { StateItem } from '../state/state-store.ts'

export type Registered = {
  readonly items: readonly StateItem[]
  /** Objects in the landing that belong to no table. */
  readonly ignored: number
}

/** Every table of the landing or the state, in order of name; a table seen for the first time gets a row, inactive. */
export async function registerTables(ports: Ports): Promise<Registered> {
  const { tables, ignored, transactionFiles, tooLong } = await discoverTables(ports.landing)
  if (transactionFiles > 0)
    ports.log.warn(
      { transactionFiles },
      `${String(transactionFiles)} files of DMS's transaction mode (CDC_TXN-…) beside the tables were left alone: they are not supported; switch CdcPath's PreserveTransactions off`,
    )
  if (tooLong > 0)
    ports.log.warn(
      { tooLong },
      `${String(tooLong)} folders of the landing were left alone: their names have more than ${String(limits.nameBytes)} bytes`,
    )
  const known = new Map((await ports.state.list()).map((item) => [tableName(item.id), item]))
  for (const id of tables) {
    if (known.has(tableName(id))) continue
    const item = await registerTable(ports, id)
    if (item !== null) known.set(tableName(id), item)
  }
  return { items: inOrder([...known.values()]), ignored }
}

export async function registerTable(ports: Ports, id: TableId): Promise<StateItem | null> {
  await ports.state.register(id, firstRow(ports, id))
  ports.log.info({ table: tableName(id) }, 'found a new table and registered it, inactive')
  return ports.state.get(id)
}

/** The same tables, but one without a row is only shown with the row that it would get: nothing is written. */
export async function discoveredTables(ports: Ports): Promise<readonly StateItem[]> {
  const { tables } = await discoverTables(ports.landing)
  const known = await ports.state.list()
  const names = new Set(known.map(({ id }) => tableName(id)))
  const unknown = tables.filter((id) => !names.has(tableName(id)))
  return inOrder([...known, ...unknown.map((id) => newItem(ports, id))])
}

/** A table with the row that it would get. */
export function newItem(ports: Ports, id: TableId): StateItem {
  const row = firstRow(ports, id)
  return { id, path: String(row.path), row, damage: null }
}

const firstRow = ({ landing, lake }: Ports, id: TableId) =>
  newRow(id, { landingPlace: landing.place, lakePlace: lake.place })

/** The tables of the state as they are, nothing looked for and nothing written. */
export async function knownTables(ports: Ports): Promise<readonly StateItem[]> {
  return inOrder([...(await ports.state.list())])
}

function inOrder(items: StateItem[]): StateItem[] {
  return items.sort((a, b) => compareBytes(tableName(a.id), tableName(b.id)))
}

/** Tables whose lake folder is, or lies in, another's: each would delete the other's files, so all of them are held. */
export function sharedFolders(ports: Ports, items: readonly StateItem[]): ReadonlyMap<string, DmscdcError> {
  const folders = items.flatMap((item) => {
    const folder = outPlaceOf(ports, item)
    return folder === null ? [] : [{ name: tableName(item.id), folder }]
  })
  folders.sort((a, b) => compareBytes(a.folder, b.folder))
  const held = new Map<string, DmscdcError>()
  for (const [at, { name, folder }] of folders.entries()) {
    for (const other of folders.slice(at + 1)) {
      if (!other.folder.startsWith(folder)) break
      held.set(name, held.get(name) ?? shared(name, folder, other))
      held.set(other.name, held.get(other.name) ?? shared(other.name, other.folder, { name, folder }))
    }
  }
  return held
}

function outPlaceOf(ports: Ports, item: StateItem): string | null {
  try {
    return readConfig(item, { lakePlace: ports.lake.place }).outPlace
  } catch (error) {
    if (error instanceof DmscdcError) return null
    throw error
  }
}

function shared(name: string, folder: string, other: { readonly name: string; readonly folder: string }): DmscdcError {
  const how = folder === other.folder ? 'is also that of' : 'lies in one folder with that of'
  return new DmscdcError(
    'invalid-config',
    `state row of ${name}: lake folder ${folder} ${how} ${other.name} (${other.folder})`,
    {
      hint: 'give each table a folder of its own by the attributes out_path and folder of its row',
    },
  )
}
