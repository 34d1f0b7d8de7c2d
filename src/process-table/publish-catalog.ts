import { createHash } from 'node:crypto'
import type { Catalog, CatalogName } from '../catalog/catalog.ts'
import { type CatalogEntry, dropTable, ownedBy, syncTable } from '../catalog/sync-table.ts'
import { type CatalogRecord, type Snapshot, tableName } from '../domain.ts'
import { asDmscdcError } from '../errors.ts'
import { catalogView } from '../lake/catalog-view.ts'
import { entryKey, logPrefix } from '../lake/keys.ts'
import type { HeldTable } from './held-table.ts'
import type { TableRun } from './table-run.ts'

/**
 * Brings the catalog up to date with a head that is finished, where its schema or its partitions are not what the row
 * says was published last; takes the table out of it where that view is off. Never throws: the commit stands, so trouble is
 * noted in `catalogProblem`, not tried again in this run, and done by the next one.
 */
export async function publishCatalog(table: HeldTable, head: Snapshot): Promise<void> {
  if (table.catalogProblem !== null) return
  try {
    table.catalogProblem = await publish(table, head)
  } catch (thrown) {
    const { message, hint } = asDmscdcError(thrown)
    table.catalogProblem = `the catalog is not up to date: ${message}; Try: ${hint}`
  }
  if (table.catalogProblem === null) return
  const { ports, place } = table.run
  ports.log.warn({ table: tableName(place.id) }, table.catalogProblem)
}

/** Whether the catalog says what the operator wants it to. */
export function catalogStands({ run, catalog }: HeldTable): boolean {
  return run.config.publish.includes('glue') ? catalog !== null && catalog.digest !== null : catalog === null
}

/** The problem, null without one. */
async function publish(table: HeldTable, head: Snapshot): Promise<string | null> {
  const entry = entryOf(table.run, head)
  const digest = entry === null ? null : digestOf(entry)
  const isUpToDate =
    entry === null ? table.catalog === null : isNamed(table.catalog, entry.name) && table.catalog.digest === digest
  const { catalog: port } = table.run.ports
  if (isUpToDate || port === null) return null
  const catalog = await port.open()
  await dropFormer(table, catalog, entry?.name ?? null)
  if (entry === null || digest === null) return null
  // Before anything is made: a table that no row knows of would stay for ever.
  if (table.catalog === null && !(await remember(table, { ...entry.name, digest: null }))) return null
  table.catalog = { ...entry.name, digest: null }
  const outcome = await syncTable(catalog, entry, () => isNewest(table.run, head))
  switch (outcome.kind) {
    case 'synced':
      table.catalog = { ...entry.name, digest }
      return null
    // By the run that made the newer head, or by this one when it meets that head.
    case 'overtaken':
      return null
    case 'foreign':
      return foreignText(entry.name, outcome.owner)
  }
}

/** Null where nothing is to be shown: the view is off, or the table has no column yet. */
function entryOf(run: TableRun, head: Snapshot): CatalogEntry | null {
  const { config, place, ports } = run
  if (!config.publish.includes('glue') || head.columns.length === 0) return null
  const { id } = place
  const name = { database: (ports.catalog?.database ?? id.schema).toLowerCase(), table: id.table.toLowerCase() }
  const { publish } = config
  return { name, ...catalogView({ head, place, lakePlace: ports.lake.place, publish, owner: ownerOf(run) }) }
}

const ownerOf = ({ place, ports }: TableRun) => ownedBy(tableName(place.id), ports.lake.url)

function digestOf({ table, partitions }: CatalogEntry): string {
  const inOrder = partitions.map(({ values, location }) => JSON.stringify([values, location])).sort()
  return createHash('sha256')
    .update(JSON.stringify([table, inOrder]))
    .digest('hex')
}

function isNamed(record: CatalogRecord | null, name: CatalogName): record is CatalogRecord {
  return record !== null && record.database === name.database && record.table === name.table
}

/** What this table was called before, or is not called any more. */
async function dropFormer(table: HeldTable, catalog: Catalog, name: CatalogName | null): Promise<void> {
  const former = table.catalog
  if (former === null || (name !== null && isNamed(former, name))) return
  await dropTable(catalog, former, ownerOf(table.run))
  table.catalog = null
}

/** False: another run holds the table, and the catalog is its to write. */
async function remember(table: HeldTable, record: CatalogRecord): Promise<boolean> {
  return table.note({ CatalogTable: record })
}

async function isNewest({ ports, place }: TableRun, head: Snapshot): Promise<boolean> {
  return (await ports.lake.head(entryKey(logPrefix(place), head.version + 1))) === null
}

function foreignText({ database, table }: CatalogName, owner: string | null): string {
  const whose = owner === null ? 'something else' : `${owner} of this or another lake`
  return `the catalog has a table ${database}.${table} that belongs to ${whose}, and was left alone; Try: --glue-database with another name, or delete that table`
}
