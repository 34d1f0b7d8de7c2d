import * as arrow from 'apache-arrow'
import { Compression, Table as WasmTable, WriterPropertiesBuilder, writeParquet } from 'parquet-wasm/node'
import type { Cell } from './columns.ts'
import type { FileColumn } from './layout.ts'
import type { DmsSettings } from './settings.ts'

/** A Parquet file by the Arrow libraries: snappy or gzip, logical types, small decimals as integers. */
export function arrowParquet(columns: readonly FileColumn[], settings: DmsSettings): Uint8Array {
  const rows = columns[0]?.cells.length ?? 0
  const vectors = columns.map((column) => columnData(column, settings))
  const fields = columns.map((column, i) => new arrow.Field(column.name, vectors[i]!.type, !column.required))
  const schema = new arrow.Schema(fields)
  const struct = arrow.makeData({ type: new arrow.Struct(fields), length: rows, nullCount: 0, children: vectors })
  const ipc = arrow.tableToIPC(new arrow.Table(schema, new arrow.RecordBatch(schema, struct)), 'stream')
  const properties = new WriterPropertiesBuilder()
    .setCompression(settings.CompressionType === 'GZIP' ? Compression.GZIP : Compression.SNAPPY)
    .setCreatedBy('dmscdc sample-db')
    .build()
  return writeParquet(WasmTable.fromIPCStream(ipc), properties)
}

function columnData({ type, cells }: FileColumn, settings: DmsSettings): arrow.Data {
  const common = { length: cells.length, ...nulls(cells) }
  switch (type.kind) {
    case 'boolean':
      return arrow.makeData({ ...common, type: new arrow.Bool(), data: bitmap(cells.map((cell) => cell === true)) })
    case 'integer':
      return integerData(type, cells, common)
    case 'float':
      return arrow.makeData({ ...common, type: new arrow.Float32(), data: Float32Array.from(cells, toNumber) })
    case 'double':
      return arrow.makeData({ ...common, type: new arrow.Float64(), data: Float64Array.from(cells, toNumber) })
    case 'decimal':
      return arrow.makeData({ ...common, type: new arrow.Decimal(type.scale, type.precision, 128), data: words(cells) })
    case 'date':
      return arrow.makeData({ ...common, type: new arrow.DateDay(), data: Int32Array.from(cells, toNumber) })
    case 'timestamp':
      return settings.ParquetTimestampInMillisecond
        ? arrow.makeData({
            ...common,
            type: new arrow.TimestampMillisecond(),
            data: BigInt64Array.from(cells, toMillis),
          })
        : arrow.makeData({
            ...common,
            type: new arrow.TimestampMicrosecond(),
            data: BigInt64Array.from(cells, toBigint),
          })
    case 'text':
      return arrow.makeData({ ...common, type: new arrow.Utf8(), ...bytesAndOffsets(cells) })
    case 'bytes':
      return arrow.makeData({ ...common, type: new arrow.Binary(), ...bytesAndOffsets(cells) })
  }
}

type Common = { readonly length: number; readonly nullCount: number; readonly nullBitmap: Uint8Array }

function integerData(
  { bits, signed }: { readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean },
  cells: readonly Cell[],
  common: Common,
): arrow.Data {
  switch (bits) {
    case 8:
      return signed
        ? arrow.makeData({ ...common, type: new arrow.Int8(), data: Int8Array.from(cells, toNumber) })
        : arrow.makeData({ ...common, type: new arrow.Uint8(), data: Uint8Array.from(cells, toNumber) })
    case 16:
      return signed
        ? arrow.makeData({ ...common, type: new arrow.Int16(), data: Int16Array.from(cells, toNumber) })
        : arrow.makeData({ ...common, type: new arrow.Uint16(), data: Uint16Array.from(cells, toNumber) })
    case 32:
      return signed
        ? arrow.makeData({ ...common, type: new arrow.Int32(), data: Int32Array.from(cells, toNumber) })
        : arrow.makeData({ ...common, type: new arrow.Uint32(), data: Uint32Array.from(cells, toNumber) })
    case 64:
      return signed
        ? arrow.makeData({ ...common, type: new arrow.Int64(), data: BigInt64Array.from(cells, toBigint) })
        : arrow.makeData({ ...common, type: new arrow.Uint64(), data: BigUint64Array.from(cells, toBigint) })
  }
}

function nulls(cells: readonly Cell[]): { nullCount: number; nullBitmap: Uint8Array } {
  return {
    nullCount: cells.reduce<number>((count, cell) => count + (cell === null ? 1 : 0), 0),
    nullBitmap: bitmap(cells.map((cell) => cell !== null)),
  }
}

/** Arrow's bits, lowest first, padded to 8 bytes. */
function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 64) * 8)
  bits.forEach((bit, i) => {
    if (bit) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7))
  })
  return bytes
}

/** 128-bit two's complement in four little-endian words. */
function words(cells: readonly Cell[]): Uint32Array {
  const result = new Uint32Array(cells.length * 4)
  cells.forEach((cell, row) => {
    const value = BigInt.asUintN(128, toBigint(cell))
    for (let word = 0; word < 4; word++) result[row * 4 + word] = Number((value >> BigInt(32 * word)) & 0xffffffffn)
  })
  return result
}

function bytesAndOffsets(cells: readonly Cell[]): { data: Uint8Array; valueOffsets: Int32Array } {
  const values = cells.map((cell) => (typeof cell === 'string' ? Buffer.from(cell) : ((cell as Uint8Array) ?? noBytes)))
  const valueOffsets = new Int32Array(cells.length + 1)
  values.forEach((value, i) => {
    valueOffsets[i + 1] = valueOffsets[i]! + value.length
  })
  return { data: new Uint8Array(Buffer.concat(values)), valueOffsets }
}

const noBytes = new Uint8Array(0)
const toNumber = (cell: Cell) => (cell === null ? 0 : Number(cell))
const toBigint = (cell: Cell) => (cell === null ? 0n : (cell as bigint))
const toMillis = (cell: Cell) => floorThousand(toBigint(cell))

/** Microseconds to milliseconds, towards the past also before 1970. */
export function floorThousand(micros: bigint): bigint {
  return micros / 1000n - (micros % 1000n < 0n ? 1n : 0n)
}
