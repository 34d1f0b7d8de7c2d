import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WriteCosts } from '../../src/costs.ts'
import { silentLog } from '../../src/log.ts'
import { memoryObjects, type StoredObjects } from '../../src/objects/memory-objects.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import type { Ports } from '../../src/ports.ts'
import { memoryState, type RowTexts } from '../../src/state/memory-state.ts'
import { type CatalogAtHand, catalogAtHand } from '../support/catalog-at-hand.ts'
import { startTestProcess } from '../support/faulty-ports.ts'
import { eagerSplices } from '../support/lab.ts'
import type { RememberingEngine } from './remembering-engine.ts'
import { type ProcessClock, type VirtualTime, virtualTime } from './virtual-clock.ts'

/** The table of every scenario: `s.t`. */
export const id = { schema: 's', table: 't' }
/** As the catalog calls it. */
export const catalogName = { database: 's', table: 't' }

/** What lasts of a world: what its stores hold, and what time it is. */
export type Image = {
  readonly landing: StoredObjects
  readonly lake: StoredObjects
  readonly rows: RowTexts
  readonly catalog: CatalogAtHand
  readonly nowMs: number
  /** Of processes without a name. */
  readonly started: number
}

/** A landing, a lake, a state and a catalog in memory, and a time of their own, in which processes come and go. */
export type World = Image & {
  readonly time: VirtualTime
  /** Ports of no process in particular: what an operator or a check uses. */
  readonly ports: Ports
  /** A process with ports of its own. `name`, which no other has, makes the ids that it gives unlike those of others. */
  start(name: string, options?: { readonly host?: string }): TestProcess
  /** A copy, to begin worlds from. */
  keep(): Promise<Image>
}

export type TestProcess = {
  readonly ports: Ports
  readonly clock: ProcessClock
  /** From now on others find it dead. */
  end(): void
}

export type WorldOptions = {
  readonly engine: RememberingEngine
  readonly scratch: string
  /** How files are chosen to be written; by default what can be spliced is. */
  readonly writeCosts?: WriteCosts
  /** Told after everything that changed the lake or the catalog, with what was done. */
  readonly onChange?: (world: World, what: string) => Promise<void>
}

/** Every file is a batch. */
const batchBytesMax = 1

export async function openWorld(options: WorldOptions, image: Image = emptyImage()): Promise<World> {
  const time = virtualTime(image.nowMs)
  const landing = new Map(image.landing)
  const lake = new Map(image.lake)
  let { started } = image
  const rows: RowTexts = new Map(image.rows)
  const catalog = await image.catalog.copy(catalogName)
  const store = (place: string, objects: StoredObjects) => memoryStore({ ...options, place, objects, now: time.nowMs })
  const lakeStore = store('lake-bucket/', lake)
  const landingStore = store('landing-bucket/', landing)
  const stateStore = memoryState({ landingPlace: landingStore.place, rows })
  const portsOf = (name: string, clock: ProcessClock): Omit<Ports, 'holder'> => ({
    landing: landingStore,
    lake: telling(lakeStore, async (what) => options.onChange?.(world, what)),
    state: stateStore,
    catalog,
    engine: async () => options.engine,
    clock,
    log: silentLog,
    newId: ids(name),
    batchBytesMax,
    writeCosts: options.writeCosts ?? eagerSplices,
  })
  const start: World['start'] = (name, { host } = {}) => {
    const clock = time.openClock()
    const { holder, end } = startTestProcess(host)
    const stop = () => {
      end()
      clock.stop()
    }
    return { ports: { ...portsOf(name, clock), holder }, clock, end: stop }
  }
  const world: World = {
    landing,
    lake,
    rows,
    catalog,
    time,
    get nowMs() {
      return time.nowMs()
    },
    get started() {
      return started
    },
    get ports() {
      return start(`z${String(++started)}`).ports
    },
    start,
    keep: async () => ({
      landing: new Map(landing),
      lake: new Map(lake),
      rows: new Map(rows),
      catalog: await catalog.copy(catalogName),
      nowMs: time.nowMs(),
      started,
    }),
  }
  return world
}

const startMs = Date.UTC(2026, 0, 1)

function emptyImage(): Image {
  return { landing: new Map(), lake: new Map(), rows: new Map(), catalog: catalogAtHand(), nowMs: startMs, started: 0 }
}

function ids(name: string): () => string {
  let given = 0
  return () => `${name}-${String(++given).padStart(4, '0')}`
}

/** Copies for the engine are named by their content and stay: a bucket in memory costs no file twice. */
function memoryStore(options: {
  readonly engine: RememberingEngine
  readonly scratch: string
  readonly place: string
  readonly objects: StoredObjects
  readonly now: () => number
}): ObjectStore {
  const { engine, scratch, objects } = options
  const store = memoryObjects({ ...options, scratchDir: scratch })
  return {
    ...store,
    put: async (key, body, condition) =>
      store.put(key, body instanceof Uint8Array ? body : await engine.bytesOf(body.scratchFile), condition),
    async putSpliced(key, base, tail) {
      const body = await tail
      if (body === null) return 'dropped'
      return store.putSpliced(key, base, body instanceof Uint8Array ? body : await engine.bytesOf(body.scratchFile))
    },
    async fetch(key, asked = {}) {
      const found = objects.get(key)
      if (found === undefined) return null
      const sha256 = asked.sha256 ? async () => sha256Of(found.body) : null
      return { path: localCopy(scratch, found.body), etag: found.info.etag, sha256, release: async () => {} }
    },
  }
}

/** A file with these bytes, named by them. */
export function localCopy(scratch: string, body: Uint8Array): string {
  const path = join(scratch, sha256Of(body))
  if (!written.has(path)) writeFileSync(path, body)
  written.add(path)
  return path
}

const written = new Set<string>()

const hashes = new WeakMap<Uint8Array, string>()

export function sha256Of(body: Uint8Array): string {
  const known = hashes.get(body)
  if (known !== undefined) return known
  const hash = createHash('sha256').update(body).digest('hex')
  hashes.set(body, hash)
  return hash
}

function telling(store: ObjectStore, tell: (what: string) => Promise<void>): ObjectStore {
  const told = async <T>(what: string, effect: () => Promise<T>): Promise<T> => {
    const answer = await effect()
    await tell(what)
    return answer
  }
  return {
    ...store,
    put: (key, body, condition) => told(`put ${key}`, () => store.put(key, body, condition)),
    copy: (from, to) => told(`copy ${to}`, () => store.copy(from, to)),
    putSpliced: (key, base, tail) => told(`put ${key}`, () => store.putSpliced(key, base, tail)),
    deleteMany: (keys) => told(`delete ${keys.join(' ')}`, () => store.deleteMany(keys)),
  }
}
