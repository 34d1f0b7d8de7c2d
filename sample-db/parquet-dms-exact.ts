import { gzipSync } from 'node:zlib'
import type { SchemaElement } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { Cell, ColumnType } from './columns.ts'
import type { FileColumn } from './layout.ts'
import { floorThousand } from './parquet-arrow.ts'
import type { DmsSettings } from './settings.ts'

/**
 * A Parquet file with the schema of DMS's own: converted types without logical types, decimals as fixed-length bytes, plain
 * encoding, no compression unless gzip is asked for, `AWS` as its author (readers treat statistics by that name).
 */
export function dmsExactParquet(columns: readonly FileColumn[], settings: DmsSettings): Uint8Array {
  const buffer = parquetWriteBuffer({
    schema: [
      { name: 'schema', num_children: columns.length, repetition_type: 'REQUIRED' },
      ...columns.map((column) => element(column, settings)),
    ],
    columnData: columns.map((column) => ({
      name: column.name,
      data: column.cells.map((cell) => physical(column.type, cell, settings)),
      encoding: 'PLAIN',
      offsetIndex: false,
    })),
    codec: settings.CompressionType === 'GZIP' ? 'GZIP' : 'UNCOMPRESSED',
    compressors: { GZIP: (bytes) => new Uint8Array(gzipSync(bytes)) },
    rowGroupSize: Math.max(1, columns[0]?.cells.length ?? 0),
    createdBy: 'AWS',
  })
  return new Uint8Array(buffer)
}

function element({ name, type, required }: FileColumn, settings: DmsSettings): SchemaElement {
  return { name, repetition_type: required ? 'REQUIRED' : 'OPTIONAL', ...physicalType(type, settings) }
}

function physicalType(type: ColumnType, settings: DmsSettings): Partial<SchemaElement> {
  switch (type.kind) {
    case 'boolean':
      return { type: 'BOOLEAN' }
    case 'integer':
      return integerType(type)
    case 'float':
      return { type: 'FLOAT' }
    case 'double':
      return { type: 'DOUBLE' }
    case 'decimal':
      return {
        type: 'FIXED_LEN_BYTE_ARRAY',
        type_length: decimalBytes(type.precision),
        converted_type: 'DECIMAL',
        precision: type.precision,
        scale: type.scale,
      }
    case 'date':
      return { type: 'INT32', converted_type: 'DATE' }
    case 'timestamp':
      return {
        type: 'INT64',
        converted_type: settings.ParquetTimestampInMillisecond ? 'TIMESTAMP_MILLIS' : 'TIMESTAMP_MICROS',
      }
    case 'text':
      return { type: 'BYTE_ARRAY', converted_type: 'UTF8' }
    case 'bytes':
      return { type: 'BYTE_ARRAY' }
  }
}

/** As in DMS's files: INT_16 is named, the plain 32- and 64-bit integers are not. */
function integerType({ bits, signed }: { bits: 8 | 16 | 32 | 64; signed: boolean }): Partial<SchemaElement> {
  const type = bits === 64 ? 'INT64' : 'INT32'
  if (!signed) return { type, converted_type: `UINT_${bits}` }
  return bits === 8 || bits === 16 ? { type, converted_type: `INT_${bits}` } : { type }
}

/** The fewest bytes that hold any number of so many digits with its sign: 7 for 15, 16 for 38. */
function decimalBytes(precision: number): number {
  return Math.ceil((precision * Math.log2(10) + 1) / 8)
}

function physical(type: ColumnType, cell: Cell, settings: DmsSettings): Cell {
  if (type.kind !== 'timestamp' || cell === null) return cell
  return settings.ParquetTimestampInMillisecond ? floorThousand(cell as bigint) : cell
}
