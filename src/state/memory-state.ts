import { compareBytes, type TableId, tableName } from '../domain.ts'
import { damagedRow, parseRow, rowText } from './row-text.ts'
import { changed, meets } from './same-json.ts'
import type { StateItem, StateStore } from './state-store.ts'

/** Where the rows lie: the name of the table → the row's JSON text. A test may damage or delete one here, as an operator would. */
export type RowTexts = Map<string, { readonly id: TableId; readonly text: string }>

/** Rows in memory; every write is one step. `landingPlace` is the landing's place (`bucket/prefix/`). */
export function memoryState(options: { landingPlace: string; rows?: RowTexts }): StateStore {
  const rows: RowTexts = options.rows ?? new Map()
  const read = (id: TableId): StateItem | null => {
    const found = rows.get(tableName(id))
    return found === undefined
      ? null
      : { id, path: `${options.landingPlace}${id.schema}/${id.table}/`, ...parseRow(found.text) }
  }

  return {
    url: 'memory://state/',
    list: async () => {
      const ids = [...rows.values()].map(({ id }) => id)
      const sorted = ids.sort((a, b) => compareBytes(`${a.schema}/${a.table}`, `${b.schema}/${b.table}`))
      return sorted.map(read).filter((item) => item !== null)
    },
    get: async (id) => read(id),
    register: async (id, row) => {
      if (rows.has(tableName(id))) return 'exists'
      rows.set(tableName(id), { id, text: rowText(row) })
      return 'registered'
    },
    update: async (id, change, condition) => {
      const item = read(id)
      if (item === null) return 'condition-failed'
      if (item.row === null) throw damagedRow(tableName(id), item.damage ?? '')
      if (!meets(item.row, condition)) return 'condition-failed'
      rows.set(tableName(id), { id, text: rowText(changed(item.row, change)) })
      return 'updated'
    },
  }
}
