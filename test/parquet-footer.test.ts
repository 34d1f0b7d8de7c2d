import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeFooter, encodeFooter, trailerBytes } from '../src/parquet/footer.ts'
import { decodeStruct, encodeStruct, type ThriftStruct, type ThriftValue } from '../src/parquet/thrift.ts'

/** Writer → the footer of a small file of it, in base64. */
const footers: Record<string, string> = JSON.parse(
  readFileSync(new URL('support/parquet-footers.json', import.meta.url), 'utf8'),
)
const bytesOf = (writer: string) => new Uint8Array(Buffer.from(footers[writer] as string, 'base64'))

describe.each(Object.keys(footers))('a footer by %s', (writer) => {
  test('is the same to the byte when decoded and encoded', () => {
    expect(encodeStruct(decodeStruct(bytesOf(writer)))).toEqual(bytesOf(writer))
  })

  test('is the same with its row groups taken apart and put together, and its length behind it', () => {
    const encoded = encodeFooter(decodeFooter(bytesOf(writer)))
    expect(encoded.subarray(0, -trailerBytes)).toEqual(bytesOf(writer))
    expect(Buffer.from(encoded).readUInt32LE(encoded.length - trailerBytes)).toBe(bytesOf(writer).length)
    expect(Buffer.from(encoded.subarray(-4)).toString()).toBe('PAR1')
  })

  test('has row groups whose chunks lie behind the file’s first four bytes', () => {
    const { rowGroups } = decodeFooter(bytesOf(writer))
    expect(rowGroups.length).toBeGreaterThan(0)
    for (const { chunks, rows } of rowGroups) {
      expect(rows).toBeGreaterThan(0)
      expect(chunks.every(({ start, bytes }) => start >= 4 && bytes > 0)).toBe(true)
    }
  })

  test('cut anywhere is refused, never read as another', () => {
    const whole = bytesOf(writer)
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeStruct(whole.subarray(0, length))).toThrow(/bytes|bound|range/iu)
  })
})

test('any struct is the same when encoded and decoded, and its bytes are when decoded and encoded', () => {
  fc.assert(
    fc.property(anyStruct(3), (struct) => {
      const bytes = encodeStruct(struct)
      expect(decodeStruct(bytes)).toEqual(struct)
      expect(encodeStruct(decodeStruct(bytes))).toEqual(bytes)
    }),
  )
})

test('a chunk begins at its dictionary, where it has one', () => {
  const { rowGroups } = decodeFooter(bytesOf('duckdb'))
  const [id, name] = rowGroups[0]?.chunks ?? []
  expect(id?.start).toBe(4)
  expect(name?.start).toBe((id?.start ?? 0) + (id?.bytes ?? 0))
})

function anyStruct(depth: number): fc.Arbitrary<ThriftStruct> {
  const id = fc.integer({ min: -32_768, max: 32_767 })
  return fc.array(fc.tuple(id, anyValue(depth)), { maxLength: 20 }).map((fields) => new Map(fields))
}

function anyValue(depth: number): fc.Arbitrary<ThriftValue> {
  const bytes = fc.uint8Array({ maxLength: 40 })
  const flat: fc.Arbitrary<ThriftValue>[] = [
    fc.boolean().map((value) => ({ type: 'bool', value })),
    fc.nat(255).map((value) => ({ type: 'i8', value })),
    fc.integer({ min: -32_768, max: 32_767 }).map((value) => ({ type: 'i16', value })),
    fc.integer().map((value) => ({ type: 'i32', value })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: 'i64', value })),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((value) => ({ type: 'double', value })),
    bytes.map((value) => ({ type: 'binary', value })),
    fc.array(bytes, { maxLength: 20 }).chain((items) =>
      fc.boolean().map((isSet) => {
        const values = items.map((value) => ({ type: 'binary', value }) as const)
        return { type: 'list', value: { element: 8, isSet, items: values } } as const
      }),
    ),
  ]
  if (depth === 0) return fc.oneof(...flat)
  return fc.oneof(
    ...flat,
    anyStruct(depth - 1).map((value) => ({ type: 'struct', value }) as const),
  )
}
