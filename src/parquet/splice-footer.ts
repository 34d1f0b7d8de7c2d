import {
  bytesOf,
  type Chunk,
  type Footer,
  i64,
  ids,
  int,
  intOr,
  type RowGroup,
  rowGroupOf,
  structs,
  textOf,
  textsOf,
  trailerBytes,
  withFields,
  withList,
} from './footer.ts'
import { encodeStruct, type ThriftStruct } from './thrift.ts'

/** Bytes of another file that are appended. */
export type Piece = { readonly source: string; readonly start: number; readonly bytes: number }

export type SpliceRequest = {
  readonly footer: Footer
  /** The first so many bytes of the old file stay; all its chunks lie in them. What is appended begins there. */
  readonly keptBytes: number
  /** Columns that the old file does not have, as the schema is to name them; `inPlace` has a chunk of each for every row group that stays. */
  readonly newColumns: readonly ThriftStruct[]
  /** Row group → column → the chunk that takes its place, with as many values. The first column is none of them. */
  readonly inPlace: ReadonlyMap<number, ReadonlyMap<number, { readonly source: string; readonly chunk: Chunk }>>
  /** Row groups that are left out; their rows, as far as they stay, are in `added`. */
  readonly dropped: ReadonlySet<number>
  /** Row groups that come in, where the first of the dropped ones stood, else at the end. */
  readonly added: readonly { readonly source: string; readonly rowGroup: RowGroup }[]
}

export type Spliced = { readonly footer: Footer; readonly pieces: readonly Piece[] }

/**
 * The footer of the file that is the old file's kept bytes, then the pieces in their order, then this footer. Statistics go over as
 * they are; bloom filters, page indexes and the sorting of what is replaced are left out. A row group's first chunk stays the first of
 * its chunks in the file: engines that split a file take a row group by that chunk's place and the group's length.
 */
export function spliceFooter(request: SpliceRequest): Spliced {
  const pieces: Piece[] = []
  let end = request.keptBytes
  const move = (source: string, chunk: Chunk, path: ThriftStruct): ThriftStruct => {
    pieces.push({ source, start: chunk.start, bytes: chunk.bytes })
    end += chunk.bytes
    return moved(chunk, end - chunk.bytes - chunk.start, path)
  }
  const added = request.added.map(({ source, rowGroup }) =>
    rebuilt(
      rowGroup,
      rowGroup.chunks.map((chunk) => move(source, chunk, chunk.meta)),
    ),
  )
  const kept = request.footer.rowGroups.map((rowGroup, at) => {
    const replaced = request.inPlace.get(at)
    if (replaced === undefined) return rowGroup.raw
    const chunks = rowGroup.chunks.map((chunk, column) => {
      const by = replaced.get(column)
      return by === undefined ? chunk.raw : move(by.source, by.chunk, chunk.meta)
    })
    const more = request.newColumns.flatMap((leaf, column) => {
      const by = replaced.get(rowGroup.chunks.length + column)
      return by === undefined ? [] : [move(by.source, by.chunk, new Map([[ids.meta.path, textsOf([nameOf(leaf)])]]))]
    })
    return rebuilt(rowGroup, [...chunks, ...more])
  })
  const groups = kept.flatMap((raw, at) => (request.dropped.has(at) ? [] : [{ raw, at }]))
  const place = groups.findIndex(({ at }) => at > Math.min(...request.dropped))
  const raws = groups.map(({ raw }) => raw)
  raws.splice(place < 0 ? raws.length : place, 0, ...added)
  const rowGroups = raws.map(withOrdinal).map(rowGroupOf)
  const rows = rowGroups.reduce((total, group) => total + group.rows, 0)
  const file = withColumns(request.footer, request.newColumns)
  return { footer: { file: withFields(file, { [ids.file.rows]: i64(rows) }), rowGroups }, pieces }
}

/** Bytes that no column of the file refers to. */
export function deadBytes(footer: Footer, sizeBytes: number, footerBytes: number): number {
  const chunks = footer.rowGroups.flatMap((group) => group.chunks)
  const live = chunks.reduce(
    (total, { raw, meta, bytes }) =>
      total +
      bytes +
      intOr(meta, ids.meta.bloomLength, 0) +
      intOr(raw, ids.chunk.offsetIndexLength, 0) +
      intOr(raw, ids.chunk.columnIndexLength, 0),
    0,
  )
  return Math.max(0, sizeBytes - footerBytes - trailerBytes - 'PAR1'.length - live)
}

/** Whether chunks of a column of one file can stand for chunks of a column of the other: physical and logical type are the same. */
export function isSameColumn(a: ThriftStruct, b: ThriftStruct): boolean {
  const bare = { [ids.schema.name]: null, [ids.schema.fieldId]: null }
  return Buffer.compare(encodeStruct(withFields(a, bare)), encodeStruct(withFields(b, bare))) === 0
}

/** The schema's columns in their order; null where it is not flat. */
export function leavesOf({ file }: Footer): readonly ThriftStruct[] | null {
  const [root, ...leaves] = structs(file, ids.file.schema)
  const flat = root !== undefined && intOr(root, ids.schema.children, 0) === leaves.length
  return flat && leaves.every((leaf) => !leaf.has(ids.schema.children)) ? leaves : null
}

