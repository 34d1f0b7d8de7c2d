import type { Column, LakeType } from '../domain.ts'
import type { ColumnStatistics } from '../engine/engine.ts'
import { bytesOf, type Chunk, type Footer, ids, int } from './footer.ts'
import type { ThriftStruct } from './thrift.ts'

/**
 * The statistics of a whole file out of those of its row groups, as the engine tells them when it writes: exact, or null where one
 * row group has none. `columns`: the file's, in its order. A column of which a row group counts no NULLs is left out.
 */
export function footerStatistics(footer: Footer, columns: readonly Column[]): ReadonlyMap<string, ColumnStatistics> {
  const found = new Map<string, ColumnStatistics>()
  for (const [at, { name, type }] of columns.entries()) {
    const chunks = footer.rowGroups.map((group) => group.chunks[at] as Chunk)
    const statistics = ofColumn(type, chunks)
    if (statistics !== null) found.set(name, statistics)
  }
  return found
}

function ofColumn(type: LakeType, chunks: readonly Chunk[]): ColumnStatistics | null {
  let nullCount = 0
  const bounded: Bounds[] = []
  let unknown = false
  for (const { meta } of chunks) {
    const statistics = structOf(meta, ids.meta.statistics)
    if (!statistics?.has(ids.statistics.nulls)) return null
    const nulls = int(statistics, ids.statistics.nulls)
    nullCount += nulls
    if (nulls === int(meta, ids.meta.values)) continue
    const bounds = boundsOf(type, int(meta, ids.meta.type), statistics)
    if (bounds === null) unknown = true
    else bounded.push(bounds)
  }
  // The engine writes no bounds where there is a NaN.
  if (unknown || bounded.length === 0) return { nullCount, min: null, max: null, hasNan: unknown }
  const min = bounded.map((bounds) => bounds.min).reduce((a, b) => (isLess(b, a) ? b : a))
  const max = bounded.map((bounds) => bounds.max).reduce((a, b) => (isLess(a, b) ? b : a))
  return { nullCount, min: textOf(type, min), max: textOf(type, max), hasNan: false }
}

/** A decimal as its unscaled digits, a date in days, a timestamp in microseconds, a text as bytes. */
type Value = number | bigint | Buffer
type Bounds = { readonly min: Value; readonly max: Value }

function boundsOf(type: LakeType, physical: number, statistics: ThriftStruct): Bounds | null {
  const cut = [ids.statistics.minExact, ids.statistics.maxExact].some((id) => statistics.get(id)?.value === false)
  const [min, max] = [ids.statistics.min, ids.statistics.max].map((id) => bytesOf(statistics, id))
  if (cut || min == null || max == null) return null
  const [low, high] = [readValue(type, physical, min), readValue(type, physical, max)]
  return low === null || high === null ? null : { min: low, max: high }
}

const physicals = { int32: 1, int64: 2, fixed: 7 }

function readValue(type: LakeType, physical: number, raw: Uint8Array): Value | null {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length)
  switch (type.kind) {
    case 'boolean':
    case 'binary':
      return null
    case 'string':
      return bytes
    case 'float':
      return bytes.readFloatLE()
    case 'double':
      return bytes.readDoubleLE()
    default:
      if (physical === physicals.int32) return BigInt(bytes.readInt32LE())
      if (physical === physicals.int64) return bytes.readBigInt64LE()
      return physical === physicals.fixed ? BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`)) : null
  }
}

function isLess(a: Value, b: Value): boolean {
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? Buffer.compare(a, b) < 0 : a < b
}

function textOf(type: LakeType, value: Value): string | null {
  switch (type.kind) {
    case 'date':
      return dayText(Number(value))
    case 'timestamp':
      return timestampText(value as bigint)
    case 'decimal':
      return decimalText(value as bigint, type.scale)
    default:
      return String(value)
  }
}

const dayMs = 86_400_000
const millionth = 1_000_000n

/** Null beyond the years of four digits. */
function dayText(days: number): string | null {
  const text = isoOf(days * dayMs)
  return text === null ? null : text.slice(0, 10)
}

function timestampText(micros: bigint): string | null {
  const fraction = ((micros % millionth) + millionth) % millionth
  const text = isoOf(Number((micros - fraction) / 1_000n))
  if (text === null) return null
  const digits = fraction === 0n ? '' : `.${String(fraction).padStart(6, '0')}`
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${digits}+00`
}

function isoOf(ms: number): string | null {
  const date = new Date(ms)
  const year = date.getUTCFullYear()
  return year >= 1 && year <= 9999 ? date.toISOString() : null
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const text = scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`
  return unscaled < 0n ? `-${text}` : text
}

function structOf(struct: ThriftStruct, id: number): ThriftStruct | null {
  const found = struct.get(id)
  return found?.type === 'struct' ? found.value : null
}
