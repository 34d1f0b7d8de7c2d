import type { ChangeCounts, Column, DataFile, RememberedDeletes, Snapshot } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { type DataRelation, dataSelect, type OpenedDataFile } from '../lake/data-sql.ts'
import { byteVerifier, namingDamage, type OpenedDataFiles, openDataFiles } from '../lake/open-data.ts'
import { boundsIn } from '../lake/statistics.ts'
import { keyColumns, type TableShape } from '../lake/write-data.ts'
import { sum, totalBytes } from '../sum.ts'
import { type BegunProof, beginProof } from './begun-proof.ts'
import { compareRows } from './compare-rows.ts'
import { gate } from './gate.ts'
import type { MergeInput, PlanInput } from './merge-input.ts'
import { createNewRows } from './new-rows.ts'
import { placeRows } from './place-rows.ts'
import { dropLosers, remember } from './remember.ts'
import { type Choices, chooseWrites, openLayouts, proveTouched } from './splice.ts'
import * as sql from './sql.ts'
import { type TouchedFiles, writeTouched } from './write-touched.ts'

/** What a merge is going to touch, known before anything is written. */
export type MergePlan = {
  /** Files that do hold one. They are rewritten unless the change turns out to be none. */
  readonly touched: readonly TouchedFile[]
  /** These, where the engine reads them. Whoever has the plan releases them. */
  readonly opened: OpenedDataFiles
  readonly keys: number
}

export type TouchedFile = {
  readonly number: number
  readonly file: DataFile
  /** Of the keys that stand in it, those that get a new image, and those that are deleted. */
  readonly images: number
  readonly deletions: number
}

export type MergeResult = {
  /** Staged. */
  readonly add: readonly DataFile[]
  readonly remove: readonly DataFile[]
  readonly filesRewritten: number
  readonly changes: ChangeCounts
  readonly bytesRead: number
  /** Of the bytes of `written`, those that were in the lake before. */
  readonly bytesCarried: number
  /** What is kept in mind of deletions; null without a sequence. */
  readonly remembered: RememberedDeletes | null
}

/** Reads the batch's keys and finds where they stand in the lake: by the log's bounds first, then by the key columns. */
export async function planMerge(input: PlanInput): Promise<MergePlan> {
  const { session, snapshot, batch, staging, sequence } = input
  const keys = keyColumns(input.shape)
  const column = sequence?.column ?? null
  const { partitionColumns } = input.shape
  await session.run(
    sql.createLastChange(keys, { beforeImages: batch.beforeImages, partitionColumns, sequence: column }),
  )
  const numbered = snapshot.files.map((file, number) => ({ number, file }))
  const lakeFiles = await session.writeText('lake-files.json', lakeFilesJson(snapshot, input.shape, keys))
  await session.run(sql.createLakeFiles(lakeFiles, keys))
  const found = numbered.length === 0 ? [] : await session.rows(sql.selectCandidates(keys))
  const candidates = found.map(({ f }) => numbered[Number(f)] as { number: number; file: DataFile })
  const read = column === null ? keys : [...keys, column]
  const opened = await findHits(input, candidates, keys, read)
  if ((await session.rows(sql.selectDoubleHit())).length > 0) throw doubleKeyInLake()
  const lost = sequence === null ? 0 : await dropLosers({ session, staging, sequence, keys })
  const hits = await session.rows(sql.selectHits())
  const [count] = await session.rows(sql.countKeys())
  return {
    touched: hits.map((row) => ({
      number: Number(row.f),
      file: snapshot.files[Number(row.f)] as DataFile,
      images: Number(row.images),
      deletions: Number(row.deletions),
    })),
    opened: await opened.keep(hits.map(({ f }) => Number(f))),
    keys: Number(count?.keys) + lost,
  }
}

/** Makes the table `hits` of the rows whose keys are of the batch. Of many files the key columns alone are fetched for it. */
async function findHits(
  input: PlanInput,
  candidates: readonly { readonly number: number; readonly file: DataFile }[],
  keys: readonly Column[],
  read: readonly Column[],
): Promise<OpenedDataFiles> {
  const { session, staging, costs } = input
  const bytes = totalBytes(candidates.map(({ file }) => file))
  const alone = bytes > costs.probe.bytesMin ? { columns: read, costs: costs.probe } : null
  // `why` comes here without the lease.
  const options = { verify: false, unplaced: true, alone }
  const opened = await openDataFiles(staging.lake, session, staging.place, candidates, options)
  const hits = (files: readonly OpenedDataFile[]) =>
    session.run(sql.createHits(dataSelect(relation(input, files, read)), keys, input.sequence?.column ?? null))
  if (alone === null) {
    await namingDamage(opened.files, byteVerifier(session), () => hits(opened.files))
    return opened
  }
  try {
    await hits(opened.files)
    return opened
  } catch (error) {
    if (!(error instanceof DmscdcError && error.kind === 'bug')) throw error
    // Columns that stand alone prove nothing of what is wrong with a file.
    const whole = await opened.keep(candidates.map(({ number }) => number))
    await namingDamage(whole.files, byteVerifier(session), () => hits(whole.files))
    return whole
  }
}

