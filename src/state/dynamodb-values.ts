import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { convertToAttr, marshall, NumberValueImpl, unmarshall } from '@aws-sdk/util-dynamodb'
import type { RowChange, RowCondition, StateRow } from './state-store.ts'

export type Item = Record<string, AttributeValue>

/** What an UpdateItem says besides its table and key. */
export type UpdateExpressions = {
  readonly UpdateExpression: string
  readonly ConditionExpression: string
  readonly ExpressionAttributeNames: Record<string, string>
  readonly ExpressionAttributeValues?: Item
}

const options = { removeUndefinedValues: true }

/** Every value of a row reads as one that writes back as it was: sets as Set, binary as bytes, numbers that JavaScript would round as `NumberValueImpl`. */
export function rowOf(item: Item): StateRow {
  return unmarshall(item, { wrapNumbers: numberOf })
}

export function itemOf(row: StateRow): Item {
  return marshall(row, options) as Item
}

/**
 * A change (not an empty one) of a row that exists and meets the condition. Attributes go by placeholders, for their names may be
 * reserved words or hold dots. An `undefined` that is set removes, as JSON has none.
 */
export function updateExpressions(change: RowChange, condition: RowCondition): UpdateExpressions {
  const names: Record<string, string> = {}
  const values: Item = {}
  const nameOf = (attribute: string) => placeholder(names, '#', attribute)
  const valueNameOf = (value: unknown) => placeholder(values, ':', convertToAttr(value, options))

  const set = Object.entries(change.set ?? {})
  const kept = set.filter(([, value]) => value !== undefined)
  const gone = set.filter(([, value]) => value === undefined).map(([attribute]) => attribute)
  const keptNames = new Set(kept.map(([attribute]) => attribute))
  const removed = new Set([...gone, ...(change.remove ?? [])].filter((attribute) => !keptNames.has(attribute)))

  const sets = kept.map(([attribute, value]) => `${nameOf(attribute)} = ${valueNameOf(value)}`)
  const removes = [...removed].map(nameOf)
  const conditions = Object.entries(condition).map(([attribute, value]) => {
    if (value === undefined) return `attribute_not_exists(${nameOf(attribute)})`
    if (value === null) return `attribute_type(${nameOf(attribute)}, ${valueNameOf('NULL')})`
    return `${nameOf(attribute)} = ${valueNameOf(value)}`
  })
  return {
    UpdateExpression: [clause('SET', sets), clause('REMOVE', removes)].join(' ').trim(),
    ConditionExpression: [`attribute_exists(${nameOf('path')})`, ...conditions].join(' AND '),
    ExpressionAttributeNames: names,
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
  }
}

function placeholder<T>(given: Record<string, T>, sign: '#' | ':', what: T): string {
  const name = `${sign}${Object.keys(given).length}`
  given[name] = what
  return name
}

function clause(word: string, parts: readonly string[]): string {
  return parts.length === 0 ? '' : `${word} ${parts.join(', ')}`
}

function numberOf(text: string): number | NumberValueImpl {
  return String(Number(text)) === text ? Number(text) : NumberValueImpl.from(text)
}
