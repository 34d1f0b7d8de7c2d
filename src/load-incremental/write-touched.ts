import type { Column, DataFile } from '../domain.ts'
import type { EncodedFile, WriteRequest, WrittenFile } from '../engine/engine.ts'
import { dataSelect, type OpenedDataFile } from '../lake/data-sql.ts'
import { pipelined } from '../lake/in-parallel.ts'
import { openDataFiles, wholeOf } from '../lake/open-data.ts'
import {
  fieldIds,
  fileSelect,
  type PreparedFile,
  prepared,
  stage,
  type TableShape,
  writeFile,
  writeRows,
} from '../lake/write-data.ts'
import type { BegunProof } from './begun-proof.ts'
import { type BegunSplice, beginSplice } from './begun-splice.ts'
import type { WriteChoice } from './choose-write.ts'
import type { EncodedRows } from './encoded-rows.ts'
import type { MergeInput } from './merge-input.ts'
import type { NumberedFile } from './place-rows.ts'
import type { Layouts } from './splice.ts'
import { planSplice, type SplicePlan, spliceFile } from './splice-file.ts'
import { countHomeless, type RowsOfFile, selectBegun, selectRewritten } from './sql.ts'

/** The files in which keys of the batch stand, and what becomes of them. */
export type TouchedFiles = {
  /** All that hold a touched key, where the engine reads them. */
  readonly opened: readonly OpenedDataFile[]
  readonly proof: BegunProof
  readonly layouts: Layouts
  /** Those that lose a row, for good or for another one in its place. */
  readonly rewrites: readonly OpenedDataFile[]
  /** Small files, touched or not, whose rows are written together with those that begin a file. */
  readonly merged: readonly NumberedFile[]
  readonly choices: ReadonlyMap<number, WriteChoice>
  /** Where the new rows of a file are read. */
  readonly newRowsOf: (number: number) => RowsOfFile
}

export type Written = {
  /** Staged. */
  readonly files: readonly DataFile[]
  readonly removed: readonly DataFile[]
  readonly rewritten: number
  readonly bytesCarried: number
  /** What was read besides the touched files. */
  readonly bytesMerged: number
  readonly encoded: readonly EncodedRows[]
  /** Once the gate has read what was encoded. */
  release(): Promise<void>
}

/**
 * Every file that loses a row is replaced: by a splice where that is cheaper, else it is written again with the rows that stay in it. Rows
 * that are new to their partition join the smallest of these with room; else they begin a file: no untouched file is ever written for them.
 * Files are encoded several at once, and joined, hashed and staged while the next ones are encoded; the bytes that the first one keeps are copied by the store meanwhile.
 */
export async function writeTouched(input: MergeInput, touched: TouchedFiles): Promise<Written> {
  const replacements = await pipelined(touched.rewrites, {
    weightMax: bytesUnderWay,
    weightOf: (one) => touched.choices.get(one.number)?.bytes ?? one.file.sizeBytes,
    begin: (one, at) => encodeTouched(input, touched, one, { storeIsIdle: at === 0 }),
    end: (encoded) => replace(input, touched, encoded),
    endingMax: input.costs.stagedAtOnce,
  })
  const replaced = replacements.filter((replacement) => replacement !== null)
  const merged = await openMerged(input, touched)
  const begun = await writeBegun(input, merged.files)
  await stage(input.staging, begun)
  return {
    files: [...replaced.map(({ file }) => file), ...begun.map(({ file }) => file)],
    removed: [...touched.rewrites, ...touched.merged].map(({ file }) => file),
    rewritten: replaced.length + touched.merged.length,
    bytesMerged: merged.bytes,
    bytesCarried: replaced.reduce((total, { carriedBytes }) => total + carriedBytes, 0),
    encoded: [...replaced.flatMap(({ encoded }) => encoded ?? []), ...begunRows(input, merged.files, begun)],
    release: merged.release,
  }
}

/** Of files that are encoded, or wait on the disk until those before them are staged: enough to have the threads busy. */
const bytesUnderWay = 160e6

type EncodedTouched = { readonly one: OpenedDataFile } & (
  | {
      readonly splice: SplicePlan
      readonly begun: BegunSplice | null
      readonly chunks: readonly (EncodedFile | null)[]
    }
  | { readonly splice: null; readonly whole: WrittenFile | null }
)

async function encodeTouched(
  input: MergeInput,
  { proof, choices, layouts, newRowsOf }: TouchedFiles,
  one: OpenedDataFile,
  { storeIsIdle }: { readonly storeIsIdle: boolean },
): Promise<EncodedTouched> {
  const [choice, layout] = [choices.get(one.number), layouts.get(one.number)]
  if (choice?.kind !== 'splice' || layout === undefined) {
    proof.prove(one, [wholeOf(one.file)])
    return { one, splice: null, whole: await input.session.writeAside(wholeRequest(input, one, newRowsOf(one.number))) }
  }
  const splice = planSplice(input, { opened: one, layout, rows: newRowsOf(one.number) }, choice)
  if (splice.joined) proof.prove(one, [{ start: 0, length: splice.keptBytes }])
  const begun = storeIsIdle ? beginSplice(input, splice) : null
  try {
    return { one, splice, begun, chunks: await input.session.encode(splice.requests) }
  } catch (error) {
    await begun?.drop()
    throw error
  }
}

