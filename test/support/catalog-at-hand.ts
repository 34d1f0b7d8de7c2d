import type { Catalog, CatalogName } from '../../src/catalog/catalog.ts'
import { memoryCatalog } from '../../src/catalog/memory-catalog.ts'
import type { CatalogPort } from '../../src/ports.ts'

/** A catalog in memory that tests of runs look into. */
export type CatalogAtHand = CatalogPort & {
  /** What it says of a table, null where it has none. Two that say the same are equal. */
  describe(name: CatalogName): Promise<unknown>
  /** Another catalog that says the same of a table. */
  copy(name: CatalogName): Promise<CatalogAtHand>
}

export function catalogAtHand(catalog: Catalog = memoryCatalog()): CatalogAtHand {
  return {
    database: null,
    open: async () => catalog,
    async describe(name) {
      const found = await catalog.getTable(name)
      if (found === null) return null
      const { versionId: _, ...table } = found
      const partitions = (await catalog.listPartitions(name)).map((one) => JSON.stringify(one)).sort()
      return { table, partitions }
    },
    copy: async (name) => catalogAtHand(await copyOf(catalog, name)),
  }
}

async function copyOf(catalog: Catalog, name: CatalogName): Promise<Catalog> {
  const copy = memoryCatalog()
  const found = await catalog.getTable(name)
  if (found === null || found.format === 'other') return copy
  const table = { ...found, format: found.format }
  await copy.createDatabase(name.database)
  await copy.createTable(name, table)
  await copy.changePartitions(name, table, { create: await catalog.listPartitions(name), update: [], remove: [] })
  return copy
}
