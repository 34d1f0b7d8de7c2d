import type { Column } from '../domain.ts'
import { list } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { openBatch } from '../landing/batch.ts'
import type { TableRun } from './table-run.ts'

/** Columns each of which is unique and never NULL in the first rows of the table's first LOAD file: what may be its key. */
export async function candidateKeys(run: TableRun): Promise<readonly (readonly string[])[]> {
  const first = run.listing.loads[0]
  if (first === undefined) return []
  const session = await run.session()
  try {
    const config = { ...run.config, primaryKey: null, partitionKey: [] }
    const batch = await openBatch(run.ports.landing, session, config, [first], { columns: [], typesMayChange: false })
    if (batch.files.length === 0) return []
    const counts = batch.columns.map(({ fieldId }) => `count(distinct c${String(fieldId)}) as n${String(fieldId)}`)
    const [row] = await session.rows(
      `select ${list(['count(*) as total', ...counts])} from (from changes limit ${String(rowsLookedAt)})`,
    )
    const unique = batch.columns.filter(({ fieldId }) => row?.[`n${String(fieldId)}`] === row?.total)
    await batch.release()
    if (Number(row?.total) === 0) return []
    return unique
      .filter(canBeKey)
      .sort(likelierFirst)
      .map(({ name }) => [name])
  } catch (error) {
    if (error instanceof DmscdcError && error.kind !== 'bug') return []
    throw error
  }
}

const rowsLookedAt = 100_000

const canBeKey = ({ type }: Column) => !['boolean', 'float', 'double', 'binary'].includes(type.kind)

/** Columns named like an identifier come first; all others in the order of the table. */
function likelierFirst(a: Column, b: Column): number {
  const isNamedSo = ({ name }: Column) => (/^id$/iu.test(name) ? 0 : /(?:_id|Id|ID|key)$/u.test(name) ? 1 : 2)
  return isNamedSo(a) - isNamedSo(b)
}
