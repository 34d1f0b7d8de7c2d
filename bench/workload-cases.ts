import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '../src/controller/run-cycle.ts'
import type { BenchOptions } from './bench.ts'
import type { Figure } from './figures.ts'
import { hashOf, listOf, parquet, writeBatch, writeLoad } from './files.ts'
import { type Measured, measure } from './process.ts'
import { bytesBelow, copyByLinks, localPlace, pathsBelow } from './storage.ts'
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
  const { wanted, systems } = run
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
  if (kind.name === 'wide' && wanted('floor')) await floors({ ...run, folder }, load)
  for (const system of systems) await loadTable({ ...run, folder }, kind, system, load)
  for (const one of due) {
    const batch = one.ofRows === undefined ? one : { ...one, changes: Math.round(rows * one.ofRows) }
    await runBatch({ ...run, folder }, { kind, batch, rows, load })
  }
  rmSync(folder, { recursive: true })
}

/** The loaded table of a system, in `<folder>/<system>.base`; each run begins with a copy of it. */
async function loadTable(
  { options, folder, take, wanted }: Run,
  kind: TableKind,
  system: System,
  load: readonly string[],
) {
  const counted = kind.name === 'wide' && wanted('initial')
  const place = join(folder, system.name)
  const measured: Measured[] = []
  for (let run = 0; run < (counted ? options.runs : 1); run++) {
    rmSync(place, { recursive: true, force: true })
    measured.push(await system.load(localPlace(place), kind, load))
  }
  const files = await system.files(localPlace(place))
  const bytes = files.reduce((total, path) => total + statSync(path).size, 0)
  if (counted) take({ case: 'initial', system: system.name, runs: measured, newBytes: bytes, newFiles: files.length })
  copyByLinks(place, `${place}.base`)
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

/** What any rewrite of the whole table costs at least. */
async function floors({ options, folder, take }: Run, load: readonly string[]): Promise<void> {
  const [copies, bare]: [Measured[], Measured[]] = [[], []]
  const target = join(folder, 'floor')
  const copyScript = fileURLToPath(new URL('duckdb-copy.mjs', import.meta.url))
  for (let run = 0; run < options.runs; run++) {
    copies.push(await measure(process.execPath, [copyScript, target, ...load]))
    rmSync(target, { recursive: true })
    bare.push(await measure('cp', ['-r', join(folder, 'load'), target]))
    rmSync(target, { recursive: true })
  }
  const bytes = bytesBelow(join(folder, 'load'))
  take({ case: 'floor', system: 'DuckDB COPY', runs: copies, newBytes: bytes, newFiles: load.length })
  take({ case: 'floor', system: 'cp', runs: bare, newBytes: bytes, newFiles: load.length })
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
