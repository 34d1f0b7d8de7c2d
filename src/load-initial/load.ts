import type { EngineSession } from '../engine/engine.ts'
import { list } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { findDoubleKeys, type KeyColumn } from '../lake/double-keys.ts'
import { keyColumns, type PreparedFile, type Staging, type TableShape, writeRows } from '../lake/write-data.ts'

/**
 * Writes all rows of the view `changes`, which holds the full load's files, as new data files.
 * A key that is not unique in them is `bad-landing`: which of its rows is right cannot be guessed (CONTRACT §4.4).
 */
export async function loadAll(
  session: EngineSession,
  staging: Staging,
  shape: TableShape,
): Promise<{ readonly written: readonly PreparedFile[]; readonly rows: number }> {
  await refuseDoubleKeys(session, shape)
  const columns = list(shape.columns.map(({ fieldId }) => `c${String(fieldId)}`))
  const written = await writeRows(session, staging, shape, `select ord as place, ${columns} from changes`)
  const [count] = await session.rows('select count(*) as total from changes')
  const rows = written.reduce((total, { file }) => total + file.rows, 0)
  if (rows !== Number(count?.total))
    throw new DmscdcError(
      'bug',
      `load gate: ${String(count?.total)} rows became ${String(rows)}; nothing was committed`,
      {
        hint: 'run again with --verbose and report the trace and the names of the landing files',
      },
    )
  return { written, rows }
}

async function refuseDoubleKeys(session: EngineSession, shape: TableShape): Promise<void> {
  if (shape.keyColumns.length === 0) return
  const found = await findDoubleKeys(session, 'changes', keysOf(shape))
  if (found === null) return
  throw new DmscdcError(
    'bad-landing',
    `primary key (${shape.keyColumns.join(', ')}) is not unique in the full load: ${String(found.keys)} keys stand in ${String(found.rows)} rows`,
    { hint: 'name the columns that make a row unique: dmscdc set <table> --primary-key a,b; or load the table anew' },
  )
}

function keysOf(shape: TableShape): readonly KeyColumn[] {
  return keyColumns(shape).map(({ fieldId, type }) => ({ name: `c${String(fieldId)}`, type }))
}
