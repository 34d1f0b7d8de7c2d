import type { SpilledFile } from '../engine/engine.ts'
import { totalBytes } from '../sum.ts'
import type { MergeInput } from './merge-input.ts'
import { deleteUnchanged, insertUnchanged } from './splice-sql.ts'
import * as sql from './sql.ts'

export type NewRows = {
  /** Takes out what equals the row that it would replace, as the tables `compared` and `differences` say. */
  readonly dropUnchanged: () => Promise<void>
  /** A relation that holds the new rows of these files (null: of new keys), and no more than it has to of the others. */
  readonly of: (files: readonly (number | null)[]) => string
}

/**
 * Makes `new_rows`, of which the rows of one file after the other are read. Those of a large batch would take most of the memory, and would all be looked at
 * for each file: they are written to the disk, those of each file apart, or of neighbours together and in their order.
 */
export async function createNewRows(input: MergeInput, touched: readonly number[]): Promise<NewRows> {
  const { session, shape, batch, costs } = input
  const bytes = totalBytes(batch.files.map(({ file }) => file))
  const spilled = bytes > costs.newRowsInMemoryMax ? await spill(input, touched) : null
  const paths = [...(spilled?.parts.values() ?? [])].flat()
  if (spilled === null || paths.length === 0) {
    await session.run(sql.createNewRows(shape.columns))
    return { dropUnchanged: () => session.run(deleteUnchanged()), of: () => 'new_rows' }
  }
  await session.run(sql.createUnchanged())
  await session.run(sql.createNewRowsOf(paths))
  return {
    dropUnchanged: () => session.run(insertUnchanged()),
    of(files) {
      const parts = new Set(files.map(spilled.partOf))
      const some = [...parts].flatMap((part) => spilled.parts.get(part) ?? [])
      return some.length === 0 ? '(from new_rows where false)' : `(${sql.selectSpilled(some)})`
    },
  }
}

type Spilled = {
  readonly partOf: (file: number | null) => string
  /** Part → the files on the disk that hold it. */
  readonly parts: ReadonlyMap<string, readonly string[]>
}

/** The landing files are read once more; of rows that share a part with those of other files, so is the part. */
async function spill({ session, shape, costs }: MergeInput, touched: readonly number[]): Promise<Spilled> {
  const inOrder = (select: string) => session.spill({ select, rowGroupRows: rowsAtOnce, apartBy: null })
  const newKeys = sql.partOfNewKeys
  if (touched.length === 0) {
    const written = await inOrder(sql.selectImages(shape.columns))
    return { partOf: () => newKeys, parts: new Map([[newKeys, pathsOf(written)]]) }
  }
  const perPart = Math.ceil(touched.length / costs.newRowsPartsMax)
  const numberOf = new Map(touched.map((number, at) => [number, Math.floor(at / perPart)]))
  const partOf = (file: number | null) => String((file === null ? undefined : numberOf.get(file)) ?? newKeys)
  const select = sql.selectInParts(shape.columns, numberOf)
  const apart = await session.spill({ select, rowGroupRows: rowsAtOnce, apartBy: 'part' })
  const parts = new Map<string, readonly string[]>()
  for (const part of new Set(apart.map((file) => file.apart ?? newKeys))) {
    const written = pathsOf(apart.filter((file) => (file.apart ?? newKeys) === part))
    parts.set(part, perPart === 1 || part === newKeys ? written : pathsOf(await inOrder(sql.selectInFiles(written))))
  }
  return { partOf, parts }
}

const pathsOf = (files: readonly SpilledFile[]) => files.map(({ scratchFile }) => scratchFile)

/** What is read for one file holds at most twice so many rows of its neighbours. */
const rowsAtOnce = 10_240
