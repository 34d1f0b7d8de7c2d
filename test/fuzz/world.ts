import { createHash } from 'node:crypto'
import { link, lstat, mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ulid } from 'ulid'
import { systemClock } from '../../src/clock.ts'
import { runCycle } from '../../src/controller/run-cycle.ts'
import { type TableVerdict, verifyTables } from '../../src/controller/verify-tables.ts'
import { type TableId, tableName } from '../../src/domain.ts'
import { duckdbEngine } from '../../src/engine/duckdb-engine.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { defaultWriteCosts } from '../../src/load-incremental/choose-write.ts'
import { fileObjects } from '../../src/objects/file-objects.ts'
import { memoryObjects } from '../../src/objects/memory-objects.ts'
import { listAll, type ObjectStore } from '../../src/objects/object-store.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { fileState } from '../../src/state/file-state.ts'
import { processHolder } from '../../src/state/holder.ts'
import { memoryState, type RowTexts } from '../../src/state/memory-state.ts'
import { newRow } from '../../src/state/row.ts'
import type { StateRow } from '../../src/state/state-store.ts'
import { plantedFiles } from './planted.ts'

export type StoreKind = 'file' | 'memory'

/** A landing, a lake and a state inside a folder full of canaries; what a case does to them, and everything that is said meanwhile. */
export type World = {
  readonly kind: StoreKind
  /** Everything of the case is in here; only `landing`, `lake`, `state` and `work` below it may change. */
  readonly root: string
  readonly landing: string
  readonly lake: string
  readonly state: string
  readonly ports: Ports
  /** What went to the log, as JSON lines. */
  readonly said: string[]
  land(key: string, body: Uint8Array | string): Promise<void>
  unland(key: string): Promise<void>
  writeRow(id: TableId, text: string): Promise<void>
  readRow(id: TableId): Promise<StateRow>
  /** A row as discovery registers it, active and with a key. */
  activate(id: TableId, more?: StateRow): Promise<void>
  run(): Promise<readonly TableReport[]>
  verify(): Promise<readonly TableVerdict[]>
  /** Keys of the lake below a prefix. */
  lakeKeys(prefix: string): Promise<readonly string[]>
  /** Ends it, to be begun from again. */
  keep(): Promise<Base>
  close(): Promise<void>
}

type Bodies = readonly (readonly [string, Uint8Array])[]
export type Base = {
  readonly folder: string
  readonly rows: readonly [string, RowTexts extends Map<string, infer T> ? T : never][]
  readonly landing: Bodies
  readonly lake: Bodies
}

/** The engine's memory in a case; the watchdog's limit for the whole process is in fuzz.ts. */
export const engineBytes = 256e6

/**
 * A world, from the start or as `base` left one: of the same process and kind, whose folders stand at the same place, for rows hold
 * absolute paths. Files are hard links to the base's: nothing may write into one, only replace it.
 */
