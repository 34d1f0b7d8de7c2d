import type { DataFile } from '../domain.ts'
import { dataSelect, type OpenedDataFile } from '../lake/data-sql.ts'
import { type OpenedDataFiles, openDataFiles, type VerifyBytes, wholeOf } from '../lake/open-data.ts'
import { type PreparedFile, writeFile, writeRows } from '../lake/write-data.ts'
import type { WriteChoice } from './choose-write.ts'
import type { MergeInput } from './merge-input.ts'
import type { NumberedFile } from './place-rows.ts'
import type { Layouts } from './splice.ts'
import { type SplicedFile, spliceFile } from './splice-file.ts'
import { selectBegun, selectRewritten } from './sql.ts'

/** The files in which keys of the batch stand, and what becomes of them. */
export type TouchedFiles = {
  readonly opened: OpenedDataFiles
  readonly verify: VerifyBytes
  readonly layouts: Layouts
  /** Those that lose a row, for good or for another one in its place. */
  readonly rewrites: readonly OpenedDataFile[]
  /** Small files, touched or not, whose rows are written together with those that begin a file. */
  readonly merged: readonly NumberedFile[]
  readonly choices: ReadonlyMap<number, WriteChoice>
}

export type Written = {
  readonly files: readonly PreparedFile[]
  readonly removed: readonly DataFile[]
  readonly rewritten: number
  readonly bytesCarried: number
  /** What was read besides the touched files. */
  readonly bytesMerged: number
  /** Whole rows that were encoded, as files that the gate can read. */
  readonly encoded: readonly OpenedDataFile[]
}

/**
 * Every file that loses a row is replaced: by a splice where that is cheaper, else it is written again with the rows that stay in it. Rows
 * that are new to their partition join the smallest of these with room; else they begin a file: no untouched file is ever written for them.
 */
export async function writeTouched(input: MergeInput, touched: TouchedFiles): Promise<Written> {
  const { session, shape, staging } = input
  const spliced: SplicedFile[] = []
  const whole: PreparedFile[] = []
  for (const one of touched.rewrites) {
    const splice = await spliceIfChosen(input, touched, one)
    const file = splice === null ? await writeWhole(input, touched, one) : null
    if (splice !== null) spliced.push(splice)
    if (file !== null) whole.push(file)
  }
  const added = await openMerged(input, touched)
  const mergedRows = dataSelect({ ...shape, files: added.files })
  const begun = await writeRows(session, staging, shape, selectBegun(shape.columns, mergedRows))
  await added.release()
  const encoded = [...whole, ...begun].map(({ file, scratchFile }) => ({ number: 0, file, path: scratchFile }))
  return {
    files: [...spliced.map(({ prepared }) => prepared), ...whole, ...begun],
    removed: [...touched.rewrites, ...touched.merged].map(({ file }) => file),
    rewritten: spliced.length + whole.length + touched.merged.length,
    bytesMerged: added.bytes,
    bytesCarried: spliced.reduce((total, { keptBytes }) => total + keptBytes, 0),
    encoded: [...encoded, ...spliced.flatMap(({ regrouped }) => regrouped ?? [])],
  }
}

/** All files that are merged, proven; those that are open already are not fetched again. */
async function openMerged({ session, staging }: MergeInput, { opened, verify, merged }: TouchedFiles) {
  const isMerged = ({ number }: { readonly number: number }) => merged.some((one) => one.number === number)
  const isOpen = ({ number }: { readonly number: number }) => opened.files.some((one) => one.number === number)
  const others = merged.filter((one) => !isOpen(one))
  const fetched = await openDataFiles(staging.lake, session, staging.place, others, { verify: false })
  const files = [...opened.files.filter(isMerged), ...fetched.files].sort((a, b) => a.number - b.number)
  for (const one of files) await verify(one, [wholeOf(one.file)])
  const bytes = others.reduce((total, { file }) => total + file.sizeBytes, 0)
  return { files, bytes, release: fetched.release }
}

async function spliceIfChosen(
  input: MergeInput,
  touched: TouchedFiles,
  one: OpenedDataFile,
): Promise<SplicedFile | null> {
  const [choice, layout] = [touched.choices.get(one.number), touched.layouts.get(one.number)]
  return choice?.kind === 'splice' && layout !== undefined ? spliceFile(input, one, layout, choice) : null
}

/** Null where no row is left. */
async function writeWhole(
  input: MergeInput,
  { verify }: TouchedFiles,
  one: OpenedDataFile,
): Promise<PreparedFile | null> {
  const { session, shape, staging } = input
  await verify(one, [wholeOf(one.file)])
  const lakeRows = dataSelect({ files: [one], columns: shape.columns, partitionColumns: shape.partitionColumns })
  return writeFile(session, staging, shape, selectRewritten(lakeRows, one.number, shape.columns), one.file.partition)
}
