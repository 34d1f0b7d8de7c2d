import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RunReport } from '../src/controller/run-cycle.ts'
import type { BenchOptions } from './bench.ts'
import { megabytes } from './figures.ts'
import { writeBatch, writeLoad } from './files.ts'
import { measureIdleTables } from './idle.ts'
import { type Measured, measure } from './process.ts'
import { localPlace } from './storage.ts'
import { environment, launcher, ours, run } from './systems.ts'
import { type Batch, batches, type TableKind, tableKinds } from './workload.ts'

type Say = (line: string) => void

const tiny = batches[0] as Batch
const wide = tableKinds[0] as TableKind

/**
 * Each section varies one thing and keeps the others; a merge is 34 updates in one file. `keep` is given the lines of each section when
 * it has ended, under its title.
 */
export async function runGrowth(
  options: BenchOptions,
  say: Say,
  keep: (title: string, lines: readonly string[]) => void,
): Promise<void> {
  for (const { title, section } of chosen(options)) {
    const lines: string[] = []
    const both = (line: string) => {
      lines.push(line)
      say(line)
    }
    say(`\n## ${title}\n`)
    const folder = mkdtempSync(join(options.folder, 'dmscdc-bench-'))
    try {
      await section({ options, folder, say: both })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    keep(title, lines)
  }
}

const sections = {
  rows: { title: 'Rows of the table, one merge of 34 updates', section: byRows },
  files: { title: 'Change files of one batch, 34 updates each', section: byFiles },
  commits: {
    title: 'Commits of 34 changes anywhere in a table of at most 100,000 rows',
    section: (setting: Section) => byCommits(setting, { mixed: true }),
  },
  inserts: {
    title: 'Commits of 34 new rows for a table of at most 100,000',
    section: (setting: Section) => byCommits(setting, { mixed: false, isNew: true }),
  },
  tables: { title: 'Idle tables of one run', section: byTables },
  idle: { title: 'Idle tables of one run, on S3 and DynamoDB, beside bare LISTs', section: idleBesideLists },
} as const

export const sectionNames = Object.keys(sections)

const chosen = ({ case: names }: BenchOptions) =>
  Object.entries(sections).flatMap(([name, section]) => (names === undefined || names.includes(name) ? [section] : []))

type Section = { readonly options: BenchOptions; readonly folder: string; readonly say: Say }

async function byRows({ options, folder, say }: Section): Promise<void> {
  head(say, ['rows', ...runHead])
  for (const rows of [10_000, 100_000, 1_000_000, 10_000_000].filter((count) => count <= options.rows)) {
    const place = localPlace(join(folder, String(rows)))
    await ours(options.memory).load(place, wide, await writeLoad(join(folder, `load-${String(rows)}`), wide, rows))
    const changes = await writeBatch(join(folder, 'changes'), wide, tiny, rows)
    line(say, [
      rows.toLocaleString('en'),
      ...runCells(await ours(options.memory).merge(place, wide, changes, stamp(0))),
    ])
  }
}

async function byFiles({ options, folder, say }: Section): Promise<void> {
  head(say, ['files', ...runHead])
  const rows = Math.min(options.rows, 1_000_000)
  const place = localPlace(join(folder, 'table'))
  await ours(options.memory).load(place, wide, await writeLoad(join(folder, 'load'), wide, rows))
  let hour = 0
  for (const files of [1, 4, 16, 64]) {
    const batch = { ...tiny, name: `tiny-${String(files)}`, files, changes: tiny.changes * files }
    const changes = await writeBatch(join(folder, 'changes'), wide, batch, rows)
    line(say, [String(files), ...runCells(await ours(options.memory).merge(place, wide, changes, stamp(hour++)))])
  }
}

/** As many hours of a table's life, in one process a run. */
async function byCommits({ options, folder, say }: Section, kind: Pick<Batch, 'mixed' | 'isNew'>): Promise<void> {
  head(say, [
    'the run that makes commit',
    ...runHead,
    'data files',
    'bytes of the table',
    'bytes written since the load ÷ bytes of changes',
  ])
  const rows = Math.min(options.rows, 100_000)
  const place = localPlace(join(folder, 'table'))
  const system = ours(options.memory)
  await system.load(place, wide, await writeLoad(join(folder, 'load'), wide, rows))
  let [written, changed] = [0, 0]
  let recent: readonly Measured[] = []
  const shown = new Set([1, 10, 100, 300, 1000].filter((commit) => commit <= options.rows / 100))
  for (let commit = 1; commit <= Math.max(...shown); commit++) {
    const batch = { ...tiny, name: `hour-${String(commit)}`, ...kind, among: null }
    const inserted = await writeBatch(join(folder, 'changes'), wide, batch, rows + commit * tiny.changes)
    const measured = await system.merge(place, wide, inserted, stamp(commit))
    written += tableOf(measured)?.bytesWritten ?? 0
    changed += statSync(inserted[0] as string).size
    recent = [...recent.slice(1 - recentRuns), measured]
    if (!shown.has(commit)) continue
    const files = await place.parquetFiles('lake/bench/t')
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    line(say, [
      String(commit),
      ...runCells(medianOf(recent)),
      String(files.length),
      megabytes(bytes),
      (written / changed).toFixed(1),
    ])
  }
}

/** One run alone says little: shown is the one in the middle of so many, up to that commit. */
const recentRuns = 7

function medianOf(runs: readonly Measured[]): Measured {
  const sorted = [...runs].sort((a, b) => a.wallSeconds - b.wallSeconds)
  return sorted[Math.floor(sorted.length / 2)] as Measured
}

/** Idle tables: what an hour costs in which nothing happened. */
async function byTables({ options, folder, say }: Section): Promise<void> {
  head(say, ['tables', ...runHead])
  const [load] = await writeLoad(join(folder, 'load'), wide, 1_000)
  for (const tables of [1, 10, 100, 1_000].filter((count) => count <= options.rows / 100)) {
    const place = localPlace(join(folder, String(tables)))
    for (let table = 0; table < tables; table++)
      await place.put(load as string, `landing/bench/t${String(table)}/LOAD00000001.parquet`)
    await measure(process.execPath, [launcher, 'tables', '--json'], environment(place))
    await measure(process.execPath, [launcher, 'set', 'bench.*', '--active', '--primary-key', 'id'], environment(place))
    await run(place, options.memory)
    line(say, [String(tables), ...runCells(await run(place, options.memory))])
  }
}

/** On servers of this machine, both with eight requests under way. */
async function idleBesideLists({ options, folder, say }: Section): Promise<void> {
  head(say, [
    'tables',
    'requests',
    'wall s',
    'CPU s',
    'wall s of bare LISTs',
    'CPU s of bare LISTs',
    'wall ÷ that of bare LISTs',
  ])
  for (const tables of [100, 1_000].filter((count) => count <= options.rows / 100)) {
    const { requests, ours, bare } = await measureIdleTables(options, join(folder, String(tables)), tables)
    const ratio = (ours.wallSeconds / bare.wallSeconds).toFixed(2)
    const times = [ours.wallSeconds, ours.cpuSeconds, bare.wallSeconds, bare.cpuSeconds]
    line(say, [
      tables.toLocaleString('en'),
      requests.toLocaleString('en'),
      ...times.map((one) => one.toFixed(2)),
      ratio,
    ])
  }
}

const runHead = ['wall s', 'CPU s', 'peak memory', 'read', 'written', 'requests']

function runCells(measured: Measured): readonly string[] {
  const tables = (JSON.parse(measured.stdout) as RunReport).tables
  const sum = (of: (table: RunReport['tables'][number]) => number) => tables.reduce((total, one) => total + of(one), 0)
  return [
    measured.wallSeconds.toFixed(2),
    measured.cpuSeconds.toFixed(2),
    megabytes(measured.peakBytes),
    megabytes(sum(({ bytesRead }) => bytesRead)),
    megabytes(sum(({ bytesWritten }) => bytesWritten)),
    String(sum(({ requests }) => Object.values(requests).reduce((total, count) => total + count, 0))),
  ]
}

const tableOf = (measured: Measured) => (JSON.parse(measured.stdout) as RunReport).tables[0]

function head(say: Say, columns: readonly string[]): void {
  line(say, columns)
  line(
    say,
    columns.map(() => '---:'),
  )
}

function line(say: Say, cells: readonly string[]): void {
  say(`| ${cells.join(' | ')} |`)
}

/** Of the file that DMS writes in an hour, all but its last digit, which counts the files of a batch. */
const stamp = (hour: number) => {
  const [date = '', time = ''] = new Date(Date.UTC(2026, 0, 1, hour)).toISOString().slice(0, 13).split('T')
  return `${date.replaceAll('-', '')}-${time}000000`
}
