import type { Snapshot } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { list } from '../engine/sql.ts'
import type { TableRun } from '../process-table/table-run.ts'
import type { Comparison } from '../source/source.ts'
import { scanLake } from './lake-side.ts'

/**
 * The comparison in which times that the source keeps finer than milliseconds, and of which the lake holds whole milliseconds alone,
 * are compared by the millisecond: DMS cuts them so where it is told to (`ParquetTimestampInMillisecond`). Key columns stay as they are.
 */
export async function byMilliseconds(
  comparison: Comparison,
  { run, session, head }: { readonly run: TableRun; readonly session: EngineSession; readonly head: Snapshot },
): Promise<{ readonly comparison: Comparison; readonly notes: readonly string[] }> {
  const fine = comparison.columns.filter(
    (one) => one.form === 'micros' && one.source.finerThanMs && !comparison.keys.includes(one),
  )
  if (fine.length === 0) return { comparison, notes: [] }
  const counts = fine.map(
    ({ column: { fieldId } }) => `count(*) filter (epoch_us(c${String(fieldId)}) % 1000 <> 0) as n${String(fieldId)}`,
  )
  const names = fine.map(({ column: { fieldId } }) => `n${String(fieldId)}`)
  await session.run(`create or replace temp table fine_times (${list(names.map((name) => `${name} bigint`))})`)
  const columns = fine.map(({ column }) => column)
  await scanLake(
    { run, session, head, columns },
    (rows) => `insert into fine_times select ${list(counts)} from (${rows})`,
  )
  const [found] = await session.rows(
    `select ${list(names.map((name) => `sum(${name})::bigint as ${name}`))} from fine_times`,
  )
  const coarse = fine.filter(({ column: { fieldId } }) => Number(found?.[`n${String(fieldId)}`] ?? 0) === 0)
  return {
    comparison: {
      ...comparison,
      columns: comparison.columns.map((one) => (coarse.includes(one) ? { ...one, form: 'millis' } : one)),
    },
    notes: coarse.map(
      ({ column: { name } }) =>
        `column "${name}" is compared by the millisecond: the lake holds no finer time in it (ParquetTimestampInMillisecond)`,
    ),
  }
}
