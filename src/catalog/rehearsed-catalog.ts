import type { Catalog, CatalogName, CatalogPartition, FoundTable } from './catalog.ts'

type Standing = { readonly table: FoundTable | null; readonly partitions: readonly CatalogPartition[] }

/** A catalog that is read and never written: what is changed is changed here alone, and read from here then. */
export function rehearsedCatalog(beneath: Catalog): Catalog {
  const changed = new Map<string, Standing>()
  let made = 0
  const keyOf = ({ database, table }: CatalogName) => JSON.stringify([database, table])
  const change = async (name: CatalogName, to: (standing: Standing) => Partial<Standing>) => {
    const standing = changed.get(keyOf(name)) ?? {
      table: await beneath.getTable(name),
      partitions: await beneath.listPartitions(name),
    }
    changed.set(keyOf(name), { ...standing, ...to(standing) })
  }
  const newVersion = () => `rehearsed-${String(++made)}`
  const getTable = async (name: CatalogName) => {
    const standing = changed.get(keyOf(name))
    return standing === undefined ? beneath.getTable(name) : standing.table
  }
  return {
    getTable,
    async createDatabase() {},
    async createTable(name, table) {
      if ((await getTable(name)) !== null) return 'exists'
      await change(name, () => ({ table: { ...table, versionId: newVersion(), description: null }, partitions: [] }))
      return 'created'
    },
    async updateTable(name, table, found) {
      if ((await getTable(name))?.versionId !== found.versionId) return 'conflict'
      await change(name, () => ({ table: { ...table, versionId: newVersion(), description: found.description } }))
      return 'updated'
    },
    async deleteTable(name) {
      await change(name, () => ({ table: null, partitions: [] }))
    },
    async listPartitions(name) {
      return changed.get(keyOf(name))?.partitions ?? beneath.listPartitions(name)
    },
    async changePartitions(name, _table, { create, update, remove }) {
      const touched = new Set([...[...create, ...update].map(({ values }) => values), ...remove].map(textOf))
      await change(name, ({ partitions }) => ({
        partitions: [...partitions.filter(({ values }) => !touched.has(textOf(values))), ...create, ...update],
      }))
      return []
    },
  }
}

const textOf = (values: readonly string[]) => JSON.stringify(values)