function wholeRequest({ shape }: MergeInput, one: OpenedDataFile, newRows: RowsOfFile): WriteRequest {
  return { select: fileSelect(shape, rowsOf(shape, one, newRows)), fieldIds: fieldIds(shape) }
}

/** Those that stay in a file, and those that it gets. */
function rowsOf(
  { columns: all, partitionColumns }: TableShape,
  one: OpenedDataFile,
  newRows: RowsOfFile,
  columns = all,
): string {
  return selectRewritten(dataSelect({ files: [one], columns, partitionColumns }), one.number, columns, newRows)
}

/** What takes the place of a file. */
type Replacement = {
  readonly file: DataFile
  readonly carriedBytes: number
  readonly encoded: EncodedRows | null
}

/** On its way to the store, and then staged; null where no row is left. */
type Ending = { readonly ending: Promise<Replacement | null> }

async function replace(input: MergeInput, { proof, newRowsOf }: TouchedFiles, file: EncodedTouched): Promise<Ending> {
  const newRows = newRowsOf(file.one.number)
  const spliced = file.splice === null ? null : await stageSplice(input, file.splice, file)
  if (spliced !== null) return spliced
  const prepared = await writtenWhole(input, proof, file, newRows)
  if (prepared === null) return { ending: Promise.resolve(null) }
  const rows = (columns: readonly Column[]) => rowsOf(input.shape, file.one, newRows, columns)
  const replacement = { file: prepared.file, carriedBytes: 0, encoded: { file: openedFile(prepared), rows } }
  return { ending: stage(input.staging, [prepared]).then(() => replacement) }
}

/** Null where the file has to be written whole after all. */
async function stageSplice(
  input: MergeInput,
  splice: SplicePlan,
  { begun, chunks }: { readonly begun: BegunSplice | null; readonly chunks: readonly (EncodedFile | null)[] },
): Promise<Ending | null> {
  const put = begun ?? beginSplice(input, splice)
  try {
    const spliced = await spliceFile(input, splice, chunks, put.path)
    if (spliced === null) {
      await put.drop()
      return null
    }
    const { staged } = await put.end(spliced.tailFile)
    const { file, encoded } = spliced
    const replacement = { file, carriedBytes: splice.joined ? 0 : splice.keptBytes, encoded }
    return { ending: staged.then(() => replacement) }
  } catch (error) {
    await put.drop()
    throw error
  }
}

/** As it was encoded; a splice that went wrong is written whole now. */
async function writtenWhole(
  { session, shape, staging }: MergeInput,
  proof: BegunProof,
  file: EncodedTouched,
  newRows: RowsOfFile,
): Promise<PreparedFile | null> {
  const { one } = file
  if (file.splice === null) return file.whole && prepared(staging, shape, file.whole, one.file.partition)
  proof.prove(one, [wholeOf(one.file)])
  return writeFile(session, staging, shape, rowsOf(shape, one, newRows), one.file.partition)
}

/** All files that are merged; their proof is begun. Those that are open already are not fetched again. */
async function openMerged({ session, staging }: MergeInput, { opened, proof, merged }: TouchedFiles) {
  const isMerged = ({ number }: { readonly number: number }) => merged.some((one) => one.number === number)
  const isOpen = ({ number }: { readonly number: number }) => opened.some((one) => one.number === number)
  const others = merged.filter((one) => !isOpen(one))
  const fetched = await openDataFiles(staging.lake, session, staging.place, others, { verify: false })
  const files = [...opened.filter(isMerged), ...fetched.files].sort((a, b) => a.number - b.number)
  for (const one of files) proof.prove(one, [wholeOf(one.file)])
  const bytes = others.reduce((total, { file }) => total + file.sizeBytes, 0)
  return { files, bytes, release: fetched.release }
}

/** Rows that are new to their partition and find no file with room, behind those of the files that are merged. */
async function writeBegun(input: MergeInput, merged: readonly OpenedDataFile[]): Promise<readonly PreparedFile[]> {
  const { session, staging, shape } = input
  const [homeless] = await session.rows(countHomeless())
  if (Number(homeless?.total) === 0 && merged.length === 0) return []
  return writeRows(session, staging, shape, begunSelect(shape, merged, shape.columns))
}

/** All of them hold together what has no home. */
function begunRows(
  { shape }: MergeInput,
  merged: readonly OpenedDataFile[],
  begun: readonly PreparedFile[],
): readonly EncodedRows[] {
  const all = (columns: readonly Column[]) => begunSelect(shape, merged, columns)
  const nothing = (columns: readonly Column[]) => dataSelect({ files: [], columns, partitionColumns: [] })
  return begun.map((one, at) => ({ file: openedFile(one), rows: at === 0 ? all : nothing }))
}

function begunSelect({ partitionColumns }: TableShape, files: readonly OpenedDataFile[], columns: readonly Column[]) {
  return selectBegun(columns, dataSelect({ files, columns, partitionColumns }))
}

const openedFile = ({ file, scratchFile }: PreparedFile): OpenedDataFile => ({ number: 0, file, path: scratchFile })
