import { type TableId, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import { canBeTable } from '../landing/discover.ts'
import type { Ports } from '../ports.ts'
import type { StateItem } from '../state/state-store.ts'
import { newItem, registerTable } from './register.ts'

/**
 * The tables of a command that changes nothing: one without a row is shown with the row that it would get, if the landing has it.
 * Throws `UsageError` for one that is neither in `known` nor in the landing.
 */
export function named(ports: Ports, known: readonly StateItem[], names: readonly TableId[]) {
  return each(ports, known, names, (id) => newItem(ports, id))
}

/** The same, but a table that has no row yet is registered. */
export function registerNamed(ports: Ports, known: readonly StateItem[], names: readonly TableId[]) {
  return each(ports, known, names, (id) => registerTable(ports, id))
}

async function each(
  ports: Ports,
  known: readonly StateItem[],
  names: readonly TableId[],
  itemOf: (id: TableId) => StateItem | Promise<StateItem | null>,
): Promise<readonly StateItem[]> {
  const items: StateItem[] = []
  for (const id of names) {
    const same = (one: StateItem) => tableName(one.id) === tableName(id)
    if (items.some(same)) continue
    const item = known.find(same) ?? ((await hasLanded(ports, id)) ? await itemOf(id) : null)
    if (item === null)
      throw new UsageError(`there is no table ${tableName(id)} in the landing or the state`, 'dmscdc tables')
    items.push(item)
  }
  return items
}

async function hasLanded({ landing }: Ports, id: TableId): Promise<boolean> {
  return canBeTable(id) && (await landing.list({ prefix: `${id.schema}/${id.table}/` })).objects.length > 0
}
