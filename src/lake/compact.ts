import type { Column, DataFile, Snapshot } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { list } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { sum } from '../sum.ts'
import { dataSelect, type OpenedDataFile } from './data-sql.ts'
import { openDataFiles } from './open-data.ts'
import { byPartition, isSmall } from './small-files.ts'
import { keyColumns, type PreparedFile, type Staging, stage, type TableShape, writePartition } from './write-data.ts'

/** Files of one partition that become as few as hold their rows; `sort`: in the order of the key. */
export type CompactGroup = { readonly files: readonly DataFile[]; readonly sort: boolean }

/** Files are local copies while they are read: a group of small ones is ended near so many bytes. */
const groupBytesMax = 2 ** 30

/**
 * What is to be written again: the small files of a partition together where there are several, a file with dead bytes by itself; with
 * `clusterByKey` all files of a partition together. Pure.
 */
export function compactGroups(
  files: readonly DataFile[],
  { clusterByKey }: { readonly clusterByKey: boolean },
): readonly CompactGroup[] {
  return [...byPartition(files).values()].flatMap((partition): readonly CompactGroup[] => {
    if (clusterByKey) return [{ files: partition, sort: true }]
    const small = partition.filter(isSmall)
    const merged = small.length > 1 ? small : []
    const spliced = partition.filter((file) => file.deadBytes > 0 && !merged.includes(file))
    return [...chunks(merged), ...spliced.map((file) => [file])].map((group) => ({ files: group, sort: false }))
  })
}

export type Compacting = {
  readonly snapshot: Snapshot
  readonly shape: TableShape
  readonly groups: readonly CompactGroup[]
}

/** Without the groups that nothing would be gained by: sorted already, in full files without dead bytes. */
export async function groupsOutOfOrder(
  session: EngineSession,
  staging: Pick<Staging, 'lake' | 'place'>,
  { snapshot, shape, groups }: Compacting,
): Promise<readonly CompactGroup[]> {
  const wanted: CompactGroup[] = []
  for (const group of groups) {
    const isTidy = group.files.filter(isSmall).length < 2 && group.files.every(({ deadBytes }) => deadBytes === 0)
    if (!group.sort || !isTidy) {
      wanted.push(group)
      continue
    }
    const opened = await openDataFiles(staging.lake, session, staging.place, numberedIn(snapshot, group), {
      verify: false,
    })
    if (!(await isSorted(session, shape, opened.files))) wanted.push(group)
    await opened.release()
    await session.reset()
  }
  return wanted
}

/**
 * Writes and stages group after group, so that neither memory nor the disk holds more than one. Proves that no row was lost or
 * doubled.
 */
export async function compactFiles(
  session: EngineSession,
  staging: Staging,
  { snapshot, shape, groups }: Compacting,
): Promise<{ readonly add: readonly DataFile[]; readonly remove: readonly DataFile[] }> {
  const add: DataFile[] = []
  for (const group of groups) {
    const numbered = numberedIn(snapshot, group)
    const opened = await openDataFiles(staging.lake, session, staging.place, numbered, { verify: true })
    const rows = dataSelect({ ...shape, files: opened.files })
    if (group.sort) await session.run(createSorted(shape, rows))
    const select = group.sort ? 'from sorted_rows' : rows
    const written = await writePartition(session, staging, shape, select, group.files[0]?.partition ?? {})
    await opened.release()
    gate(group.files, written)
    add.push(...(await stage(staging, written)))
    await session.reset()
  }
  return { add, remove: groups.flatMap(({ files }) => files) }
}

/** A table of its own, which is spilled: a sort that feeds the writer directly ran out of 256 MB with 350 MB of rows. */
const createSorted = (shape: TableShape, rows: string) =>
  `create temp table sorted_rows as select ${list(shape.columns.map(c))} from (${rows}) order by ${list(keyColumns(shape).map(c))}`

const numberedIn = ({ files }: Snapshot, group: CompactGroup) =>
  group.files.map((file) => ({ number: files.indexOf(file), file }))

const c = ({ fieldId }: Column) => `c${String(fieldId)}`

/** The engine compares rows of values as it sorts them: NULL last, and equal to NULL. */
async function isSorted(session: EngineSession, shape: TableShape, files: readonly OpenedDataFile[]): Promise<boolean> {
  const keys = keyColumns(shape)
  const key = `row(${list(keys.map(c))})`
  const rows = dataSelect({ ...shape, columns: keys, files })
  const [found] = await session.rows(
    `select count(*) as drops from (select ${key} < lag(${key}) over (order by f, pos) as drops from (${rows})) where drops`,
  )
  return Number(found?.drops) === 0
}

function gate(before: readonly DataFile[], written: readonly PreparedFile[]): void {
  const [old, now] = [sum(before.map(({ rows }) => rows)), sum(written.map(({ file }) => file.rows))]
  if (old === now) return
  throw new DmscdcError('bug', `compact gate: ${String(old)} rows became ${String(now)}; nothing was committed`, {
    hint: 'run again with --verbose and report the trace',
  })
}

function chunks(files: readonly DataFile[]): readonly (readonly DataFile[])[] {
  const groups: DataFile[][] = []
  let bytes = 0
  for (const file of files) {
    const last = groups.at(-1)
    if (last === undefined || bytes + file.sizeBytes > groupBytesMax) {
      groups.push([file])
      bytes = 0
    } else last.push(file)
    bytes += file.sizeBytes
  }
  return groups.filter((group) => group.length > 1 || group.some(({ deadBytes }) => deadBytes > 0))
}
