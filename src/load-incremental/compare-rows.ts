import type { Column } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { dataSelect, type OpenedDataFile } from '../lake/data-sql.ts'
import { fileColumns, type TableShape } from '../lake/write-data.ts'
import { sum, totalBytes } from '../sum.ts'
import type { MergeInput } from './merge-input.ts'
import type { HitGroup, Layouts } from './splice.ts'
import { rangesOf } from './splice-layout.ts'
import {
  countDifferences,
  createDifferences,
  decideRest,
  insertCompared,
  insertRoughDifferences,
  type LakeRows,
  selectRanges,
  selectUndecided,
} from './splice-sql.ts'

export type Touched = {
  readonly layouts: Layouts
  readonly hitGroups: readonly HitGroup[]
  /** File number → keys that get a new image there. */
  readonly images: ReadonlyMap<number, number>
  /** A relation that holds the new rows of these files. */
  readonly newRowsOf: (numbers: readonly number[]) => string
}

/**
 * Compares the rows that are to be replaced with those that replace them, reading touched row groups alone, and makes the tables `compared` and `differences`.
 * Of a large batch some files at a time: all its new rows together would not find room, and the engine would write both sides to the disk to join them.
 * Column by column only where it can be of use: a row group that loses a row, or of a file that cannot be spliced, is
 * written again with all its columns. There, of many, the column is read first that tells the most in a sample, then the narrow ones, and texts only where
 * these leave a row undecided: for what is different already another column says nothing more.
 */
export async function compareRows(
  { session, shape, costs, batch }: MergeInput,
  files: readonly OpenedDataFile[],
  { layouts, hitGroups, images, newRowsOf }: Touched,
): Promise<void> {
  const compared = shape.columns.filter(({ name }) => name !== 'Op' && !shape.keyColumns.includes(name))
  const [narrow, wide] = [compared.filter((column) => !isWide(column)), compared.filter(isWide)]
  const written = fileColumns(shape)
  const touched = hitGroups.filter(({ images }) => images > 0)
  const exact = touched.filter(({ deletions }) => deletions === 0)
  const rough = [...touched.filter(({ deletions }) => deletions > 0), ...filesAsGroups(files, layouts)]
  const bytes = totalBytes(batch.files.map(({ file }) => file))
  const atOnce = Math.max(1, Math.ceil(bytes / Math.max(1, costs.comparedAtOnceMax)))
  const reading = { shape, layouts, newRowsOf, portions: portionsOf(files, images, sum([...images.values()]) / atOnce) }
  await session.run(createDifferences(written))
  for (const rows of lakeRows(reading, exact, shape.columns))
    await session.run(insertCompared(rows, { compared, written }))
  if (rough.length === 0) return
  const isMany = rough.length >= costs.sampledGroupsMin && narrow.length > 1
  const telling = isMany ? await mostTelling(session, lakeRows(reading, rough.slice(0, 1), narrow), narrow) : null
  const steps = telling === null ? [narrow, wide] : [[telling], narrow.filter((column) => column !== telling), wide]
  const [first = [], ...others] = steps.filter(({ length }) => length > 0)
  for (const rows of lakeRows(reading, rough, first)) await session.run(insertRoughDifferences(rows, first))
  for (const columns of others) {
    const undecided = await session.rows(selectUndecided())
    const groups = undecided.map(({ f, g }) => ({ f: Number(f), g: g === null ? null : Number(g) }))
    for (const rows of lakeRows(reading, groups, columns)) await session.run(decideRest(rows, columns))
  }
}

/** The column that tells of the most rows of a sample that they change; null where none tells of any. */
async function mostTelling(
  session: EngineSession,
  [sample]: readonly LakeRows[],
  columns: readonly Column[],
): Promise<Column | null> {
  if (sample === undefined) return null
  const [counts] = await session.rows(countDifferences(sample, columns))
  const told = ({ fieldId }: Column) => Number(counts?.[`d${String(fieldId)}`])
  const best = columns.reduce((a, b) => (told(b) > told(a) ? b : a))
  return told(best) === 0 ? null : best
}

const isWide = ({ type }: Column) => type.kind === 'string' || type.kind === 'binary'

/** A row group of a file, or all of the file (null). */
type Stretch = { readonly f: number; readonly g: number | null }

const filesAsGroups = (files: readonly OpenedDataFile[], layouts: Layouts): readonly Stretch[] =>
  files.filter(({ number }) => !layouts.has(number)).map(({ number }) => ({ f: number, g: null }))

/** Files in their order, as many as get so many new rows together; one in any case. */
function portionsOf(
  files: readonly OpenedDataFile[],
  images: ReadonlyMap<number, number>,
  imagesMax: number,
): readonly (readonly OpenedDataFile[])[] {
  const portions: OpenedDataFile[][] = []
  let taken = 0
  for (const opened of [...files].sort((a, b) => a.number - b.number)) {
    const more = images.get(opened.number) ?? 0
    const last = portions.at(-1)
    if (last !== undefined && taken + more <= imagesMax) last.push(opened)
    else portions.push([opened])
    taken = last === portions.at(-1) ? taken + more : more
  }
  return portions
}

type Reading = {
  readonly shape: TableShape
  readonly layouts: Layouts
  readonly newRowsOf: Touched['newRowsOf']
  readonly portions: readonly (readonly OpenedDataFile[])[]
}

/** Relations that together are the rows of the stretches. */
function lakeRows(reading: Reading, stretches: readonly Stretch[], columns: readonly Column[]): readonly LakeRows[] {
  return reading.portions.flatMap((files) => {
    const numbers = files.map(({ number }) => number)
    const of = { first: numbers[0] ?? 0, last: numbers.at(-1) ?? 0, newRows: reading.newRowsOf(numbers) }
    return relationsOf(reading, files, stretches, columns).map((select) => ({ ...of, select }))
  })
}

/** Of these files: those that are read as a whole in one scan, the others some at a time. */
function relationsOf(
  { shape, layouts }: Reading,
  files: readonly OpenedDataFile[],
  stretches: readonly Stretch[],
  columns: readonly Column[],
): readonly string[] {
  const select = (some: readonly OpenedDataFile[]) =>
    dataSelect({ files: some, columns, partitionColumns: shape.partitionColumns })
  const groupsOf = (opened: OpenedDataFile) => stretches.filter(({ f }) => f === opened.number).map(({ g }) => g)
  const whole: OpenedDataFile[] = []
  const parts: string[] = []
  for (const opened of files) {
    const groups = groupsOf(opened)
    const layout = layouts.get(opened.number)
    if (groups.length === 0) continue
    if (layout === undefined || groups.length === layout.groups.length) whole.push(opened)
    else parts.push(selectRanges(select([opened]), rangesOf(layout, groups as readonly number[])))
  }
  const together: string[] = whole.length === 0 ? [] : [select(whole)]
  for (let at = 0; at < parts.length; at += partsAtOnce)
    together.push(parts.slice(at, at + partsAtOnce).join('\nunion all\n'))
  return together
}

/** A statement grows with each. */
const partsAtOnce = 64
