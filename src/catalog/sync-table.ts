import { DmscdcError } from '../errors.ts'
import type {
  Catalog,
  CatalogColumn,
  CatalogName,
  CatalogPartition,
  CatalogTable,
  FoundTable,
  PartitionChanges,
  RefusedPartition,
} from './catalog.ts'

/** By these two a table says whose it is: which table, of which lake. */
const ownerParameters = ['dmscdc.table', 'dmscdc.lake'] as const
/** What a format of ours may have written and another must take away. */
const formatParameters = ['classification', 'table_type', 'spark.sql.sources.provider']

export type CatalogEntry = {
  readonly name: CatalogName
  /** Its parameters name its owner. */
  readonly table: CatalogTable
  readonly partitions: readonly CatalogPartition[]
}

export type SyncOutcome =
  | { readonly kind: 'synced' }
  /** Somebody else's table has the name; `owner` is the table of ours whose it is, null for none of ours. */
  | { readonly kind: 'foreign'; readonly owner: string | null }
  /** The entry is not the newest any more. */
  | { readonly kind: 'overtaken' }

/**
 * Makes the catalog say what the entry says: database, table, partitions; writes nothing that stands already. The definition is
 * replaced only at the version that it was read at, and `isNewest` is asked between reading and writing: so a run that slept
 * puts back no old one. Comments, descriptions and parameters that others wrote are kept. Throws what the catalog throws.
 */
export async function syncTable(
  catalog: Catalog,
  entry: CatalogEntry,
  isNewest: () => Promise<boolean>,
): Promise<SyncOutcome> {
  const { name, table, partitions } = entry
  let refused: readonly RefusedPartition[] = []
  for (let round = 1; round <= roundsMax; round++) {
    const found = await catalog.getTable(name)
    if (found !== null && !isOwn(found, table)) return { kind: 'foreign', owner: ownerOf(found) }
    const isRekeyed = found !== null && haveOtherKeys(found, table)
    const stands = found !== null && isSame(found, table)
    const listed = found === null ? [] : await catalog.listPartitions(name)
    const changes = partitionChanges(isRekeyed ? [] : partitions, listed)
    if (stands && isEmpty(changes)) return { kind: 'synced' }
    if (!(await isNewest())) return { kind: 'overtaken' }
    if (found === null) {
      await create(catalog, entry)
      continue
    }
    // Partitions have as many values as there are keys: those of other keys go before the definition changes.
    if (isRekeyed && !isEmpty(changes)) refused = await catalog.changePartitions(name, table, changes)
    if (isRekeyed && refused.length > 0) continue
    const isDefined = stands || (await catalog.updateTable(name, onTopOf(found, table), found)) === 'updated'
    if (!isDefined || isRekeyed) continue
    refused = isEmpty(changes) ? [] : await catalog.changePartitions(name, table, changes)
    if (refused.length === 0) return { kind: 'synced' }
  }
  throw neverStands(name, refused)
}

/** Deletes the table, if it is `owner`'s. */
export async function dropTable(catalog: Catalog, name: CatalogName, owner: CatalogTable['parameters']): Promise<void> {
  const found = await catalog.getTable(name)
  if (found !== null && isOwn(found, { parameters: owner })) await catalog.deleteTable(name)
}

/** The parameters by which `syncTable` and `dropTable` know a table again. */
export function ownedBy(table: string, lake: string): CatalogTable['parameters'] {
  return { 'dmscdc.table': table, 'dmscdc.lake': lake }
}

const roundsMax = 5

const isOwn = (found: FoundTable, { parameters }: Pick<CatalogTable, 'parameters'>) =>
  ownerParameters.every((name) => found.parameters[name] === parameters[name])

const ownerOf = (found: FoundTable) => found.parameters['dmscdc.table'] ?? null

function haveOtherKeys(found: FoundTable, table: CatalogTable): boolean {
  return namesAndTypes(found.partitionKeys) !== namesAndTypes(table.partitionKeys)
}

function isSame(found: FoundTable, table: CatalogTable): boolean {
  return (
    found.format === table.format &&
    found.location === table.location &&
    !haveOtherKeys(found, table) &&
    namesAndTypes(found.columns) === namesAndTypes(table.columns) &&
    sorted(found.parameters) === sorted(parametersOn(found, table))
  )
}

/** Whether it came about shows when it is read again. */
async function create(catalog: Catalog, { name, table }: CatalogEntry): Promise<void> {
  if ((await catalog.createTable(name, table)) !== 'no-database') return
  await catalog.createDatabase(name.database)
  await catalog.createTable(name, table)
}

function onTopOf(found: FoundTable, table: CatalogTable): CatalogTable {
  const comments = new Map([...found.columns, ...found.partitionKeys].map(({ name, comment }) => [name, comment]))
  const commented = (column: CatalogColumn): CatalogColumn => {
    const comment = comments.get(column.name)
    return comment === undefined ? column : { ...column, comment }
  }
  return {
    ...table,
    columns: table.columns.map(commented),
    partitionKeys: table.partitionKeys.map(commented),
    parameters: parametersOn(found, table),
  }
}

function parametersOn(found: FoundTable, table: CatalogTable): CatalogTable['parameters'] {
  const kept = Object.entries(found.parameters).filter(([name]) => !formatParameters.includes(name))
  return { ...Object.fromEntries(kept), ...table.parameters }
}

function partitionChanges(wanted: readonly CatalogPartition[], found: readonly CatalogPartition[]): PartitionChanges {
  const keyOf = ({ values }: Pick<CatalogPartition, 'values'>) => JSON.stringify(values)
  const standing = new Map(found.map((one) => [keyOf(one), one]))
  const known = new Set(wanted.map(keyOf))
  return {
    create: wanted.filter((one) => !standing.has(keyOf(one))),
    update: wanted.filter((one) => {
      const other = standing.get(keyOf(one))
      return other !== undefined && !isSamePartition(one, other)
    }),
    remove: found.filter((one) => !known.has(keyOf(one))).map(({ values }) => values),
  }
}

function isSamePartition(wanted: CatalogPartition, found: CatalogPartition): boolean {
  const parameters = Object.entries(wanted.parameters)
  return wanted.location === found.location && parameters.every(([name, value]) => found.parameters[name] === value)
}

const isEmpty = ({ create, update, remove }: PartitionChanges) => create.length + update.length + remove.length === 0
const namesAndTypes = (columns: readonly CatalogColumn[]) =>
  JSON.stringify(columns.map(({ name, type }) => [name, type]))
const sorted = (parameters: CatalogTable['parameters']) => JSON.stringify(Object.entries(parameters).sort())

/** The codes alone: a partition's values are row values. */
function neverStands({ database, table }: CatalogName, refused: readonly RefusedPartition[]): DmscdcError {
  const codes = [...new Set(refused.map(({ code }) => code))].join(', ')
  const found =
    refused.length === 0 ? 'it changed each time' : `${String(refused.length)} partitions were refused (${codes})`
  return new DmscdcError('unavailable', `catalog table ${database}.${table}: ${found} in ${String(roundsMax)} rounds`, {
    hint: 'run again: the next run brings the catalog up to date',
  })
}
