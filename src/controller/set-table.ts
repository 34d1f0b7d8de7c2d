import { compareBytes, parseTableName, type TableId, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { type SetOptions, setAttributes } from '../state/row.ts'
import type { StateItem } from '../state/state-store.ts'
import { registerNamed } from './named-tables.ts'
import { registerTables } from './register.ts'

/** Edits the rows of the tables that `pattern` names, `S.T` or `S.*`; returns their names. */
export async function setTables(ports: Ports, pattern: string, options: SetOptions): Promise<readonly string[]> {
  const change = setAttributes(options)
  const items = await chosen(ports, pattern)
  for (const { id } of items) {
    // The row exists, and an operator's edit wins over nothing else that stands in it.
    await ports.state.update(id, change, {})
  }
  return items.map(({ id }) => tableName(id)).sort(compareBytes)
}

async function chosen(ports: Ports, pattern: string): Promise<readonly StateItem[]> {
  if (pattern.endsWith('.*')) {
    const schema = parseTableName(`${pattern.slice(0, -1)}x`)?.schema
    const items = (await registerTables(ports)).items.filter(({ id }) => id.schema === schema)
    if (items.length > 0) return items
    throw new UsageError(`there is no table in schema ${pattern.slice(0, -2)}`, 'dmscdc tables')
  }
  return registerNamed(ports, await ports.state.list(), [requireTableName(pattern)])
}

/** The table that a command line names; throws `UsageError` for text that names none. */
export function requireTableName(text: string): TableId {
  const id = parseTableName(text)
  if (id === null)
    throw new UsageError(
      `"${text}" names no table: expected schema.table, a part with a dot in double quotes`,
      'dmscdc tables',
    )
  return id
}
