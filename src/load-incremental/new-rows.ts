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
 * for each file: they are written to the disk, those of some files after those of others, for a sort takes memory too.
 */
export async function createNewRows(input: MergeInput, touched: readonly number[]): Promise<NewRows> {
  const { session, shape, batch, costs } = input
  const bytes = sum(batch.files.map(({ file }) => file.sizeBytes))
  const spilled = bytes > costs.newRowsInMemoryMax ? await spill(input, touched, bytes) : []
  if (spilled.length === 0) {
    await session.run(sql.createNewRows(shape.columns))
    return { dropUnchanged: () => session.run(deleteUnchanged()) }
  }
  await session.run(sql.createUnchanged())
  await session.run(sql.createNewRowsOf(spilled))
  return { dropUnchanged: () => session.run(insertUnchanged()) }
}

/** Each statement reads the landing files again. */
async function spill({ session, shape }: MergeInput, touched: readonly number[], bytes: number): Promise<string[]> {
  const perSort = Math.ceil(touched.length / Math.ceil(bytes / landingBytesPerSort))
  const selects = [sql.selectNewKeys(shape.columns)]
  for (let at = 0; at < touched.length; at += perSort)
    selects.push(sql.selectInFiles(shape.columns, touched.slice(at, at + perSort)))
  const paths: string[] = []
  for (const select of selects) {
    const file = await session.spill({ select, fieldIds: new Map(), rowGroupRows: rowsAtOnce })
    if (file !== null) paths.push(file.scratchFile)
  }
  return paths
}

const landingBytesPerSort = 64e6
/** What is read for one file holds at most twice so many rows of its neighbours. */
const rowsAtOnce = 20_480
