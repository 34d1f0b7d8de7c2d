import type { Catalog } from '../../src/catalog/catalog.ts'
import { DmscdcError } from '../../src/errors.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import type { CatalogPort, Holder, Ports } from '../../src/ports.ts'
import type { StateStore } from '../../src/state/state-store.ts'

/** One call of a port, as a run makes it. */
export type PortCall = {
  readonly port: 'landing' | 'lake' | 'state' | 'catalog'
  readonly verb: string
  /** The first key, or the table. */
  readonly target: string
  readonly writes: boolean
}

/** Stands between a run and its ports: may wait, refuse, or do more before or after `proceed`, which makes the call. */
export type Intercept = <T>(call: PortCall, proceed: () => Promise<T>) => Promise<T>

/** The ports with every call of landing, lake, state and catalog going through `intercept`. */
export function interceptPorts(ports: Ports, intercept: Intercept): Ports {
  return {
    ...ports,
    landing: interceptObjects(ports.landing, 'landing', intercept),
    lake: interceptObjects(ports.lake, 'lake', intercept),
    state: interceptState(ports.state, intercept),
    catalog: ports.catalog && interceptCatalog(ports.catalog, intercept),
  }
}

/**
 * What happens at one call. `die-before`, `die-after`: the process ends before or after the call has its effect.
 * `refused`: the call fails and certainly has none. `lost-answer`: it has its effect, and fails. The last two happen once.
 */
export type FaultKind = 'die-before' | 'die-after' | 'refused' | 'lost-answer'
/** `at`: the number of the call, from 0, or the first call that it is true of. */
export type Fault = { readonly at: number | ((call: PortCall) => boolean); readonly kind: FaultKind }

export type FaultyRun = {
  readonly ports: Ports
  /** What the run has called so far, refused calls too. */
  readonly calls: readonly PortCall[]
  /** Whether the fault came about. */
  readonly struck: () => boolean
}

/** Ports for one run in which one call fails in one way; without a fault they only count. */
export function faultyPorts(ports: Ports, fault: Fault | null): FaultyRun {
  const calls: PortCall[] = []
  let dead = false
  let struck = false
  const isHit = (call: PortCall) =>
    fault !== null && !struck && (typeof fault.at === 'number' ? calls.length - 1 === fault.at : fault.at(call))
  const intercept: Intercept = async (call, proceed) => {
    if (dead) throw processEnded()
    calls.push(call)
    if (!isHit(call)) return answerOrDeath(await proceed(), () => dead)
    struck = true
    switch ((fault as Fault).kind) {
      case 'die-before':
        dead = true
        throw processEnded()
      case 'die-after':
        dead = true
        await proceed()
        throw processEnded()
      case 'refused':
        throw unavailable(call, { maybeApplied: false })
      case 'lost-answer':
        await proceed()
        throw unavailable(call, { maybeApplied: call.writes })
    }
  }
  return { ports: interceptPorts(ports, intercept), calls, struck: () => struck }
}

/** The faults that make a difference at a call: one that reads has no effect that could come before or after. */
export function faultKinds({ writes }: PortCall): readonly FaultKind[] {
  return writes ? ['die-before', 'die-after', 'refused', 'lost-answer'] : ['die-before', 'refused']
}

/** A process of this test as leases see it: alive until it is ended. Knows of others only those that began here. */
export function startTestProcess(): { readonly holder: Holder; readonly end: () => void } {
  const pid = ++lastPid
  alivePids.add(pid)
  return {
    holder: {
      self: { host: 'test-host', pid, processStartedMs: pid },
      probe: async (lease) => (alivePids.has(lease.pid) ? 'alive' : 'dead'),
    },
    end: () => alivePids.delete(pid),
  }
}

let lastPid = 0
const alivePids = new Set<number>()

