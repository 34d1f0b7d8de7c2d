import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { TableId } from '../../src/domain.ts'
import { literal } from '../../src/engine/sql.ts'
import type { CatalogAtHand } from '../support/catalog-at-hand.ts'
import type { Lab } from '../support/lab.ts'
import { filesBelow } from '../support/lab-test.ts'

/** As the catalog calls `s.t`. */
export const catalogName = { database: 's', table: 't' }

/** What a run has come to, whatever way it took there: no version, no name of a data file. */
export type Outcome = {
  readonly rows: readonly string[]
  /** Summed over all commits: what is merged twice shows here even where it changes no row. */
  readonly changes: Readonly<Record<string, number>>
  readonly changeFilesTaken: unknown
  readonly cursor: unknown
  /** Those kept in mind: key and sequence value. */
  readonly deletions: readonly string[]
  /** Versions that the view's own log reaches, null without a view. */
  readonly view: 'follows the head' | null
  /** What the symlink manifests name, null without that view. */
  readonly manifests: 'the files of the head' | null
  /** Superseded files that are kept outside the table's folder. */
  readonly retained: number
  /** What the catalog says of the table, null where it has none. */
  readonly catalog: unknown
}

/**
 * Reads the lake by its log's JSON alone, and holds against each other: the log, the folder of data, the folder of our
 * own, the view and the state row.
 */
