import type { WriteCosts } from '../costs.ts'
import type { EngineSession } from '../engine/engine.ts'
import type { OpenedDataFile } from '../lake/data-sql.ts'
import { type VerifyBytes, wholeOf } from '../lake/open-data.ts'
import { fileColumns, type TableShape } from '../lake/write-data.ts'
import { sum } from '../sum.ts'
import type { BegunProof } from './begun-proof.ts'
import { chooseWrite, type TouchedGroup, type WriteChoice } from './choose-write.ts'
import { readLayout, type SpliceLayout, spansOfGroups } from './splice-layout.ts'
import { createRowGroups, selectArrivals, selectGroupChanges, selectHitGroups } from './splice-sql.ts'

/** File number → how it can be spliced; a file that is not in it is written whole. */
export type Layouts = ReadonlyMap<number, SpliceLayout>

/** A row group in which keys of the batch stand: how many of them get a new image, and how many are deleted. */
export type HitGroup = { readonly f: number; readonly g: number; readonly images: number; readonly deletions: number }

/** Finds which of the touched files can be spliced, and which of their row groups are touched. Makes the table `row_groups`. */
export async function openLayouts(
  { session, shape }: { readonly session: EngineSession; readonly shape: TableShape },
  files: readonly OpenedDataFile[],
  verify: VerifyBytes,
): Promise<{ readonly layouts: Layouts; readonly hitGroups: readonly HitGroup[] }> {
  const layouts = new Map<number, SpliceLayout>()
  for (const opened of files) {
    const layout = await readLayout(session, shape, opened, verify)
    if (layout !== null) layouts.set(opened.number, layout)
  }
  const groups = [...layouts].flatMap(([f, layout]) =>
    layout.groups.map(({ rows }, g) => ({ f, g, first: layout.firstRows[g] ?? 0, rows })),
  )
  await session.run(createRowGroups(groups))
  const hit = layouts.size === 0 ? [] : await session.rows(selectHitGroups())
  const hitGroups = hit.map(({ f, g, images, deletions }) => ({
    f: Number(f),
    g: Number(g),
    images: Number(images),
    deletions: Number(deletions),
  }))
  return { layouts, hitGroups }
}

/** Has the bytes of touched row groups compared with their hashes, and all bytes of files that cannot be spliced. */
export function proveTouched(
  files: readonly OpenedDataFile[],
  { layouts, hitGroups }: { readonly layouts: Layouts; readonly hitGroups: readonly HitGroup[] },
  { prove }: BegunProof,
): void {
  for (const opened of files) {
    const layout = layouts.get(opened.number)
    const touched = hitGroups.filter(({ f }) => f === opened.number).map(({ g }) => g)
    prove(opened, layout === undefined ? [wholeOf(opened.file)] : spansOfGroups(layout, touched))
  }
}

export type Choices = {
  readonly choices: ReadonlyMap<number, WriteChoice>
  /** File number → the files from which rows come into it; null: of new keys. */
  readonly sources: ReadonlyMap<number, readonly (number | null)[]>
}

/** How each touched file is going to be written, once it is settled which row stands where. */
export async function chooseWrites(
  {
    session,
    shape,
    costs,
  }: { readonly session: EngineSession; readonly shape: TableShape; readonly costs: WriteCosts },
  { layouts, hitGroups }: { readonly layouts: Layouts; readonly hitGroups: readonly HitGroup[] },
  files: readonly OpenedDataFile[],
): Promise<Choices> {
  const columns = fileColumns(shape)
  // Of a row group in which a key is deleted it is known that it is written anew.
  const isOpen = hitGroups.some(({ deletions }) => deletions === 0)
  const changes = isOpen ? await session.rows(selectGroupChanges(columns)) : []
  const nameOf = (f: unknown, g: unknown) => `${String(f)} ${String(g)}`
  const deletionsOf = new Map(hitGroups.map(({ f, g, deletions }) => [nameOf(f, g), deletions]))
  const arriving = (await session.rows(selectArrivals())).map(({ f, came, arrivals }) => ({
    f: Number(f),
    came: came === null ? null : Number(came),
    arrivals: Number(arrivals),
  }))
  const into = (number: number) => arriving.filter(({ f }) => f === number)
  const changesOf = new Map(changes.map((row) => [nameOf(row.f, row.g), row]))
  const groupOf = (number: number, layout: SpliceLayout, at: number): TouchedGroup => {
    const group = layout.groups[at]
    const name = nameOf(number, at)
    const found = changesOf.get(name)
    const differs = columns.map(({ fieldId }) => found?.[`d${String(fieldId)}`] === true)
    return {
      at,
      rows: group?.rows ?? 0,
      chunkBytes: group?.chunks.map(({ bytes }) => bytes) ?? [],
      lost: Number(found?.moved ?? 0) + (deletionsOf.get(name) ?? 0),
      changed: [...differs.keys()].filter((column) => differs[column] || layout.missing.includes(column)),
    }
  }
  const choices = files.map(({ number, file }) => {
    const layout = layouts.get(number)
    const groups = layout === undefined ? [] : layout.groups.map((_, at) => groupOf(number, layout, at))
    const arrivals = sum(into(number).map((one) => one.arrivals))
    return [number, chooseWrite(costs, { ...file, groups, arrivals })] as const
  })
  const sources = files.map(({ number }) => [number, into(number).map(({ came }) => came)] as const)
  return { choices: new Map(choices), sources: new Map(sources) }
}
