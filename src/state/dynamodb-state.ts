import { GetItemCommand, PutItemCommand, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { compareBytes, type TableId, tableName } from '../domain.ts'
import { read, type StateTable, type StateTableOptions, stateTable, write } from './dynamodb-client.ts'
import { unknownOutcome } from './dynamodb-errors.ts'
import { type Item, itemOf, rowOf, updateExpressions } from './dynamodb-values.ts'
import { changed, meets, sameJson } from './same-json.ts'
import type { RowChange, RowCondition, StateItem, StateStore } from './state-store.ts'

type Rows = StateTable & { readonly landingPlace: string }

/**
 * Rows as items of a DynamoDB table with the key `path`: the original's table works as it is. `landingPlace` is the
 * landing's place (`bucket/prefix/`); items of other landings are not seen. An update writes the attributes that it names
 * and no other. A write whose answer was lost is tried again, and counts as applied when the row then shows all of its effect.
 * Throws `unavailable`, or `invalid-config` where the table, a right or the region is missing.
 */
export function dynamodbState(options: StateTableOptions & { readonly landingPlace: string }): StateStore {
  const rows: Rows = { ...stateTable(options), landingPlace: options.landingPlace }
  return {
    url: `dynamodb://${options.tableName}`,
    list: () => list(rows),
    get: (id) => get(rows, id),
    register: async (id, row) => {
      const item = itemOf({ ...row, path: pathOf(rows, id) })
      const answer = await put(rows, id, item)
      if (answer.kind === 'answered') return 'registered'
      return answer.lost !== null && (await holds(rows, id, item)) ? 'registered' : 'exists'
    },
    update: async (id, change, condition) => {
      if (isEmpty(change)) return check(rows, id, condition)
      const answer = await update(rows, id, change, condition)
      if (answer.kind === 'answered') return 'updated'
      return answer.lost === null ? 'condition-failed' : afterLostAnswer(rows, id, change, answer.lost)
    },
  }
}

async function list(rows: Rows): Promise<StateItem[]> {
  const items: StateItem[] = []
  let start: Item | undefined
  do {
    const page = await scan(rows, start)
    items.push(...(page.Items ?? []).map((item) => stateItem(rows, item)).filter((item) => item !== null))
    start = page.LastEvaluatedKey
  } while (start !== undefined)
  return items.sort((a, b) => compareBytes(a.path, b.path))
}

function scan(rows: Rows, start: Item | undefined) {
  const command = new ScanCommand({
    TableName: rows.tableName,
    ConsistentRead: true,
    FilterExpression: 'begins_with(#path, :place)',
    ExpressionAttributeNames: { '#path': 'path' },
    ExpressionAttributeValues: { ':place': { S: rows.landingPlace } },
    ExclusiveStartKey: start,
  })
  return read(rows, 'list the rows', () => rows.client.send(command))
}

async function get(rows: Rows, id: TableId): Promise<StateItem | null> {
  const { client, tableName } = rows
  const command = new GetItemCommand({ TableName: tableName, Key: keyOf(rows, id), ConsistentRead: true })
  const { Item: item } = await read(rows, `get ${rowName(id)}`, () => client.send(command))
  return item === undefined ? null : { id, path: pathOf(rows, id), row: rowOf(item), damage: null }
}

function put(rows: Rows, id: TableId, item: Item) {
  const command = new PutItemCommand({
    TableName: rows.tableName,
    Item: item,
    ConditionExpression: 'attribute_not_exists(#path)',
    ExpressionAttributeNames: { '#path': 'path' },
  })
  return write(rows, `register ${rowName(id)}`, () => rows.client.send(command))
}

async function holds(rows: Rows, id: TableId, item: Item): Promise<boolean> {
  const found = await get(rows, id)
  return found !== null && sameJson(found.row, rowOf(item))
}

function update(rows: Rows, id: TableId, change: RowChange, condition: RowCondition) {
  const command = new UpdateItemCommand({
    TableName: rows.tableName,
    Key: keyOf(rows, id),
    ...updateExpressions(change, condition),
  })
  return write(rows, `update ${rowName(id)}`, () => rows.client.send(command))
}

/**
 * The condition fails after a try that may have been applied: perhaps that very try made it fail. To say so would make a
 * run give up a table that it holds; so the row decides. Where it shows something else, nobody can tell.
 */
async function afterLostAnswer(
  rows: Rows,
  id: TableId,
  change: RowChange,
  lost: unknown,
): Promise<'updated' | 'condition-failed'> {
  const row = (await get(rows, id))?.row
  if (row === undefined || row === null) return 'condition-failed'
  if (sameJson(row, changed(row, change))) return 'updated'
  throw unknownOutcome(rows.tableName, `update ${rowName(id)}`, lost)
}

function isEmpty({ set = {}, remove = [] }: RowChange): boolean {
  return Object.keys(set).length === 0 && remove.length === 0
}

/** An update that changes nothing is a question, and a consistent read answers it. */
async function check(rows: Rows, id: TableId, condition: RowCondition): Promise<'updated' | 'condition-failed'> {
  const row = (await get(rows, id))?.row
  return row && meets(row, condition) ? 'updated' : 'condition-failed'
}

/** Null for an item of another landing, or one that stands for no table. */
function stateItem({ landingPlace }: Rows, item: Item): StateItem | null {
  const path = item.path?.S ?? ''
  const [schema, table, end, ...more] = path.slice(landingPlace.length).split('/')
  const isTable = path.startsWith(landingPlace) && schema && table && end === '' && more.length === 0
  return isTable ? { id: { schema, table }, path, row: rowOf(item), damage: null } : null
}

function keyOf(rows: Rows, id: TableId): Item {
  return { path: { S: pathOf(rows, id) } }
}

function pathOf({ landingPlace }: Rows, id: TableId): string {
  return `${landingPlace}${id.schema}/${id.table}/`
}

function rowName(id: TableId): string {
  return `the row of ${tableName(id)}`
}
