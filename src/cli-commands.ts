import { type ReconcileFlags, reconcileOnce, reconcileText } from './cli-reconcile.ts'
import { type CommonFlags, names, print, type TableFlags, withSystem } from './cli-system.ts'
import { compactTables } from './controller/compact-tables.ts'
import { replayFile, skipFile } from './controller/landing-commands.ts'
import { listTables } from './controller/list-tables.ts'
import { planTables } from './controller/plan-tables.ts'
import { restoreTable } from './controller/restore-table.ts'
import { requireTableName, setTables } from './controller/set-table.ts'
import { tableHistory } from './controller/table-history.ts'
import { verifyTables } from './controller/verify-tables.ts'
import { whyKey } from './controller/why-key.ts'
import { runDemo } from './demo.ts'
import { UsageError } from './errors.ts'
import type { Ports } from './ports.ts'
import { compactText, historyText, planText, restoredText, tablesText, verifyText } from './render.ts'
import { whyText } from './render-why.ts'
import { pickSetOptions, type SetOptions } from './state/row.ts'

/** What each command of the command line does with the flags that it was given: the result goes to stdout. */

type WhyFlags = CommonFlags & { readonly null?: string }
type RestoreFlags = CommonFlags & { readonly version: number; readonly keepProgress?: boolean }
type SetFlags = CommonFlags & SetOptions & { readonly inactive?: boolean }

export async function tables(flags: CommonFlags): Promise<void> {
  print(flags, { tables: await withPorts(flags, listTables) }, (result) => tablesText(result.tables))
}

export async function set(pattern: string, flags: SetFlags): Promise<void> {
  const options = setOptions(flags)
  const edited = await withPorts(flags, (ports) => setTables(ports, pattern, options))
  print(flags, { tables: edited }, () => edited.map((table) => `${table} is set`).join('\n'))
}

export async function plan(flags: TableFlags): Promise<void> {
  const planned = await withSystem(flags, ({ ports, dispatcherHere }) =>
    planTables(ports, names(flags), dispatcherHere),
  )
  print(flags, { tables: planned }, () => planText(planned))
}

export async function verify(flags: TableFlags): Promise<void> {
  const verdicts = await withPorts(flags, (ports) => verifyTables(ports, names(flags)))
  const ok = verdicts.every((table) => table.ok)
  print(flags, { ok, tables: verdicts }, () => verifyText(verdicts))
  if (!ok) process.exitCode = 1
}

export async function history(table: string, flags: CommonFlags): Promise<void> {
  const commits = await withPorts(flags, (ports) => tableHistory(ports, requireTableName(table)))
  print(flags, { table, commits }, () => historyText(commits))
}

export async function replay(table: string, flags: CommonFlags & { readonly from: string }): Promise<void> {
  const { from } = flags
  const version = await withPorts(flags, (ports) => replayFile(ports, requireTableName(table), from))
  print(flags, { table, from, version }, () => `${table} takes ${from} and what follows again at the next run`)
}

export async function why(table: string, key: readonly string[], flags: WhyFlags): Promise<void> {
  const values = key.map((text) => (text === flags.null ? null : text))
  print(flags, await withPorts(flags, (ports) => whyKey(ports, requireTableName(table), values)), whyText)
}

export async function restore(table: string, flags: RestoreFlags): Promise<void> {
  const asked = { version: flags.version, keepProgress: flags.keepProgress === true }
  const version = await withPorts(flags, (ports) => restoreTable(ports, requireTableName(table), asked))
  const result = { table, restored: asked.version, progressKept: asked.keepProgress, version }
  print(flags, result, () => restoredText(table, asked, version))
}

export async function skip(table: string, file: string, flags: CommonFlags & { readonly why: string }): Promise<void> {
  const version = await withPorts(flags, (ports) => skipFile(ports, requireTableName(table), file, flags.why))
  print(flags, { table, file, version }, () => `${table} passes over ${file} from version ${String(version)} on`)
}

export async function compact(
  names: readonly string[],
  flags: CommonFlags & { readonly clusterBy?: 'key' },
): Promise<void> {
  const asked = { clusterByKey: flags.clusterBy === 'key' }
  const compacted = await withPorts(flags, (ports) => compactTables(ports, names.map(requireTableName), asked))
  print(flags, { tables: compacted }, ({ tables: all }) => compactText(all))
  if (compacted.some(({ error }) => error !== null)) process.exitCode = 1
}

export async function reconcile(table: string, flags: ReconcileFlags): Promise<void> {
  const result = await reconcileOnce(flags, requireTableName(table))
  print(flags, result, reconcileText)
  if (!result.ok) process.exitCode = 1
}

export async function demo(flags: CommonFlags): Promise<void> {
  await runDemo(flags)
}

const withPorts = <T>(flags: CommonFlags, work: (ports: Ports) => Promise<T>) =>
  withSystem(flags, ({ ports }) => work(ports))

function setOptions(flags: SetFlags): SetOptions {
  const { inactive } = flags
  const { active, ...options } = pickSetOptions(flags)
  if (active && inactive) throw new UsageError('--active and --inactive exclude each other', 'dmscdc set --help')
  const flag = active ? { active: true } : inactive ? { active: false } : {}
  if (Object.keys(options).length === 0 && active === undefined && inactive === undefined)
    throw new UsageError('nothing to set', 'dmscdc set --help')
  return { ...options, ...flag }
}
