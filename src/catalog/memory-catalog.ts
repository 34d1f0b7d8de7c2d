import type { Catalog, CatalogName, CatalogPartition, FoundTable, RefusedPartition } from './catalog.ts'

type Stored = { table: FoundTable; readonly partitions: Map<string, CatalogPartition> }

const keyOf = (values: readonly string[]) => JSON.stringify(values)

/** A catalog in memory that behaves as Glue's does: versions count up, and partitions are keyed by their values. */
export function memoryCatalog(): Catalog {
  const databases = new Map<string, Map<string, Stored>>()
  const find = ({ database, table }: CatalogName) => databases.get(database)?.get(table)
  return {
    async getTable(name) {
      return find(name)?.table ?? null
    },
    async createDatabase(database) {
      if (!databases.has(database)) databases.set(database, new Map())
    },
    async createTable(name, table) {
      const tables = databases.get(name.database)
      if (tables === undefined) return 'no-database'
      if (tables.has(name.table)) return 'exists'
      tables.set(name.table, { table: { ...table, versionId: '0', description: null }, partitions: new Map() })
      return 'created'
    },
    async updateTable(name, table, found) {
      const stored = find(name)
      if (stored === undefined || stored.table.versionId !== found.versionId) return 'conflict'
      const versionId = String(Number(found.versionId) + 1)
      stored.table = { ...table, versionId, description: found.description }
      return 'updated'
    },
    async deleteTable({ database, table }) {
      databases.get(database)?.delete(table)
    },
    async listPartitions(name) {
      return [...(find(name)?.partitions.values() ?? [])]
    },
    async changePartitions(name, _table, { create, update, remove }) {
      const partitions = find(name)?.partitions ?? new Map<string, CatalogPartition>()
      const refused: RefusedPartition[] = []
      for (const values of remove)
        if (!partitions.delete(keyOf(values))) refused.push({ change: 'remove', code: 'EntityNotFoundException' })
      for (const one of create)
        if (partitions.has(keyOf(one.values))) refused.push({ change: 'create', code: 'AlreadyExistsException' })
        else partitions.set(keyOf(one.values), one)
      for (const one of update)
        if (!partitions.has(keyOf(one.values))) refused.push({ change: 'update', code: 'EntityNotFoundException' })
        else partitions.set(keyOf(one.values), one)
      return refused
    },
  }
}
