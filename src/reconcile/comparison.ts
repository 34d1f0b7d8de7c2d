import type { Column, Snapshot } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { typeText } from '../lake-types.ts'
import { operationColumn } from '../landing/layout.ts'
import { formOf } from '../source/forms.ts'
import type { ComparedColumn, Comparison, SourceColumn } from '../source/source.ts'
import { sum } from '../sum.ts'

/** A column that is not compared, and why. */
export type LeftOut = { readonly column: string; readonly why: string }

/** Rows of the source that one statement reads, where a range of keys can be read alone. */
export const rowsPerRange = 65_536
/** Rows whose hashes are compared one by one where their sum differs. */
const rowsPerBucket = 256

/**
 * What of a table is compared, by names: a lake column goes with the source's of the same name, or of the one name that
 * differs by case alone. Throws `invalid-config` where a key column cannot be compared.
 */
export function chooseComparison(
  head: Snapshot,
  source: readonly SourceColumn[],
): { readonly comparison: Comparison; readonly leftOut: readonly LeftOut[] } {
  const leftOut: LeftOut[] = []
  const compared: ComparedColumn[] = []
  const met = new Set<SourceColumn>()
  for (const column of head.columns) {
    const partner = partnerOf(column, source)
    if (partner === null) {
      leftOut.push({ column: column.name, why: onlyInLake(column) })
      continue
    }
    met.add(partner)
    const form = formOf(column.type, partner.kind)
    if (form === null)
      leftOut.push({
        column: column.name,
        why: `${partner.typeText} and the lake's ${typeText(column.type)} have no common text`,
      })
    else
      compared.push({
        column,
        source: partner,
        form,
        emptyIsNull: form === 'text' && head.partitionColumns.includes(column.name),
      })
  }
  for (const column of source) if (!met.has(column)) leftOut.push({ column: column.name, why: 'only in the source' })
  const keys = (head.progress.primaryKey ?? []).map((name) => keyColumn(name, compared, leftOut))
  const columns = [...keys, ...compared.filter((one) => !keys.includes(one))]
  if (columns.length === 0)
    throw new DmscdcError('invalid-config', 'the source and the lake have no column in common', {
      hint: 'name the table as the source has it: --source-table db.table',
    })
  const rows = sum(head.files.map((file) => file.rows))
  const lead = keys[0] !== undefined && isRanged(keys[0]) ? keys[0] : null
  return { comparison: { keys, columns, lead, bucketBits: bucketBits(lead === null ? rows : rowsPerRange) }, leftOut }
}

function partnerOf({ name }: Column, source: readonly SourceColumn[]): SourceColumn | null {
  const exact = source.find((column) => column.name === name)
  if (exact !== undefined) return exact
  const [like, another] = source.filter((column) => column.name.toLowerCase() === name.toLowerCase())
  return like !== undefined && another === undefined ? like : null
}

const onlyInLake = ({ name }: Column) =>
  name === operationColumn ? "only in the lake: DMS's operation" : 'only in the lake'

function keyColumn(name: string, compared: readonly ComparedColumn[], leftOut: readonly LeftOut[]): ComparedColumn {
  const key = compared.find(({ column }) => column.name === name)
  if (key !== undefined) return key
  const why = leftOut.find(({ column }) => column === name)?.why ?? 'not in the lake'
  throw new DmscdcError('invalid-config', `key column "${name}" cannot be compared: ${why}`, {
    hint: 'name the table as the source has it: --source-table db.table; see dmscdc tables for the key',
  })
}

/** Both sides order whole numbers alike, and the source can read a range of them alone. */
function isRanged({ column: { type }, source, form }: ComparedColumn): boolean {
  const isWhole =
    ['byte', 'short', 'integer', 'long'].includes(type.kind) || (type.kind === 'decimal' && type.scale === 0)
  return source.ranged && isWhole && form === 'number'
}

function bucketBits(rows: number): number {
  return Math.min(16, Math.max(0, Math.ceil(Math.log2(Math.max(1, rows / rowsPerBucket)))))
}
