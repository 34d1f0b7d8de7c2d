import { createHash } from 'node:crypto'
import type { Catalog, CatalogName } from '../catalog/catalog.ts'
import { type CatalogEntry, dropTable, ownedBy, syncTable } from '../catalog/sync-table.ts'
import { type CatalogRecord, type Snapshot, tableName } from '../domain.ts'
import { asDmscdcError } from '../errors.ts'
import { catalogView } from '../lake/catalog-view.ts'
import { entryKey, logPrefix } from '../lake/keys.ts'
import type { HeldTable } from './held-table.ts'
import type { TableRun } from './table-run.ts'

/** How the catalog stands to the head. `behind`: another run has moved the head on, and publishes it. */
export type CatalogStanding =
  | { readonly kind: 'stands' | 'behind' }
  | { readonly kind: 'trouble'; readonly text: string }

/**
 * Brings the catalog up to date with a head that is finished, where its schema or its partitions are not what the row
 * says was published last; takes the table out of it where that view is off. Never throws: the commit stands, so trouble is
 * noted in `catalogStanding`, not tried again in this run, and done by the next one.
 */
export async function publishCatalog(table: HeldTable, head: Snapshot): Promise<void> {
  if (table.catalogStanding.kind === 'trouble') return
  table.catalogStanding = await publish(table, head).catch((thrown: unknown) => {
    const { message, hint } = asDmscdcError(thrown)
    return { kind: 'trouble', text: `the catalog is not up to date: ${message}; Try: ${hint}` } as const
  })
  if (table.catalogStanding.kind !== 'trouble') return
  const { ports, place } = table.run
  ports.log.warn({ table: tableName(place.id) }, table.catalogStanding.text)
}

async function publish(table: HeldTable, head: Snapshot): Promise<CatalogStanding> {
  const entry = entryOf(table.run, head)
  const { catalog: port } = table.run.ports
  if (port === null || isUpToDate(table.catalog, entry)) return { kind: 'stands' }
  const catalog = await port.open()
  await dropFormer(table, catalog, entry?.name ?? null)
  if (entry === null) return { kind: 'stands' }
  const begun = { ...entry.name, digest: null }
  // Before anything is made: a table that no row knows of would stay for ever.
  if (table.catalog === null && !(await table.note({ CatalogTable: begun }))) return { kind: 'behind' }
  table.catalog = begun
  const outcome = await syncTable(catalog, entry, () => isNewest(table.run, head))
  switch (outcome.kind) {
    case 'synced':
      table.catalog = { ...entry.name, digest: digestOf(entry) }
      return { kind: 'stands' }
    case 'overtaken':
      return { kind: 'behind' }
    case 'foreign':
      return { kind: 'trouble', text: foreignText(entry.name, outcome.owner) }
  }
}

function isUpToDate(record: CatalogRecord | null, entry: CatalogEntry | null): boolean {
  if (entry === null) return record === null
  return isNamed(record, entry.name) && record.digest === digestOf(entry)
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

async function isNewest({ ports, place }: TableRun, head: Snapshot): Promise<boolean> {
  return (await ports.lake.head(entryKey(logPrefix(place), head.version + 1))) === null
}

function foreignText({ database, table }: CatalogName, owner: string | null): string {
  const whose = owner === null ? 'something else' : `${owner} of this or another lake`
  return `the catalog has a table ${database}.${table} that belongs to ${whose}, and was left alone; Try: --glue-database with another name, or delete that table`
}
