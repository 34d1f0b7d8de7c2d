import pLimit from 'p-limit'
import type { TableId } from '../domain.ts'
import { listAll, type ObjectStore } from '../objects/object-store.ts'
import { sum } from '../sum.ts'
import { archiveMark } from './archive.ts'
import { isTableName, isTooLong, reservedSchema } from './names.ts'

export type Discovery = {
  /** In the order of the listing. */
  readonly tables: readonly TableId[]
  /** Objects and folders that are no table's: beside the tables, DMS's own `awsdms_*` tables, names that cannot be a table's. */
  readonly ignored: number
  /** `CDC_TXN-…` files beside the tables, where DMS puts them (`CdcPath`): not supported, warned of. */
  readonly transactionFiles: number
  /** Folders that would be tables, or schemas, but for names longer than `limits.nameBytes`. */
  readonly tooLong: number
}

/** The tables of a landing: its folders two levels deep, found with one listing for the schemas and one for each schema's tables. */
export async function discoverTables(store: ObjectStore): Promise<Discovery> {
  const root = await namesIn(store, '')
  const schemas = root.folders.filter(canBeSchema)
  const atOnce = pLimit(8)
  const inSchemas = await Promise.all(schemas.map((schema) => atOnce(() => tablesOf(store, schema))))
  return {
    tables: inSchemas.flatMap((found) => found.tables),
    ignored: root.objects + root.folders.length - schemas.length + sum(inSchemas.map((found) => found.ignored)),
    transactionFiles: root.transactionFiles + sum(inSchemas.map((found) => found.transactionFiles)),
    tooLong: root.folders.filter(isTooLong).length + sum(inSchemas.map((found) => found.tooLong)),
  }
}

/** Whether a folder with this name is taken for a table's; DMS's own `awsdms_*` tables are not. */
export function canBeTable({ schema, table }: TableId): boolean {
  return canBeSchema(schema) && isTableName(table) && !table.startsWith('awsdms_')
}

const canBeSchema = (name: string) => isTableName(name) && name !== reservedSchema

async function tablesOf(store: ObjectStore, schema: string): Promise<Discovery> {
  const { folders, objects, transactionFiles, archive } = await namesIn(store, `${schema}/`)
  if (archive) return { tables: [], ignored: 1, transactionFiles: 0, tooLong: 0 }
  const tables = folders.map((table) => ({ schema, table })).filter(canBeTable)
  const ignored = objects + folders.length - tables.length
  return { tables, ignored, transactionFiles, tooLong: folders.filter(isTooLong).length }
}

async function namesIn(store: ObjectStore, prefix: string) {
  const folders: string[] = []
  let objects = 0
  let transactionFiles = 0
  let archive = false
  for await (const page of listAll(store, { prefix, delimiter: '/' })) {
    for (const folder of page.folders) folders.push(folder.slice(prefix.length, -1))
    archive ||= page.objects.some(({ key }) => key === `${prefix}${archiveMark}`)
    for (const { key } of page.objects) key.startsWith('CDC_TXN-', prefix.length) ? transactionFiles++ : objects++
  }
  return { folders, objects, transactionFiles, archive }
}
