import type { Column, Snapshot } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { list } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { sum } from '../sum.ts'
import { dataSelect } from './data-sql.ts'
import { findDoubleKeys } from './double-keys.ts'
import { openDataFiles } from './open-data.ts'
import { keyColumns, type PreparedFile, type Staging, type TableShape, writeFile, writeRows } from './write-data.ts'

/**
 * Writes every row of the table again, in wider types or other partitions. Where the partitions stay, each file becomes
 * one file, so that rows keep their neighbours; else all rows are laid out anew.
 */
export async function rewriteAll(
  session: EngineSession,
  staging: Staging,
  snapshot: Snapshot,
  shape: TableShape,
): Promise<readonly PreparedFile[]> {
  const numbered = snapshot.files.map((file, number) => ({ number, file }))
  const opened = await openDataFiles(staging.lake, session, staging.place, numbered, { verify: true })
  const columns = list(shape.columns.map(({ fieldId }) => `c${String(fieldId)}`))
  const select = (files: typeof opened.files) =>
    `select f * 1099511627776 + pos as place, ${columns} from (${dataSelect({ files, columns: shape.columns, partitionColumns: snapshot.partitionColumns })})`
  const written = sameFolders(snapshot, shape)
    ? await eachFile(session, staging, shape, opened.files, (file) => select([file]))
    : await writeRows(session, staging, shape, select(opened.files))
  await opened.release()
  const before = sum(snapshot.files.map(({ rows }) => rows))
  const after = sum(written.map(({ file }) => file.rows))
  if (before !== after)
    throw new DmscdcError(
      'bug',
      `rewrite gate: ${String(before)} rows became ${String(after)}; nothing was committed`,
      {
        hint: 'run again with --verbose and report the trace',
      },
    )
  return written
}

/** Whether a file's rows stay together: the same partition columns, and their values written as before. */
function sameFolders(snapshot: Snapshot, shape: TableShape): boolean {
  const typeOf = (columns: readonly Column[], name: string) => columns.find((column) => column.name === name)?.type.kind
  return (
    snapshot.partitionColumns.length === shape.partitionColumns.length &&
    shape.partitionColumns.every(
      (name, at) =>
        name === snapshot.partitionColumns[at] && typeOf(snapshot.columns, name) === typeOf(shape.columns, name),
    )
  )
}

/** How many keys of the table stand in more than one row. */
export async function countDoubleKeys(
  session: EngineSession,
  staging: Pick<Staging, 'lake' | 'place'>,
  snapshot: Snapshot,
  primaryKey: readonly string[],
): Promise<number> {
  if (snapshot.files.length === 0) return 0
  const keys = keyColumns({ columns: snapshot.columns, keyColumns: primaryKey })
  const numbered = snapshot.files.map((file, number) => ({ number, file }))
  const opened = await openDataFiles(staging.lake, session, staging.place, numbered, { verify: false })
  const rows = dataSelect({ files: opened.files, columns: keys, partitionColumns: snapshot.partitionColumns })
  const names = keys.map(({ fieldId, type }) => ({ name: `c${String(fieldId)}`, type }))
  const found = await findDoubleKeys(session, `(${rows})`, names)
  await opened.release()
  return found?.keys ?? 0
}

async function eachFile(
  session: EngineSession,
  staging: Staging,
  shape: TableShape,
  files: Awaited<ReturnType<typeof openDataFiles>>['files'],
  select: (file: (typeof files)[number]) => string,
): Promise<readonly PreparedFile[]> {
  const written: PreparedFile[] = []
  for (const one of files) {
    const file = await writeFile(session, staging, shape, select(one), one.file.partition)
    if (file !== null) written.push(file)
  }
  return written
}
