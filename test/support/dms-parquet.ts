import { gzipSync } from 'node:zlib'
import type { CompressionCodec, SchemaElement } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { Cell, ColumnType } from '../../sample-db/columns.ts'
import type { FileColumn } from '../../sample-db/layout.ts'
import { arrowParquet } from '../../sample-db/parquet-arrow.ts'
import { defaultSettings } from '../../sample-db/settings.ts'
import type { DmsType, FileType, TypedTable } from './dms-types.ts'

/** A file of a typed table, with an `id` and, for a change file, an operation for each row. */
export type TypedFile = TypedTable & { readonly operations?: readonly ('I' | 'U' | 'D')[] }

const id: DmsType = { name: 'id', file: { kind: 'integer', bits: 32, signed: true }, lake: 'integer', texts: [] }
const operation: DmsType = { name: 'Op', file: { kind: 'string' }, lake: 'string', texts: [] }

/** The columns of a file as DMS orders them, each with its values' texts. */
export function columnsOf({ types, ids, rows, operations }: TypedFile) {
  const column = (type: DmsType, texts: readonly (string | null)[]) => ({ type, texts })
  return [
    ...(operations === undefined ? [] : [column(operation, operations)]),
    column(id, ids.map(String)),
    ...types.map((type, at) =>
      column(
        type,
        rows.map((row) => row[at] ?? null),
      ),
    ),
  ]
}

export type HyparquetOptions = { readonly codec?: 'UNCOMPRESSED' | 'SNAPPY' | 'GZIP'; readonly dictionary?: boolean }

/** By hyparquet-writer: any physical form, with and without logical types. */
export function hyparquetFile(
  file: TypedFile,
  { codec = 'SNAPPY', dictionary = false }: HyparquetOptions = {},
): Uint8Array {
  const columns = columnsOf(file)
  const buffer = parquetWriteBuffer({
    schema: [
      { name: 'schema', num_children: columns.length, repetition_type: 'REQUIRED' },
      ...columns.map(
        ({ type }): SchemaElement => ({ name: type.name, repetition_type: 'OPTIONAL', ...physicalType(type.file) }),
      ),
    ],
    columnData: columns.map(({ type, texts }) => ({
      name: type.name,
      data: texts.map((text) => (text === null ? null : hyparquetCell(type.file, text))),
      ...(dictionary ? {} : { encoding: 'PLAIN' as const }),
    })),
    codec: codec as CompressionCodec,
    compressors: { GZIP: (bytes) => new Uint8Array(gzipSync(bytes)) },
    rowGroupSize: 4,
  })
  return new Uint8Array(buffer)
}

/** By the Arrow libraries, with logical types; for what `arrowHas` says yes to. */
export function arrowFile(file: TypedFile, { micros = false, gzip = false } = {}): Uint8Array {
  const columns = columnsOf(file).map(
    ({ type, texts }): FileColumn => ({
      name: type.name,
      type: sampleType(type.file),
      required: false,
      cells: texts.map((text) => (text === null ? null : arrowCell(type.file, text))),
    }),
  )
  const settings = {
    ...defaultSettings,
    ParquetTimestampInMillisecond: !micros,
    CompressionType: gzip ? 'GZIP' : 'NONE',
  }
  return arrowParquet(columns, settings as typeof defaultSettings)
}

export function arrowHas(file: FileType, { micros = false } = {}): boolean {
  if (file.kind === 'decimal') return file.as === 'FIXED_LEN_BYTE_ARRAY'
  return file.kind === 'timestamp'
    ? file.logical === 'local' && (file.unit === 'MICROS') === micros
    : file.kind !== 'time'
}

function physicalType(file: FileType): Partial<SchemaElement> {
  switch (file.kind) {
    case 'boolean':
      return { type: 'BOOLEAN' }
    case 'float':
      return { type: 'FLOAT' }
    case 'double':
      return { type: 'DOUBLE' }
    case 'date':
      return { type: 'INT32', converted_type: 'DATE' }
    case 'string':
      return { type: 'BYTE_ARRAY', converted_type: 'UTF8' }
    case 'binary':
      return { type: 'BYTE_ARRAY' }
    case 'integer': {
      const { bits, signed } = file
      const converted_type = `${signed ? 'INT' : 'UINT'}_${bits}` as const
      return { type: bits === 64 ? 'INT64' : 'INT32', converted_type }
    }
    case 'decimal': {
      const { as, precision, scale } = file
      const fixed = as === 'FIXED_LEN_BYTE_ARRAY' ? { type_length: Math.ceil((precision * Math.log2(10) + 1) / 8) } : {}
      return { type: as, converted_type: 'DECIMAL', precision, scale, ...fixed }
    }
    case 'time':
      return { type: file.unit === 'MILLIS' ? 'INT32' : 'INT64', converted_type: `TIME_${file.unit}` }
    case 'timestamp': {
      const { unit, logical } = file
      if (logical === null) return { type: 'INT64', converted_type: `TIMESTAMP_${unit}` }
      return { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: logical === 'utc', unit } }
    }
  }
}

/** What hyparquet-writer takes for it. */
function hyparquetCell(file: FileType, text: string): unknown {
  switch (file.kind) {
    case 'time':
      return file.unit === 'MILLIS' ? Number(timeMicros(text) / 1000n) : timeMicros(text)
    case 'timestamp':
      return file.unit === 'MILLIS' ? microsOf(text) / 1000n : microsOf(text)
    default:
      return arrowCell(file, text)
  }
}

function arrowCell(file: FileType, text: string): Cell {
  switch (file.kind) {
    case 'boolean':
      return text === 'true'
    case 'integer':
      return file.bits === 64 ? BigInt(text) : Number(text)
    case 'float':
    case 'double':
      return Number(text)
    case 'decimal':
      return BigInt(text.replace('.', ''))
    case 'date':
      return Number(microsOf(`${text}T00:00:00.000000Z`) / 86_400_000_000n)
    case 'timestamp':
      return microsOf(text)
    case 'binary':
      return new Uint8Array(Buffer.from(text, 'hex'))
    case 'string':
    case 'time':
      return text
  }
}

function sampleType(file: FileType): ColumnType {
  if (file.kind === 'string') return { kind: 'text' }
  if (file.kind === 'binary') return { kind: 'bytes' }
  if (file.kind === 'timestamp') return { kind: 'timestamp', digits: 6 }
  if (file.kind === 'time') return { kind: 'text' }
  return file as ColumnType
}

/** Since 1970; whole milliseconds are all that a JavaScript date can take. */
function microsOf(text: string): bigint {
  return BigInt(Date.parse(`${text.slice(0, 23)}Z`)) * 1000n + BigInt(text.slice(23, 26))
}

function timeMicros(text: string): bigint {
  return microsOf(`1970-01-01T${text}Z`)
}
