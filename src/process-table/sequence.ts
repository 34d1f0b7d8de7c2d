import type { Progress, TableConfig } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import type { Batch } from '../landing/batch.ts'
import type { Sequence } from '../load-incremental/remember.ts'

/**
 * How a batch's changes of a key are ordered before their place in the landing; null: by that alone. Throws `invalid-config`
 * where neither the table nor a change file of the batch has the column; full loads may lack it.
 */
export function sequenceOf(
  config: TableConfig,
  { remembered }: Progress,
  { columns, files }: Pick<Batch, 'columns' | 'files'>,
  nowMs: number,
): Sequence | null {
  const { sequenceColumn: name, primaryKey, rememberDeletesMs: rememberMs } = config
  if (name === null || primaryKey === null) return null
  const column = columns.find((one) => one.name === name)
  if (column !== undefined)
    return { column, remembered: remembered?.sequenceColumn === name ? remembered.files : [], rememberMs, nowMs }
  if (files.every(({ file }) => file.kind === 'load')) return null
  throw new DmscdcError(
    'invalid-config',
    `SequenceColumn names column "${name}", which the data has not; it has ${columns.map((one) => `"${one.name}"`).join(', ')}`,
    { hint: 'correct the row: dmscdc set <table> --sequence-column <column>, or null to merge in landing order' },
  )
}

/** What people should know where the sequence column orders nothing: there is no key, or change files do not have it. */
export function sequenceWarnings(
  { sequenceColumn, primaryKey }: TableConfig,
  { files }: Pick<Batch, 'files'>,
): string[] {
  if (sequenceColumn === null) return []
  if (primaryKey === null) return [`SequenceColumn ("${sequenceColumn}") orders nothing in a table without a key`]
  const lacking = files.filter(
    ({ file, layout }) =>
      file.kind === 'change' && !layout.columns.some(({ role, name }) => role === 'data' && name === sequenceColumn),
  )
  const [first] = lacking
  if (first === undefined) return []
  return [
    `${String(lacking.length)} change files have no column "${sequenceColumn}", which SequenceColumn names, ${first.file.key} first: their changes count as older than all that have a value`,
  ]
}

/** Deletions are remembered by the key that the table had when they were taken: by another they are no keys at all. */
export function rekeyed({ remembered, ...progress }: Progress, { primaryKey, partitionKey }: TableConfig): Progress {
  const isSameKey = JSON.stringify(primaryKey) === JSON.stringify(progress.primaryKey)
  const kept = isSameKey && remembered !== undefined ? { remembered } : {}
  return { ...progress, primaryKey, partitionKey, ...kept }
}
