import type { ChangeCounts } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { list } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { type PreparedFile, type Staging, type TableShape, writeRows } from '../lake/write-data.ts'

/** A table without a key: inserts are appended; U and D cannot be applied and are counted as ignored (CONTRACT §4.7). */
export async function append(
  session: EngineSession,
  staging: Staging,
  shape: TableShape,
): Promise<{ readonly written: readonly PreparedFile[]; readonly changes: ChangeCounts }> {
  const [count] = await session.rows(
    `select count(*) filter (op = 'I') as inserts, count(*) filter (op <> 'I') as others from changes`,
  )
  const columns = list(shape.columns.map(({ fieldId }) => `c${String(fieldId)}`))
  const written = await writeRows(
    session,
    staging,
    shape,
    `select ord as place, ${columns} from changes where op = 'I'`,
  )
  const inserted = Number(count?.inserts)
  const rows = written.reduce((total, { file }) => total + file.rows, 0)
  if (rows !== inserted)
    throw new DmscdcError(
      'bug',
      `append gate: ${String(inserted)} inserts became ${String(rows)} rows; nothing was committed`,
      {
        hint: 'run again with --verbose and report the trace and the names of the landing files',
      },
    )
  return { written, changes: { inserted, updated: 0, deleted: 0, unchanged: 0, ignored: Number(count?.others) } }
}
