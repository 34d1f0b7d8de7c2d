import type { LandingFormat } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { limits } from '../limits.ts'

export type LandingName =
  | { readonly kind: 'load' | 'change'; readonly format: LandingFormat }
  | { readonly kind: 'transaction' }
  | { readonly kind: 'ignored' }

/**
 * What DMS means by a key below a table's folder. Source: AWS DMS user guide, "Using Amazon S3 as a target".
 * Full loads: `[segment/][SEGMENT<n>_]LOAD<8 upper-case hex digits>.<ext>`; the segment folder is named by the source's partition, so it may be any text.
 * Changes: `[date folders/]YYYYMMDD-HHMMSSmmm[m].<ext>` with a date and a time that exist. Date folders come in five sequences and four delimiters
 * (`2024/06/12/10`, `06/2024/12`, `12_06_2024`, `2024-06`, `2024061210`), so any digits, `_` and `-` on up to four levels will do.
 * `CDC_TXN-…` at any depth is a file of transaction mode. Everything else is not ours.
 */
export function classify(keyBelowTable: string): LandingName {
  const folders = keyBelowTable.split('/')
  const name = folders.pop() as string
  if (name.startsWith('CDC_TXN-')) return { kind: 'transaction' }
  const load = LOAD_NAME.exec(name)
  if (load && isSegmentPath(folders)) return { kind: 'load', format: load[1] as LandingFormat }
  const change = CHANGE_NAME.exec(name)
  if (change && isDatePath(folders) && wallClockMs(name) !== null)
    return { kind: 'change', format: change[1] as LandingFormat }
  return { kind: 'ignored' }
}

const LOAD_NAME = /^(?:SEGMENT[0-9]+_)?LOAD[0-9A-F]{8}\.(parquet|csv|csv\.gz)$/
const CHANGE_NAME = /^[0-9]{8}-[0-9]{9,10}\.(parquet|csv|csv\.gz)$/

const isSegmentPath = (folders: readonly string[]) => folders.length <= 1 && folders.every((folder) => folder !== '')
const isDatePath = (folders: readonly string[]) =>
  folders.length <= 4 && folders.every((folder) => /^[0-9][0-9_-]*$/.test(folder))

/** The lake's own folder has this name. */
export const reservedSchema = '_dmscdc'

/** Whether a schema or a table can have this name: any text that can stand in a path, be printed, and is no longer than `limits.nameBytes`. */
export function isTableName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[\p{Cc}/]/u.test(name) && !isTooLong(name)
}

export const isTooLong = (name: string) => new TextEncoder().encode(name).length > limits.nameBytes

/** The base name: the part of a key after the last `/`. */
export function baseName(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1)
}

/**
 * The order in which change files apply, for two keys below a table's folder: by base name, then by key, both in byte order.
 * Not the order of a listing: in `MMYYYYDD` and `DDMMYYYY` folders key order is not time order.
 * Keys of changes are ASCII, where JavaScript's order of text is byte order.
 */
export function landingOrder(aKey: string, bKey: string): number {
  return compareText(baseName(aKey), baseName(bKey)) || compareText(aKey, bKey)
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/**
 * The instant that a change file's base name gives, read as wall-clock time in an IANA zone, in ms since the epoch; null for a name without a time.
 * Digits below the millisecond are cut. A time that the clocks showed twice is the EARLIER instant, one that they skipped the earlier reading too:
 * whoever leaves files out by this time must ask for the object's own date as well, which then decides (DMS uploads a file after naming it),
 * whereas the later instant would let a file from before a full load pass for one from after it.
 * Throws `invalid-config` for an unknown zone.
 */
export function nameTimeMs(name: string, zone: string): number | null {
  const wallMs = wallClockMs(name)
  if (wallMs === null || zone === 'UTC') return wallMs
  const readings = [wallMs - DAY_MS, wallMs + DAY_MS]
    .map((nearbyMs) => wallMs - offsetMs(nearbyMs, zone))
    .sort((a, b) => a - b)
  const real = readings.find((instantMs) => instantMs + offsetMs(instantMs, zone) === wallMs)
  return real ?? (readings[0] as number)
}

/**
 * The smallest text that a base name from `lookBackMs` before `cursorName` can begin with: `YYYYMMDD-HHMMSSmmm`, which sorts before every name of that ms.
 * Plain wall-clock arithmetic, since names are compared as text. A cursor without a time (written by hand) has nothing before it: it is its own bound.
 */
export function lookBackName(cursorName: string, lookBackMs: number): string {
  const wallMs = wallClockMs(cursorName)
  if (wallMs === null) return cursorName
  const text = new Date(Math.max(wallMs - lookBackMs, FIRST_NAMEABLE_MS)).toISOString()
  return text.replace(/^(....)-(..)-(..)T(..):(..):(..)\.(...)Z$/, '$1$2$3-$4$5$6$7')
}

const DAY_MS = 86_400_000
const FIRST_NAMEABLE_MS = Date.parse('0000-01-01T00:00:00.000Z')

/** The digits of a name as if they were UTC; null if they are no date and time that exist. */
function wallClockMs(name: string): number | null {
  const digits = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)(\d{3})\d?(?:\.|$)/.exec(name)
  if (!digits) return null
  const [, year, month, day, hour, minute, second, ms] = digits
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`
  const parsedMs = Date.parse(text)
  return Number.isNaN(parsedMs) || new Date(parsedMs).toISOString() !== text ? null : parsedMs
}

/** What the zone's clocks are ahead of UTC at an instant. */
function offsetMs(instantMs: number, zone: string): number {
  const part = Object.fromEntries(
    zoneClock(zone)
      .formatToParts(instantMs)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const { year, month, day, hour, minute, second } = part as Record<Intl.DateTimeFormatPartTypes, number>
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000
}

function zoneClock(zone: string): Intl.DateTimeFormat {
  const known = zoneClocks.get(zone)
  if (known) return known
  try {
    const numeric = 'numeric'
    const fields = {
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    } as const
    const clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', calendar: 'iso8601', ...fields })
    zoneClocks.set(zone, clock)
    return clock
  } catch (cause) {
    throw new DmscdcError(
      'invalid-config',
      `landing timezone is ${JSON.stringify(zone)}: expected an IANA name such as "Europe/Berlin"`,
      {
        hint: 'set LandingTimezone to the DatePartitionTimezone of the DMS endpoint',
        cause,
      },
    )
  }
}

/** A formatter costs far more to make than to use; it is the same for ever. */
const zoneClocks = new Map<string, Intl.DateTimeFormat>()
