import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '../src/controller/run-cycle.ts'
import type { BenchOptions } from './bench.ts'
import type { Figure } from './figures.ts'
import { hashOf, listOf, parquet, writeBatch, writeLoad } from './files.ts'
import { type Measured, measure } from './process.ts'
import { copyByLinks, localPlace, pathsBelow } from './storage.ts'
import { ours, peers, type System } from './systems.ts'
import { type Batch, batches, expectedRows, type TableKind, tableKinds } from './workload.ts'

type Run = {
  readonly options: BenchOptions
  readonly folder: string
  readonly take: (figure: Figure) => void
  readonly wanted: (name: string) => boolean
  readonly systems: readonly System[]
}

/** The batches on this disk: systems take turns, each on a fresh copy of its own loaded table, and all must hold the same rows in the end. */
export async function runWorkload(options: BenchOptions, take: (figure: Figure) => void): Promise<void> {
  const folder = mkdtempSync(join(options.folder, 'dmscdc-bench-'))
  const wanted = (name: string) => options.case === undefined || options.case.includes(name)
  const systems = [ours(options.memory), ...(await peers(options.peer))]
  try {
    for (const kind of tableKinds) await runTable({ options, folder, take, wanted, systems }, kind)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runTable(run: Run, kind: TableKind): Promise<void> {
  const { wanted } = run
  const due = batches.filter(
    ({ name, table, onDemand }) =>
      (table ?? 'wide') === kind.name &&
      !(onDemand && run.options.case === undefined) &&
      (wanted(name) || wanted(`again-${name}`)),
  )
  const whole = kind.name === 'wide' && (wanted('initial') || wanted('floor'))
  if (due.length === 0 && !whole) return
  const folder = join(run.folder, kind.name)
  const rows = Math.round((run.options.rows * kind.share) / 1000)
  const load = await writeLoad(join(folder, 'load'), kind, rows)
  await loadTables({ ...run, folder }, kind, load)
  for (const one of due) {
    const batch = one.ofRows === undefined ? one : { ...one, changes: Math.round(rows * one.ofRows) }
    await runBatch({ ...run, folder }, { kind, batch, rows, load })
  }
  rmSync(folder, { recursive: true })
}

/** The loaded table of each system, in `<folder>/<system>.base`; each run begins with a copy of it. The floors take turns with the loads. */
async function loadTables({ options, folder, take, wanted, systems }: Run, kind: TableKind, load: readonly string[]) {
  const isWide = kind.name === 'wide'
  const floors = isWide && wanted('floor') ? floorsOf(folder, load) : []
  const loads = systems.map((system) => ({
    case: 'initial',
    name: system.name,
    isCounted: isWide && wanted('initial'),
    measure: (place: string) => system.load(localPlace(place), kind, load),
    files: (place: string) => system.files(localPlace(place)),
  }))
  const figures = new Map<string, Measured[]>()
  for (let run = 0; run < options.runs; run++)
    for (const one of [...floors, ...loads]) {
      if (run > 0 && !one.isCounted) continue
      const place = join(folder, one.name)
      rmSync(place, { recursive: true, force: true })
      figures.set(one.name, [...(figures.get(one.name) ?? []), await one.measure(place)])
    }
  for (const one of [...floors, ...loads]) {
    const files = await one.files(join(folder, one.name))
    const newBytes = files.reduce((total, path) => total + statSync(path).size, 0)
    const runs = figures.get(one.name) ?? []
    if (one.isCounted) take({ case: one.case, system: one.name, runs, newBytes, newFiles: files.length })
  }
  for (const { name } of floors) rmSync(join(folder, name), { recursive: true })
  for (const { name } of systems) copyByLinks(join(folder, name), join(folder, `${name}.base`))
}

/** What any rewrite of the whole table costs at least, and what its bytes alone do. */
function floorsOf(folder: string, load: readonly string[]) {
  const copyScript = fileURLToPath(new URL('duckdb-copy.mjs', import.meta.url))
  const floor = (name: string, measureInto: (place: string) => Promise<Measured>) => ({
    case: 'floor',
    name,
    isCounted: true,
    measure: measureInto,
    files: async (place: string) => pathsBelow(place),
  })
  return [
    floor('DuckDB COPY', (place) => measure(process.execPath, [copyScript, place, ...load])),
    floor('cp', (place) => measure('cp', ['-r', join(folder, 'load'), place])),
  ]
}

type Case = { readonly kind: TableKind; readonly batch: Batch; readonly rows: number; readonly load: readonly string[] }

async function runBatch(
  { options, folder, take, wanted, systems }: Run,
  { kind, batch, rows, load }: Case,
): Promise<void> {
  const changes = await writeBatch(join(folder, 'changes'), kind, batch, rows)
  const expected = await hashOf(kind, `(${expectedRows(kind, listOf(load), [listOf(changes)])})`)
  const figures = new Map<string, { runs: Measured[]; added: readonly number[] }>()
  const again: Measured[] = []
  for (let run = 0; run < options.runs; run++)
    for (const system of systems) {
      const root = join(folder, system.name)
      copyByLinks(`${root}.base`, root)
      const before = inodesBelow(root)
      const measured = await system.merge(localPlace(root), kind, changes, '20260101-00000000')
      const found = await hashOf(kind, parquet(await system.files(localPlace(root))))
      if (found !== expected) throw new Error(`${batch.name}: ${system.name} holds ${found}, expected ${expected}`)
      const runs = [...(figures.get(system.name)?.runs ?? []), measured]
      figures.set(system.name, { runs, added: newDataFiles(root, before) })
      if (system.name === 'dmscdc' && wanted(`again-${batch.name}`))
        again.push(await redeliver(system, root, kind, changes))
    }
  for (const [system, { runs, added }] of figures)
    take({
      case: batch.name,
      system,
      runs,
      newBytes: added.reduce((sum, size) => sum + size, 0),
      newFiles: added.length,
    })
  if (again.length > 0) take({ case: `again-${batch.name}`, system: 'dmscdc', runs: again, newBytes: 0, newFiles: 0 })
  rmSync(join(folder, 'changes'), { recursive: true })
}

/** The same batch once more, under later names: nothing may change. */
async function redeliver(system: System, root: string, kind: TableKind, changes: readonly string[]): Promise<Measured> {
  const measured = await system.merge(localPlace(root), kind, changes, '20260102-00000000')
  const [table] = (JSON.parse(measured.stdout) as RunReport).tables
  if (table?.filesAdded !== 0) throw new Error(`again: ${String(table?.filesAdded)} files were written, expected none`)
  return measured
}

const inodesBelow = (folder: string) => new Set(pathsBelow(folder).map((path) => statSync(path).ino))

/** Sizes of the data files that were not there before. */
function newDataFiles(folder: string, before: ReadonlySet<number>): readonly number[] {
  const data = pathsBelow(folder).filter((path) => path.endsWith('.parquet') && !/\/(?:landing|input)\//u.test(path))
  return data
    .map((path) => statSync(path))
    .filter(({ ino }) => !before.has(ino))
    .map(({ size }) => size)
}