export async function openWorld(kind: StoreKind, base?: Base): Promise<World> {
  const root = join(tmpdir(), `dmscdc-fuzz-${String(process.pid)}`, 'world')
  await rm(root, { recursive: true, force: true })
  const [landing, lake, state, work] = ['landing', 'lake', 'state', 'work'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ]
  if (base === undefined) await plant(root, [landing, lake, state, work])
  else await linkTree(base.folder, root)
  const scratchDir = join(work, 'scratch')
  await mkdir(scratchDir, { recursive: true })
  const memory = (place: string) => memoryObjects({ now: Date.now, scratchDir, place })
  const stores = {
    landing: kind === 'file' ? fileObjects(landing) : memory('landing-bucket/in/'),
    lake: kind === 'file' ? fileObjects(lake) : memory('lake-bucket/out/'),
  }
  const rows: RowTexts = new Map(base?.rows)
  for (const [key, body] of base?.landing ?? []) await stores.landing.put(key, body, { kind: 'any' })
  for (const [key, body] of base?.lake ?? []) await stores.lake.put(key, body, { kind: 'any' })
  const said: string[] = []
  const say = (fields: object, message: string) => said.push(JSON.stringify(fields), message)
  let engine: Promise<Engine> | null = null
  const ports: Ports = {
    ...stores,
    state:
      kind === 'file'
        ? fileState({ dir: state, landingPlace: stores.landing.place })
        : memoryState({ landingPlace: stores.landing.place, rows }),
    catalog: null,
    engine: () => {
      const readable = kind === 'file' ? [landing, lake] : [scratchDir]
      engine ??= duckdbEngine({ memoryBytes: engineBytes, threads: 1, temp: work, readable })
      return engine
    },
    clock: systemClock,
    log: { debug: say, info: say, warn: say },
    newId: () => ulid(),
    holder: processHolder(),
    batchBytesMax: engineBytes / 2,
    writeCosts: defaultWriteCosts,
  }
  const rowPath = ({ schema, table }: TableId) => join(state, schema, `${table}.json`)
  const writeRow = async (id: TableId, text: string) => {
    if (kind === 'memory') return void rows.set(tableName(id), { id, text })
    await mkdir(dirname(rowPath(id)), { recursive: true })
    await rm(rowPath(id), { force: true })
    await writeFile(rowPath(id), text)
  }
  return {
    kind,
    root,
    landing,
    lake,
    state,
    ports,
    said,
    async land(key, body) {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      if (kind === 'memory') return void (await stores.landing.put(key, bytes, { kind: 'any' }))
      await mkdir(dirname(join(landing, key)), { recursive: true })
      await rm(join(landing, key), { force: true })
      await writeFile(join(landing, key), bytes)
    },
    async unland(key) {
      if (kind === 'memory') await stores.landing.deleteMany([key])
      else await rm(join(landing, key), { force: true })
    },
    writeRow,
    async readRow(id) {
      return ((await ports.state.get(id))?.row ?? {}) as StateRow
    },
    async activate(id, more = {}) {
      const row = newRow(id, { landingPlace: stores.landing.place, lakePlace: stores.lake.place })
      await writeRow(id, JSON.stringify({ ...row, ActiveFlag: 'true', PrimaryKey: 'id', ...more }))
    },
    run: async () => (await runCycle(ports, { tables: [], concurrency: 2 })).tables,
    verify: () => verifyTables(ports, []),
    lakeKeys: (prefix) => keysOf(stores.lake, prefix),
    async keep(): Promise<Base> {
      await (await engine)?.close()
      const folder = `${root}-of-${kind}`
      await rename(root, folder)
      const all = kind === 'file' ? [] : [await bodiesOf(stores.landing), await bodiesOf(stores.lake)]
      return { folder, rows: [...rows], landing: all[0] ?? [], lake: all[1] ?? [] }
    },
    async close() {
      await (await engine)?.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function plant(root: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) await mkdir(folder, { recursive: true })
  for (const [path, body] of await plantedFiles()) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), body)
  }
}

async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    await (entry.isDirectory() ? linkTree(source, target) : link(source, target))
  }
}

async function bodiesOf(store: ObjectStore): Promise<Bodies> {
  const keys = await keysOf(store, '')
  return Promise.all(keys.map(async (key) => [key, (await store.get(key))?.body ?? new Uint8Array()] as const))
}

async function keysOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const page of listAll(store, { prefix })) keys.push(...page.objects.map(({ key }) => key))
  return keys
}

/** Every file of the world that no run may touch, with its content: the landing, and all that is none of the four folders. */
export async function fingerprint({ root }: World): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const visit = async (folder: Buffer, below: string): Promise<void> => {
    for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true })) {
      const place = `${below}${entry.name.toString('latin1')}`
      if (['lake', 'state', 'work'].includes(place)) continue
      const path = Buffer.concat([folder, Buffer.from('/'), entry.name])
      if (entry.isDirectory()) await visit(path, `${place}/`)
      else found.set(place, await contentOf(path))
    }
  }
  await visit(Buffer.from(root), '')
  return found
}

async function contentOf(path: Buffer): Promise<string> {
  const stats = await lstat(path)
  if (stats.isSymbolicLink()) return `link to ${await readlink(path)}`
  if (!stats.isFile()) return 'special'
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
