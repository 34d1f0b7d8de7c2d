import type { LandingTable } from '../domain.ts'
import { lookBackName, nameTimeMs } from './names.ts'

/**
 * The key behind which all of a table's files sort that can still make work: LOAD files, and changes whose name is greater than `windowFrom`
 * (the progress's; others count as taken). Null where there is none, or no file behind it: that the last one goes must be seen.
 * It holds for what is there, and for what comes under names of the same kind: right below the table's folder, or in date folders that
 * begin with the year. A landing that changes its kind of folders may write before it.
 */
export function windowStart({ loads, changes }: LandingTable, windowFrom: string | null): string | null {
  if (windowFrom === null || nameTimeMs(windowFrom, 'UTC') === null) return null
  const open = changes.filter(({ name }) => name > windowFrom)
  const starts = open.map(({ key, name }) => (key === name ? windowFrom : folderStart(key, name, windowFrom)))
  if (open.length === 0 || starts.includes(null)) return null
  const start = starts.reduce((least, one) => ((one as string) < (least as string) ? one : least)) as string
  return loads.every(({ key }) => key > start) ? start : null
}

/** The files of a listing behind a key, as a listing that begins there has them. */
export function behind(table: LandingTable, after: string): LandingTable {
  const isBehind = ({ key }: { readonly key: string }) => key > after
  return { ...table, loads: table.loads.filter(isBehind), changes: table.changes.filter(isBehind) }
}

/**
 * The folder of two days before `windowFrom`, as the key's own is written; null where the key's is not that of its name's day. A folder may have
 * another zone's date than the names in it, which is a day at most.
 */
function folderStart(key: string, name: string, windowFrom: string): string | null {
  const [, year, delimiter = '', month, day] = yearFirst.exec(key) ?? []
  if (year === undefined) return null
  const textOf = (base: string, backMs: number) => {
    const digits = lookBackName(base, backMs)
    const parts = [digits.slice(0, 4), digits.slice(4, 6), ...(day === undefined ? [] : [digits.slice(6, 8)])]
    return parts.join(delimiter)
  }
  const found = [year, month, ...(day === undefined ? [] : [day])].join(delimiter)
  const isItsDay = [dayMs, 0, -dayMs].some((backMs) => textOf(name, backMs) === found)
  return isItsDay ? textOf(windowFrom, 2 * dayMs) : null
}

/** `2024/06/12/10/`, `2024-06-12/`, `20240612/`, `2024_06/`: the sequences of DMS that sort as time does. */
const yearFirst = /^(\d{4})([/_-]?)(\d\d)(?:\2(\d\d)(?:\2\d\d)?)?\//
const dayMs = 86_400_000