/** A gate that calls wait at until it is opened; `reached` resolves when so many of them stand there. */
export function gate(expected: number) {
  let [arrive, open] = [() => {}, () => {}]
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  let waiting = 0
  return {
    reached,
    open: () => open(),
    async pass(): Promise<void> {
      waiting++
      if (waiting === expected) arrive()
      await opened
    },
  }
}

// ---- the ports ----------------------------------------------------------------------------------------------------

function interceptObjects(store: ObjectStore, port: 'landing' | 'lake', intercept: Intercept): ObjectStore {
  const reads = (verb: string, target: string) => ({ port, verb, target, writes: false })
  const writes = (verb: string, target: string) => ({ port, verb, target, writes: true })
  return {
    url: store.url,
    place: store.place,
    list: (options) => intercept(reads('list', options.prefix), () => store.list(options)),
    head: (key) => intercept(reads('head', key), () => store.head(key)),
    get: (key, range) => intercept(reads('get', key), () => store.get(key, range)),
    fetch: (key, options) => intercept(reads('fetch', key), () => store.fetch(key, options)),
    put: (key, body, condition) => intercept(writes('put', key), () => store.put(key, body, condition)),
    copy: (from, to) => intercept(writes('copy', to), () => store.copy(from, to)),
    putSpliced: (key, base, tail) => intercept(writes('putSpliced', key), () => store.putSpliced(key, base, tail)),
    deleteMany: (keys) => intercept(writes('delete', keys[0] ?? ''), () => store.deleteMany(keys)),
  }
}

function interceptState(state: StateStore, intercept: Intercept): StateStore {
  const call = (verb: string, table: string, options: { writes: boolean }): PortCall => {
    return { port: 'state', verb, target: table, ...options }
  }
  return {
    url: state.url,
    list: () => intercept(call('list', '', { writes: false }), () => state.list()),
    get: (id) => intercept(call('get', id.table, { writes: false }), () => state.get(id)),
    register: (id, row) => intercept(call('register', id.table, { writes: true }), () => state.register(id, row)),
    update: (id, change, condition) =>
      intercept(call('update', id.table, { writes: true }), () => state.update(id, change, condition)),
  }
}

function interceptCatalog({ database, open }: CatalogPort, intercept: Intercept): CatalogPort {
  const through = (catalog: Catalog): Catalog => {
    const call = (verb: keyof Catalog, { table }: { readonly table?: string }): PortCall => {
      return { port: 'catalog', verb, target: table ?? '', writes: verb !== 'getTable' && verb !== 'listPartitions' }
    }
    return {
      getTable: (name) => intercept(call('getTable', name), () => catalog.getTable(name)),
      createDatabase: (name) => intercept(call('createDatabase', {}), () => catalog.createDatabase(name)),
      createTable: (name, ...of) => intercept(call('createTable', name), () => catalog.createTable(name, ...of)),
      updateTable: (name, ...of) => intercept(call('updateTable', name), () => catalog.updateTable(name, ...of)),
      deleteTable: (name) => intercept(call('deleteTable', name), () => catalog.deleteTable(name)),
      listPartitions: (name) => intercept(call('listPartitions', name), () => catalog.listPartitions(name)),
      changePartitions: (name, ...of) =>
        intercept(call('changePartitions', name), () => catalog.changePartitions(name, ...of)),
    }
  }
  return { database, open: async () => through(await open()) }
}

/** A call that was under way when its process ended has its effect, but no one is left to see the answer. */
function answerOrDeath<T>(answer: T, isDead: () => boolean): T {
  if (isDead()) throw processEnded()
  return answer
}

function processEnded(): DmscdcError {
  return new DmscdcError('unavailable', 'test: this process has ended', { hint: 'none', maybeApplied: true })
}

function unavailable({ verb, target }: PortCall, options: { maybeApplied: boolean }): DmscdcError {
  return new DmscdcError('unavailable', `test: ${verb} ${target} failed`, { hint: 'run again', ...options })
}
