import * as z from 'zod'
import type { Column, LakeType } from '../domain.ts'
import { corruptLake } from './corrupt-lake.ts'

/** A type's name in Delta's schema: `long`, `decimal(20,0)`. */
export function deltaTypeName(type: LakeType): string {
  return type.kind === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.kind
}

/** Reads what `deltaTypeName` writes; null for a type that the lake does not hold. */
export function parseDeltaType(name: string): LakeType | null {
  const decimal = /^decimal\((\d{1,2}),\s*(\d{1,2})\)$/u.exec(name)
  if (decimal) return decimalType(Number(decimal[1]), Number(decimal[2]))
  const kind = simpleKinds.find((simple) => simple === name)
  return kind === undefined ? null : { kind }
}

function decimalType(precision: number, scale: number): LakeType | null {
  return precision >= 1 && precision <= 38 && scale <= precision ? { kind: 'decimal', precision, scale } : null
}

/**
 * Delta's `schemaString`. Every column is nullable, because a required one would bind the files that came before it. The field
 * id stands under our own name: Delta's column mapping would need a newer reader.
 */
export function schemaString(columns: readonly Column[]): string {
  const fields = columns.map(({ name, type, fieldId }) => ({
    name,
    type: deltaTypeName(type),
    nullable: true,
    metadata: { [fieldIdKey]: fieldId },
  }))
  return JSON.stringify({ type: 'struct', fields })
}

/** Reads what `schemaString` writes. Throws `corrupt-lake` on anything else. */
export function parseSchemaString(text: string): readonly Column[] {
  const schema = schemaShape.safeParse(parseJson(text))
  if (!schema.success) throw corruptLake('lake log: schemaString is not one that dmscdc wrote', { cause: schema.error })
  const columns = schema.data.fields.map(({ name, type, metadata }) => {
    const parsed = parseDeltaType(type)
    if (parsed === null) throw corruptLake(`lake log: column "${name}" has type ${type}, which the lake does not hold`)
    return { name, type: parsed, fieldId: metadata[fieldIdKey] }
  })
  const distinct = (values: readonly unknown[]) => new Set(values).size === columns.length
  if (distinct(columns.map(({ fieldId }) => fieldId)) && distinct(columns.map(({ name }) => name.toLowerCase())))
    return columns
  throw corruptLake('lake log: two columns of schemaString have the same name or field id')
}

const fieldIdKey = 'dmscdc.fieldId'
/** Parquet's field ids have 31 bits. */
const fieldIdMax = 2 ** 31 - 1

const simpleKinds = [
  'boolean',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'string',
  'binary',
  'date',
  'timestamp',
] as const

const schemaShape = z.object({
  type: z.literal('struct'),
  fields: z.array(
    z.object({
      name: z.string().min(1),
      type: z.string(),
      metadata: z.object({ [fieldIdKey]: z.int().positive().max(fieldIdMax) }),
    }),
  ),
})

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
