import { decodeStruct, encodeStruct, type ThriftStruct, type ThriftValue } from './thrift.ts'

/** A Parquet file's FileMetaData. Changed by the functions here, which leave alone what they do not name. */
export type Footer = { readonly file: ThriftStruct; readonly rowGroups: readonly RowGroup[] }

export type RowGroup = { readonly raw: ThriftStruct; readonly rows: number; readonly chunks: readonly Chunk[] }

/** The pages of one column in one row group: `start` and `bytes` are their place in the file. */
export type Chunk = {
  readonly raw: ThriftStruct
  readonly meta: ThriftStruct
  readonly start: number
  readonly bytes: number
}

/** What follows the footer: its length in four bytes, and `PAR1`. */
export const trailerBytes = 8

/** Field ids of parquet.thrift. */
export const ids = {
  file: { schema: 2, rows: 3, rowGroups: 4, keyValues: 5, columnOrders: 7, encryption: 8, signingKey: 9 },
  schema: {
    name: 4,
    children: 5,
    fieldId: 9,
  },
  rowGroup: { columns: 1, bytes: 2, rows: 3, sorting: 4, fileOffset: 5, compressedBytes: 6, ordinal: 7 },
  chunk: {
    filePath: 1,
    fileOffset: 2,
    meta: 3,
    offsetIndexOffset: 4,
    offsetIndexLength: 5,
    columnIndexOffset: 6,
    columnIndexLength: 7,
    crypto: 8,
    encrypted: 9,
  },
  meta: {
    type: 1,
    path: 3,
    values: 5,
    bytes: 6,
    compressedBytes: 7,
    dataPage: 9,
    indexPage: 10,
    dictionaryPage: 11,
    statistics: 12,
    bloomOffset: 14,
    bloomLength: 15,
  },
  statistics: { nulls: 3, max: 5, min: 6, maxExact: 7, minExact: 8 },
} as const

/** Reads the footer's own bytes, without what follows them. Throws where they are no footer of plain, unencrypted columns. */
export function decodeFooter(bytes: Uint8Array): Footer {
  const file = decodeStruct(bytes)
  return { file, rowGroups: structs(file, ids.file.rowGroups).map(rowGroupOf) }
}

/** The footer and what follows it: the end of a Parquet file. */
export function encodeFooter({ file, rowGroups }: Footer): Uint8Array {
  const body = encodeStruct(
    withList(
      file,
      ids.file.rowGroups,
      rowGroups.map(({ raw }) => raw),
    ),
  )
  const end = new Uint8Array(body.length + trailerBytes)
  end.set(body)
  new DataView(end.buffer).setUint32(body.length, body.length, true)
  end.set(new TextEncoder().encode('PAR1'), body.length + 4)
  return end
}

export function rowGroupOf(raw: ThriftStruct): RowGroup {
  return { raw, rows: int(raw, ids.rowGroup.rows), chunks: structs(raw, ids.rowGroup.columns).map(chunkOf) }
}

/** As readers take it: from the dictionary page where there is one, else from the first data page, `total_compressed_size` bytes. */
function chunkOf(raw: ThriftStruct): Chunk {
  const meta = raw.get(ids.chunk.meta)
  if (meta?.type !== 'struct') throw new TypeError('a column chunk without its metadata')
  const [data, dictionary] = [int(meta.value, ids.meta.dataPage), intOr(meta.value, ids.meta.dictionaryPage, 0)]
  const start = dictionary > 0 && dictionary < data ? dictionary : data
  return { raw, meta: meta.value, start, bytes: int(meta.value, ids.meta.compressedBytes) }
}

// ---- fields ---------------------------------------------------------------------------------------------------------

/** An integer field below 2^53. Throws where there is none. */
export function int(struct: ThriftStruct, id: number): number {
  const found = struct.get(id)
  const number = found?.type === 'i64' ? Number(found.value) : found?.type === 'i32' ? found.value : null
  if (number === null || !Number.isSafeInteger(number)) throw new TypeError(`field ${String(id)} is no whole number`)
  return number
}

export function intOr(struct: ThriftStruct, id: number, other: number): number {
  return struct.has(id) ? int(struct, id) : other
}

/** The structs of a list field; none where it is absent. */
export function structs(struct: ThriftStruct, id: number): readonly ThriftStruct[] {
  const found = struct.get(id)
  if (found === undefined) return []
  if (found.type !== 'list') throw new TypeError(`field ${String(id)} is no list`)
  return found.value.items.map((item) => {
    if (item.type !== 'struct') throw new TypeError(`field ${String(id)} is no list of structs`)
    return item.value
  })
}

export function bytesOf(struct: ThriftStruct, id: number): Uint8Array | null {
  const found = struct.get(id)
  return found?.type === 'binary' ? found.value : null
}

/** The struct with fields put in (in the order of their ids), replaced, or left out where the value is null. */
export function withFields(struct: ThriftStruct, fields: { readonly [id: number]: ThriftValue | null }): ThriftStruct {
  const all = new Map(struct)
  for (const [id, value] of Object.entries(fields))
    if (value === null) all.delete(Number(id))
    else all.set(Number(id), value)
  return new Map([...all].sort(([a], [b]) => a - b))
}

export function withList(struct: ThriftStruct, id: number, items: readonly ThriftStruct[]): ThriftStruct {
  const element = structElement
  const values = items.map((value) => ({ type: 'struct', value }) as const)
  return withFields(struct, { [id]: { type: 'list', value: { element, isSet: false, items: values } } })
}

const binaryElement = 8
const structElement = 12

export const textOf = (value: string): ThriftValue => ({ type: 'binary', value: new TextEncoder().encode(value) })

/** A list of texts. */
export function textsOf(values: readonly string[]): ThriftValue {
  return { type: 'list', value: { element: binaryElement, isSet: false, items: values.map(textOf) } }
}

export const i64 = (value: number): ThriftValue => ({ type: 'i64', value: BigInt(value) })
