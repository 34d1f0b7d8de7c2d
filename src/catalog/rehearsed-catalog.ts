import type { Catalog, CatalogFormat, CatalogName } from './catalog.ts'
import { memoryCatalog } from './memory-catalog.ts'

/** A catalog that is read and never written: a table goes on in memory from how it stands there when it is first asked for. */
export function rehearsedCatalog(beneath: Catalog): Catalog {
  const memory = memoryCatalog()
  const taken = new Map<string, Promise<Catalog>>()
  const standing = (name: CatalogName): Promise<Catalog> => {
    const key = JSON.stringify([name.database, name.table])
    const found = taken.get(key) ?? takeOver(beneath, memory, name)
    taken.set(key, found)
    return found
  }
  return {
    getTable: async (name) => (await standing(name)).getTable(name),
    createDatabase: (database) => memory.createDatabase(database),
    createTable: async (name, table) => (await standing(name)).createTable(name, table),
    updateTable: async (name, table, found) => (await standing(name)).updateTable(name, table, found),
    deleteTable: async (name) => (await standing(name)).deleteTable(name),
    listPartitions: async (name) => (await standing(name)).listPartitions(name),
    changePartitions: async (name, table, changes) => (await standing(name)).changePartitions(name, table, changes),
  }
}

async function takeOver(from: Catalog, to: Catalog, name: CatalogName): Promise<Catalog> {
  const found = await from.getTable(name)
  if (found === null) return to
  // A format that is none of ours stays what it is: it is only compared.
  const table = { ...found, format: found.format as CatalogFormat }
  await to.createDatabase(name.database)
  await to.createTable(name, table)
  await to.changePartitions(name, table, { create: await from.listPartitions(name), update: [], remove: [] })
  return to
}
