import type { SpilledFile } from '../engine/engine.ts'
import { sum } from '../sum.ts'
import type { MergeInput } from './merge-input.ts'
import { deleteUnchanged, insertUnchanged } from './splice-sql.ts'
import * as sql from './sql.ts'

export type NewRows = {
  /** Takes out what equals the row that it would replace, as the table `differences` says. */
  readonly dropUnchanged: () => Promise<void>
}

/**
 * Makes `new_rows`, of which the rows of one file after the other are read. Those of a large batch would take most of the memory, and would all be looked at
 * for each file: they are written to the disk, those of each file apart, or of neighbours together and in their order.
 */
export async function createNewRows(input: MergeInput, touched: readonly number[]): Promise<NewRows> {
  const { session, shape, batch, costs } = input
  const bytes = sum(batch.files.map(({ file }) => file.sizeBytes))
  const spilled = bytes > costs.newRowsInMemoryMax ? await spill(input, touched) : []
  if (spilled.length === 0) {
    await session.run(sql.createNewRows(shape.columns))
    return { dropUnchanged: () => session.run(deleteUnchanged()) }
  }
  await session.run(sql.createUnchanged())
  await session.run(sql.createNewRowsOf(spilled))
  return { dropUnchanged: () => session.run(insertUnchanged()) }
}

/** The landing files are read once more; of rows that share a part with those of other files, so is the part. */
async function spill({ session, shape, costs }: MergeInput, touched: readonly number[]): Promise<string[]> {
  const inOrder = (select: string) => session.spill({ select, rowGroupRows: rowsAtOnce, apartBy: null })
  if (touched.length === 0) return pathsOf(await inOrder(sql.selectImages(shape.columns)))
  const perPart = Math.ceil(touched.length / costs.newRowsPartsMax)
  const partOf = new Map(touched.map((number, at) => [number, Math.floor(at / perPart)]))
  const select = sql.selectInParts(shape.columns, partOf)
  const apart = await session.spill({ select, rowGroupRows: rowsAtOnce, apartBy: 'part' })
  if (perPart === 1) return pathsOf(apart)
  const isNew = (file: SpilledFile) => file.apart === sql.partOfNewKeys
  const sorted = apart.filter(isNew)
  for (const part of new Set(apart.filter((file) => !isNew(file)).map((file) => file.apart)))
    sorted.push(...(await inOrder(sql.selectInFiles(pathsOf(apart.filter((file) => file.apart === part))))))
  return pathsOf(sorted)
}

const pathsOf = (files: readonly SpilledFile[]) => files.map(({ scratchFile }) => scratchFile)

/** What is read for one file holds at most twice so many rows of its neighbours. */
const rowsAtOnce = 20_480
