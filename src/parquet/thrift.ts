/**
 * A value of Thrift's compact protocol, by its wire type, with nothing interpreted: binary stays bytes, i64 is a bigint,
 * a double its eight bytes. What is decoded and encoded again is the same to the byte, fields that nobody knows included.
 */
export type ThriftValue =
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'i8' | 'i16' | 'i32'; readonly value: number }
  | { readonly type: 'i64'; readonly value: bigint }
  | { readonly type: 'double' | 'binary'; readonly value: Uint8Array }
  | { readonly type: 'list'; readonly value: ThriftList }
  | { readonly type: 'struct'; readonly value: ThriftStruct }

/** Of one wire type. `set` is kept apart from `list` by its header alone. */
export type ThriftList = { readonly element: number; readonly isSet: boolean; readonly items: readonly ThriftValue[] }

/** Field id → value, in the order of the bytes. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>

/** Reads one struct from the first byte on. Throws a RangeError or TypeError on what is not one. */
export function decodeStruct(bytes: Uint8Array): ThriftStruct {
  return readStruct({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 })
}

export function encodeStruct(struct: ThriftStruct): Uint8Array {
  const out: Output = { bytes: new Uint8Array(4096), length: 0 }
  writeStruct(out, struct)
  return out.bytes.slice(0, out.length)
}

const wire = { true: 1, false: 2, i8: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, set: 10, struct: 12 }

// ---- reading ------------------------------------------------------------------------------------------------------

type Input = { readonly bytes: Uint8Array; readonly view: DataView; at: number }

function readStruct(input: Input): ThriftStruct {
  const fields = new Map<number, ThriftValue>()
  for (let last = 0; ; ) {
    const header = readByte(input)
    if (header === 0) return fields
    const id = header >> 4 === 0 ? Number(unzigzag(readVarint(input))) : last + (header >> 4)
    if (fields.has(id)) throw new TypeError(`field ${String(id)} stands twice`)
    const type = header & 15
    fields.set(id, type <= wire.false ? { type: 'bool', value: type === wire.true } : readValue(input, type))
    last = id
  }
}

function readValue(input: Input, type: number): ThriftValue {
  switch (type) {
    case wire.true:
    case wire.false:
    case wire.i8: // an element of a list of booleans is a byte
      return { type: 'i8', value: readByte(input) }
    case wire.i16:
      return { type: 'i16', value: Number(unzigzag(readVarint(input))) }
    case wire.i32:
      return { type: 'i32', value: Number(unzigzag(readVarint(input))) }
    case wire.i64:
      return { type: 'i64', value: unzigzag(readVarint(input)) }
    case wire.double:
      return { type: 'double', value: readBytes(input, 8) }
    case wire.binary:
      return { type: 'binary', value: readBytes(input, Number(readVarint(input))) }
    case wire.list:
    case wire.set:
      return { type: 'list', value: readList(input, type === wire.set) }
    case wire.struct:
      return { type: 'struct', value: readStruct(input) }
    default:
      throw new TypeError(`wire type ${String(type)} has no place in a footer`)
  }
}

function readList(input: Input, isSet: boolean): ThriftList {
  const header = readByte(input)
  const length = header >> 4 === 15 ? Number(readVarint(input)) : header >> 4
  const element = header & 15
  const items: ThriftValue[] = []
  for (let at = 0; at < length; at++) items.push(readValue(input, element))
  return { element, isSet, items }
}

function readByte(input: Input): number {
  return input.view.getUint8(input.at++)
}

function readBytes(input: Input, length: number): Uint8Array {
  const end = input.at + length
  if (end > input.bytes.length) throw new RangeError(`wants ${String(end)} bytes, has ${String(input.bytes.length)}`)
  const found = input.bytes.subarray(input.at, end)
  input.at = end
  return found
}

function readVarint(input: Input): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = readByte(input)
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return value
  }
  throw new RangeError('a number of more than 64 bits')
}

const unzigzag = (raw: bigint) => (raw >> 1n) ^ -(raw & 1n)

// ---- writing ------------------------------------------------------------------------------------------------------

type Output = { bytes: Uint8Array; length: number }

function writeStruct(out: Output, struct: ThriftStruct): void {
  let last = 0
  for (const [id, field] of struct) {
    const type = field.type === 'bool' ? (field.value ? wire.true : wire.false) : wireType(field)
    const step = id - last
    if (step > 0 && step <= 15) writeByte(out, (step << 4) | type)
    else {
      writeByte(out, type)
      writeVarint(out, zigzag(BigInt(id)))
    }
    writeValue(out, field)
    last = id
  }
  writeByte(out, 0)
}

function wireType(value: ThriftValue): number {
  return value.type === 'list' && value.value.isSet ? wire.set : wire[value.type as keyof typeof wire]
}

function writeValue(out: Output, field: ThriftValue): void {
  switch (field.type) {
    case 'bool':
      break
    case 'i8':
      writeByte(out, field.value)
      break
    case 'i16':
    case 'i32':
      writeVarint(out, zigzag(BigInt(field.value)))
      break
    case 'i64':
      writeVarint(out, zigzag(field.value))
      break
    case 'double':
      writeBytes(out, field.value)
      break
    case 'binary':
      writeVarint(out, BigInt(field.value.length))
      writeBytes(out, field.value)
      break
    case 'list':
      writeList(out, field.value)
      break
    case 'struct':
      writeStruct(out, field.value)
      break
  }
}

function writeList(out: Output, { element, items }: ThriftList): void {
  writeByte(out, (Math.min(items.length, 15) << 4) | element)
  if (items.length >= 15) writeVarint(out, BigInt(items.length))
  for (const item of items) writeValue(out, item)
}

function writeByte(out: Output, byte: number): void {
  roomFor(out, 1)
  out.bytes[out.length++] = byte
}

function writeBytes(out: Output, bytes: Uint8Array): void {
  roomFor(out, bytes.length)
  out.bytes.set(bytes, out.length)
  out.length += bytes.length
}

function writeVarint(out: Output, value: bigint): void {
  let rest = value
  for (; rest > 127n; rest >>= 7n) writeByte(out, Number(rest & 127n) | 128)
  writeByte(out, Number(rest))
}

function roomFor(out: Output, more: number): void {
  if (out.length + more <= out.bytes.length) return
  const wider = new Uint8Array(Math.max(out.bytes.length * 2, out.length + more))
  wider.set(out.bytes)
  out.bytes = wider
}

const zigzag = (value: bigint) => BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
