import type { LakeType } from './domain.ts'

/** `decimal(10,2)`, `long`, … as Delta writes it; also for messages. */
export function typeText(type: LakeType): string {
  return type.kind === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.kind
}

export function sameType(a: LakeType, b: LakeType): boolean {
  return typeText(a) === typeText(b)
}

const integerDigits = { byte: 3, short: 5, integer: 10, long: 19 } as const
type IntegerKind = keyof typeof integerDigits

/**
 * The narrowest type that holds every value of both without loss (CONTRACT §4.10): integers widen, small integers and
 * float to double, integers and decimals to a decimal of at most 38 digits, date to timestamp. Null: there is none.
 */
export function commonType(a: LakeType, b: LakeType): LakeType | null {
  if (sameType(a, b)) return a
  if (isInteger(a) && isInteger(b)) return integerDigits[a.kind] > integerDigits[b.kind] ? a : b
  if (isFloating(a) && isFloating(b)) return { kind: 'double' }
  if (isFloating(a) && isInteger(b)) return b.kind === 'long' ? null : { kind: 'double' }
  if (isInteger(a) && isFloating(b)) return commonType(b, a)
  if (isExact(a) && isExact(b)) return commonDecimal(a, b)
  if (a.kind === 'date' && b.kind === 'timestamp') return b
  if (a.kind === 'timestamp' && b.kind === 'date') return a
  return null
}

function commonDecimal(a: LakeType, b: LakeType): LakeType | null {
  const [left, right] = [decimalShape(a), decimalShape(b)]
  const scale = Math.max(left.scale, right.scale)
  const precision = Math.max(left.whole, right.whole) + scale
  return precision > 38 ? null : { kind: 'decimal', precision, scale }
}

function decimalShape(type: LakeType): { whole: number; scale: number } {
  if (type.kind === 'decimal') return { whole: type.precision - type.scale, scale: type.scale }
  return { whole: integerDigits[type.kind as IntegerKind], scale: 0 }
}

function isInteger(type: LakeType): type is LakeType & { kind: IntegerKind } {
  return type.kind in integerDigits
}

function isFloating(type: LakeType): boolean {
  return type.kind === 'float' || type.kind === 'double'
}

function isExact(type: LakeType): boolean {
  return isInteger(type) || type.kind === 'decimal'
}
