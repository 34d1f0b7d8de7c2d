import type { Column, LakeType } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { commonType, sameType, typeText } from '../lake-types.ts'
import type { OpenedFile } from './inspect.ts'
import { operationColumn } from './layout.ts'

export type Evolution = {
  /** The table's columns once `upTo` files are in: old ones first and never fewer, new ones at the end. */
  readonly columns: readonly Column[]
  /** A column that the table had has another type now: the whole table is rewritten. */
  readonly widened: boolean
  /** How many of the files fit; the next one conflicts. */
  readonly upTo: number
  readonly conflict: DmscdcError | null
}

/** The columns that hold both the table's rows and those of the files, in the files' order, up to the first conflict. */
export function evolve(
  before: readonly Column[],
  files: readonly OpenedFile[],
  options: { readonly keepOp: boolean },
): Evolution {
  let columns = before
  for (const [upTo, opened] of files.entries()) {
    const next = withFile(columns, opened, options.keepOp)
    if (next instanceof DmscdcError) return { columns, widened: isWidened(before, columns), upTo, conflict: next }
    columns = next
  }
  return { columns, widened: isWidened(before, columns), upTo: files.length, conflict: null }
}

/** The columns of a full load that replaces the table: its own types, the field ids of old names, and dropped columns kept. */
export function keepDropped(before: readonly Column[], loaded: readonly Column[]): readonly Column[] {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
  const kept = before.flatMap((column) => {
    const now = loaded.find(({ name }) => same(name, column.name))
    if (now === undefined) return [column]
    return now.name === column.name ? [{ ...column, type: now.type }] : []
  })
  let lastId = Math.max(0, ...before.map(({ fieldId }) => fieldId))
  const added = loaded.filter(({ name }) => !kept.some((column) => column.name === name))
  return [...kept, ...added.map((column) => ({ ...column, fieldId: ++lastId }))]
}

function withFile(columns: readonly Column[], opened: OpenedFile, keepOp: boolean): readonly Column[] | DmscdcError {
  let next = columns
  if (keepOp) next = addColumn(next, operationColumn, { kind: 'string' })
  for (const [at, { name, role, type, fileType }] of opened.layout.columns.entries()) {
    if (role !== 'data') continue
    if (name === '') return conflict(opened, `column ${String(at + 1)} has no name, which the lake cannot hold`)
    if (type === null) return conflict(opened, `column "${name}" is ${fileType}, which the lake cannot hold`)
    const first = opened.layout.columns.findIndex((column) => column.role === 'data' && column.name === name)
    if (first !== at)
      return conflict(opened, `column "${name}" stands in it twice, which leaves open whose values count`)
    const sameButCase = next.find((column) => column.name !== name && column.name.toLowerCase() === name.toLowerCase())
    if (sameButCase !== undefined)
      return conflict(opened, `column "${name}" differs from the table's "${sameButCase.name}" only by case`)
    const present = next.find((column) => column.name === name)
    if (present === undefined) {
      next = addColumn(next, name, type)
      continue
    }
    const common = commonType(present.type, type)
    if (common === null)
      return conflict(opened, `column "${name}" is ${typeText(type)}, the table has ${typeText(present.type)}`)
    if (!sameType(common, present.type))
      next = next.map((column) => (column === present ? { ...present, type: common } : column))
  }
  return next
}

function addColumn(columns: readonly Column[], name: string, type: LakeType): readonly Column[] {
  if (columns.some((column) => column.name === name)) return columns
  const fieldId = 1 + Math.max(0, ...columns.map((column) => column.fieldId))
  return [...columns, { name, type, fieldId }]
}

function isWidened(before: readonly Column[], after: readonly Column[]): boolean {
  return before.some((column, at) => !sameType(column.type, (after[at] as Column).type))
}

function conflict(opened: OpenedFile, what: string): DmscdcError {
  return new DmscdcError('bad-landing', `read landing file ${opened.file.key}: ${what}`, {
    hint: `reload the table with its new columns, or pass over the file: dmscdc skip <table> ${opened.file.name} --why <text>`,
  })
}