export async function readOutcome(lab: Lab, { schema, table }: TableId): Promise<Outcome> {
  const own = join(lab.lake, '_dmscdc', schema, table)
  const folder = join(lab.lake, schema, table)
  const log = await readLog(join(own, '_delta_log'))
  const inFolder = await filesBelow(folder)
  const data = inFolder.filter((key) => !/^(?:_delta_log|_symlink_format_manifest)\//u.test(key))
  const row = JSON.parse(await readFile(join(lab.state, schema, `${table}.json`), 'utf8')) as Record<string, unknown>
  const published: readonly unknown[] = Array.isArray(row.Published) ? row.Published : []
  const viewed = published.includes('delta') || published.includes('manifest')
  const cursor = log.progress.cursor === null ? '0.parquet' : log.progress.cursor
  const retained = await filesBelow(join(own, 'retained'))
  expect((await filesBelow(own)).filter((key) => !/^(?:_delta_log|retained)\//u.test(key))).toEqual(log.deleteFiles)
  expect(log.removed).toEqual(expect.arrayContaining(retained))
  expect(viewed ? data : [...data].sort()).toEqual(viewed ? expect.arrayContaining(log.live) : log.live)
  expect(row).toMatchObject({ Version: log.version, LastIncrementalFile: `${String(row.path)}${String(cursor)}` })
  return {
    rows: await readRows(lab, folder, log.live),
    changes: log.changes,
    changeFilesTaken: log.progress.changeFilesTaken,
    cursor: log.progress.cursor,
    deletions: await readDeletions(lab, own, log.deleteFiles),
    retained: retained.length,
    view: await readView({ own, folder, inFolder, version: log.version }, { viewed: published.includes('delta') }),
    catalog: (await catalogOf(lab)?.describe(catalogName)) ?? null,
    manifests: await readManifests({ folder, inFolder, live: log.live }, { viewed: published.includes('manifest') }),
  }
}

/** Labs of these tests have no other kind of catalog. */
export const catalogOf = ({ ports }: Lab) => ports.catalog as CatalogAtHand | null

type Action = { readonly [action: string]: { readonly [field: string]: unknown } | undefined }

async function readLog(folder: string) {
  const entries = (await filesBelow(folder)).filter((key) => /^\d{20}\.json$/u.test(key))
  const live = new Set<string>()
  const removed: string[] = []
  const changes: Record<string, number> = {}
  let progress: { readonly [field: string]: unknown } = {}
  expect(entries.map((key) => Number(key.slice(0, 20)))).toEqual(entries.map((_, version) => version))
  for (const entry of entries) {
    for (const line of (await readFile(join(folder, entry), 'utf8')).trimEnd().split('\n')) {
      const { add, remove, domainMetadata, commitInfo } = JSON.parse(line) as Action
      if (add !== undefined) live.add(decodeURIComponent(String(add.path)))
      if (remove !== undefined) removed.push(decodeURIComponent(String(remove.path)))
      if (remove !== undefined) live.delete(decodeURIComponent(String(remove.path)))
      if (domainMetadata?.domain === 'dmscdc.progress') progress = JSON.parse(String(domainMetadata.configuration))
      const receipt = commitInfo?.dmscdc as { readonly changes: Record<string, number> } | undefined
      for (const [kind, count] of Object.entries(receipt?.changes ?? {})) changes[kind] = (changes[kind] ?? 0) + count
    }
  }
  const remembered = progress.remembered as { readonly files: readonly { readonly name: string }[] } | undefined
  const deleteFiles = (remembered?.files ?? []).map(({ name }) => `deletes/${name}`).sort()
  return { version: entries.length - 1, live: [...live].sort(), removed, changes, progress, deleteFiles }
}

async function readDeletions(lab: Lab, own: string, files: readonly string[]): Promise<readonly string[]> {
  if (files.length === 0) return []
  const paths = files.map((key) => literal(join(own, key))).join(', ')
  const rows = await lab.sql(`select * exclude (ms) from read_parquet([${paths}])`)
  return rows.map((row) => JSON.stringify(row)).sort()
}

async function readRows(lab: Lab, folder: string, live: readonly string[]): Promise<readonly string[]> {
  if (live.length === 0) return []
  const files = live.map((path) => literal(join(folder, path))).join(', ')
  const rows = await lab.sql(
    `select * from read_parquet([${files}], hive_partitioning = true, hive_types_autocast = false, union_by_name = true)`,
  )
  return rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
}

/** The view's entries are the log's own to the byte, without a gap from where it begins to the head. */
async function readView(
  { own, folder, inFolder, version }: { own: string; folder: string; inFolder: readonly string[]; version: number },
  { viewed }: { viewed: boolean },
): Promise<Outcome['view']> {
  const keys = inFolder.filter((key) => key.startsWith('_delta_log/'))
  if (!viewed) {
    expect(keys).toEqual([])
    return null
  }
  const entries = keys.filter((key) => key.endsWith('.json'))
  const versions = entries.map((key) => Number(key.slice('_delta_log/'.length, -'.json'.length)))
  const checkpoints = keys.filter((key) => key.endsWith('.checkpoint.parquet')).map((key) => Number(key.slice(11, 31)))
  const begin = checkpoints.at(-1) ?? 0
  expect(versions).toEqual(expect.arrayContaining(Array.from({ length: version - begin + 1 }, (_, at) => begin + at)))
  for (const key of entries) expect(await readFile(join(folder, key))).toEqual(await readFile(join(own, key)))
  if (checkpoints.length > 0) expect(keys).toContain('_delta_log/_last_checkpoint')
  return 'follows the head'
}

/** Together they name each file of the head once, and each names files of its own folder. */
async function readManifests(
  { folder, inFolder, live }: { folder: string; inFolder: readonly string[]; live: readonly string[] },
  { viewed }: { viewed: boolean },
): Promise<Outcome['manifests']> {
  const keys = inFolder.filter((key) => key.startsWith('_symlink_format_manifest/'))
  if (!viewed) {
    expect(keys).toEqual([])
    return null
  }
  const named: string[] = []
  for (const key of keys) {
    const root = `file://${folder}/`
    const of = key.slice('_symlink_format_manifest/'.length, -'manifest'.length)
    for (const line of (await readFile(join(folder, key), 'utf8')).split('\n').filter((one) => one !== '')) {
      expect(line.slice(0, line.lastIndexOf('/') + 1)).toBe(`${root}${of}`)
      named.push(line.slice(root.length))
    }
  }
  expect(named.sort()).toEqual(live)
  return 'the files of the head'
}