/** Writes what the plan touches, less what turns out equal, and proves it before anyone may see it. */
export async function executeMerge(input: MergeInput, plan: MergePlan): Promise<MergeResult> {
  const { session, shape, staging, sequence } = input
  const proof = beginProof(byteVerifier(session))
  const merging = merge(input, plan, proof)
  // Where both fail the hashes say why: bytes that are not what was written may be anything to the engine.
  await merging.then(proof.end, proof.stop)
  const { written, changes } = await merging
  await written.release()
  await plan.opened.release()
  return {
    add: written.files,
    remove: written.removed,
    filesRewritten: written.rewritten,
    changes,
    bytesRead: totalBytes(plan.touched.map(({ file }) => file)) + written.bytesMerged,
    bytesCarried: written.bytesCarried,
    remembered: sequence === null ? null : await remember({ session, staging, sequence, keys: keyColumns(shape) }),
  }
}

async function merge(input: MergeInput, plan: MergePlan, proof: BegunProof) {
  return namingDamage(plan.opened.files, proof.verify, async () => {
    const written = await writeTouched(input, await settleTouched(input, plan, proof))
    const changes = await countChanges(input, plan)
    await gate(input, written, changes)
    return { written, changes }
  })
}

/** Drops what turns out equal, settles where each row is to stand, and chooses how each file that changes is written. */
async function settleTouched(input: MergeInput, plan: MergePlan, proof: BegunProof): Promise<TouchedFiles> {
  const { session } = input
  const { opened } = plan
  const touched = await openLayouts(input, opened.files, proof.verify)
  const { layouts } = touched
  proveTouched(opened.files, touched, proof)
  const newRows = await createNewRows(
    input,
    plan.touched.map(({ number }) => number),
  )
  if (opened.files.length > 0) {
    const images = new Map(plan.touched.map((one) => [one.number, one.images]))
    await compareRows(input, opened.files, { ...touched, images, newRowsOf: newRows.of })
    await newRows.dropUnchanged()
  }
  await session.run(sql.createRemoved())
  const changing = (await session.rows(sql.selectTouched())).map(({ f }) => Number(f))
  const rewrites = opened.files.filter(({ number }) => changing.includes(number))
  const merged = await placeRows(input, rewrites)
  const kept = rewrites.filter(({ number }) => merged.every((one) => one.number !== number))
  const { choices, sources } = kept.length === 0 ? nothingToChoose : await chooseWrites(input, touched, kept)
  const newRowsOf = (number: number) => {
    const from = sources.get(number) ?? []
    return { staying: newRows.of([number]), arriving: from.length === 0 ? null : newRows.of(from) }
  }
  return { opened: opened.files, proof, layouts, rewrites: kept, merged, choices, newRowsOf }
}

const nothingToChoose: Choices = { choices: new Map(), sources: new Map() }

async function countChanges(input: PlanInput, plan: MergePlan): Promise<ChangeCounts> {
  const [row] = await input.session.rows(sql.countNewRows())
  const deleted = sum(plan.touched.map(({ deletions }) => deletions))
  const inserted = Number(row?.inserted)
  const updated = Number(row?.updated)
  return { inserted, updated, deleted, unchanged: plan.keys - inserted - updated - deleted, ignored: 0 }
}

function relation(input: PlanInput, files: readonly OpenedDataFile[], columns: readonly Column[]): DataRelation {
  return { files, columns, partitionColumns: input.shape.partitionColumns }
}

/** One JSON line per data file: the bounds of its key columns, exact or unknown. A partition column's bounds are its value. */
function lakeFilesJson(snapshot: Snapshot, shape: TableShape, keys: readonly Column[]): string {
  const lines = snapshot.files.map((file, number) => {
    const fields: Record<string, string | null> = { f: String(number) }
    for (const { name, fieldId } of keys) {
      const bound = keyBounds(file, shape, name, fieldId)
      const id = String(fieldId)
      fields[`min${id}`] = bound.min
      fields[`max${id}`] = bound.max
      fields[`nulls${id}`] = String(bound.nulls)
      fields[`known${id}`] = String(bound.known)
    }
    return JSON.stringify(fields)
  })
  return lines.join('\n')
}

function keyBounds(file: DataFile, shape: TableShape, name: string, fieldId: number) {
  if (shape.partitionColumns.includes(name)) {
    const value = file.partition[name] ?? null
    return { min: value, max: value, nulls: value === null, known: true }
  }
  if (!file.fieldIds.includes(fieldId)) return { min: null, max: null, nulls: true, known: true }
  const { min, max, nullCount } = boundsIn(file.stats, name)
  const known = nullCount !== null && ((min !== null && max !== null) || nullCount === file.rows)
  return { min: known ? min : null, max: known ? max : null, nulls: nullCount === null || nullCount > 0, known }
}

function doubleKeyInLake(): DmscdcError {
  return new DmscdcError('corrupt-lake', 'the lake holds a key of this batch more than once', {
    hint: 'see which: dmscdc verify --table <table>; then reload the table',
  })
}