/**
 * Whether a file can be spliced: the columns are these, flat; it says of itself what the engine says of every file (`keyValues`), nothing is
 * encrypted or elsewhere, and every row group's first chunk comes before its others. `dataBytes`: where the footer begins.
 */
export function isSpliceable(
  footer: Footer,
  expected: { readonly names: readonly string[]; readonly keyValues: readonly string[]; readonly dataBytes: number },
): boolean {
  const leaves = leavesOf(footer)
  const { file, rowGroups } = footer
  return (
    leaves !== null &&
    !file.has(ids.file.encryption) &&
    !file.has(ids.file.signingKey) &&
    sameTexts(leaves.map(nameOf), expected.names) &&
    sameTexts(structs(file, ids.file.keyValues).map(keyValueText), expected.keyValues) &&
    rowGroups.every((group) => isPlain(group, leaves.length, expected.dataBytes))
  )
}

function isPlain({ chunks }: RowGroup, columns: number, dataBytes: number): boolean {
  const first = chunks[0]
  const foreign = [ids.chunk.filePath, ids.chunk.crypto, ids.chunk.encrypted]
  return (
    first !== undefined &&
    chunks.length === columns &&
    chunks.every(({ raw, start, bytes }) => {
      return start >= first.start && start + bytes <= dataBytes && foreign.every((id) => !raw.has(id))
    })
  )
}

const text = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString()
const nameOf = (leaf: ThriftStruct) => text(bytesOf(leaf, ids.schema.name))
const keyValueText = (pair: ThriftStruct) => `${text(bytesOf(pair, 1))}=${text(bytesOf(pair, 2))}`
const sameTexts = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((one, at) => one === b[at])

/** The column of another file under the name that it gets here. */
export const named = (leaf: ThriftStruct, name: string) => withFields(leaf, { [ids.schema.name]: textOf(name) })

// ---- parts ----------------------------------------------------------------------------------------------------------

/** The file's fields with more columns behind those that it has; each is ordered as the first one. */
function withColumns({ file }: Footer, more: readonly ThriftStruct[]): ThriftStruct {
  const [root, ...leaves] = structs(file, ids.file.schema)
  if (root === undefined || more.length === 0) return file
  const children = { type: 'i32', value: leaves.length + more.length } as const
  const orders = structs(file, ids.file.columnOrders)
  const schema = [withFields(root, { [ids.schema.children]: children }), ...leaves, ...more]
  const wider = withList(file, ids.file.schema, schema)
  const first = orders[0]
  return first === undefined ? wider : withList(wider, ids.file.columnOrders, [...orders, ...more.map(() => first)])
}

/** The chunk at its new place, under the name of the column there. */
function moved({ raw, meta }: Chunk, shift: number, column: ThriftStruct): ThriftStruct {
  const shifted = (struct: ThriftStruct, id: number) =>
    intOr(struct, id, 0) === 0 ? (struct.get(id) ?? null) : i64(int(struct, id) + shift)
  const there = withFields(meta, {
    [ids.meta.path]: column.get(ids.meta.path) ?? null,
    [ids.meta.dataPage]: shifted(meta, ids.meta.dataPage),
    [ids.meta.indexPage]: shifted(meta, ids.meta.indexPage),
    [ids.meta.dictionaryPage]: shifted(meta, ids.meta.dictionaryPage),
    [ids.meta.bloomOffset]: null,
    [ids.meta.bloomLength]: null,
  })
  return withFields(raw, {
    [ids.chunk.fileOffset]: shifted(raw, ids.chunk.fileOffset),
    [ids.chunk.meta]: { type: 'struct', value: there },
    [ids.chunk.offsetIndexOffset]: null,
    [ids.chunk.offsetIndexLength]: null,
    [ids.chunk.columnIndexOffset]: null,
    [ids.chunk.columnIndexLength]: null,
  })
}

function rebuilt({ raw }: RowGroup, chunks: readonly ThriftStruct[]): ThriftStruct {
  const group = rowGroupOf(withList(raw, ids.rowGroup.columns, chunks))
  const total = (of: (chunk: Chunk) => number) => i64(group.chunks.reduce((sum, chunk) => sum + of(chunk), 0))
  const has = (id: number) => raw.has(id)
  return withFields(group.raw, {
    [ids.rowGroup.bytes]: total(({ meta }) => int(meta, ids.meta.bytes)),
    [ids.rowGroup.sorting]: null,
    [ids.rowGroup.fileOffset]: has(ids.rowGroup.fileOffset) ? i64(group.chunks[0]?.start ?? 0) : null,
    [ids.rowGroup.compressedBytes]: has(ids.rowGroup.compressedBytes) ? total(({ bytes }) => bytes) : null,
  })
}

function withOrdinal(raw: ThriftStruct, at: number): ThriftStruct {
  return raw.has(ids.rowGroup.ordinal) ? withFields(raw, { [ids.rowGroup.ordinal]: { type: 'i16', value: at } }) : raw
}
