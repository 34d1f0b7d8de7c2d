import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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
  /** A deletion of several keys: deletes half of them. */
  readonly half?: () => Promise<void>
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

/** What can happen at one call of a port; all but `throttled`, `outage` and `lost-for-good` happen once. */
export const faultMeanings = {
  'die-before': 'the process ends before the call has its effect',
  'die-after': 'the process ends when the call has had its effect',
  refused: 'the call fails and certainly has no effect',
  throttled: 'the call and the next two of its port are refused',
  outage: 'the call and all later ones of its port are refused, until the run has ended',
  'lost-answer': 'the call has its effect, and fails',
  'lost-for-good':
    'the call has its effect, and fails, and so do all later calls about its key, until the run has ended',
  'half-done': 'a deletion of several keys deletes half of them, and fails',
  'cut-short': 'the body that is read ends half-way, and the answer says nothing of it',
  'late-next': 'the call fails, and has its effect after the next call',
  'late-end': 'the call fails, and has its effect when the run has ended',
  'late-commit':
    'the call and all later ones about its key fail; it has its effect when the next run is about to commit, or has ended',
  'late-run': 'the call fails, and has its effect when the next run has ended',
  slow: 'the call takes two minutes, in which the lease is renewed',
  stalled: 'the process stands still for two minutes before the call, and renews nothing',
  hangs: 'the call gives no answer within the deadline, and has its effect when the run has ended',
} as const

export type FaultKind = keyof typeof faultMeanings

/** Those that need no time of their own to come about. */
export const timelessFaults: readonly FaultKind[] = ['die-before', 'die-after', 'refused', 'lost-answer']

/** `at`: the number of the call, from 0, or the first call that it is true of. */
export type Fault = { readonly at: number | ((call: PortCall) => boolean); readonly kind: FaultKind }

/** What faults in time need: to let time pass, to make the process stand still, to know when its run has ended. */
export type FaultyTime = {
  readonly pass: (ms: number) => Promise<void>
  readonly stop: () => void
  readonly wake: () => void
  readonly ended: Promise<void>
}

export type FaultyRun = {
  readonly ports: Ports
  /** What the run has called so far, refused calls too. */
  readonly calls: readonly PortCall[]
  /** Whether the fault came about. */
  readonly struck: () => boolean
  /** The call that it came about at. */
  readonly struckCall: () => PortCall | null
  /** Lets the effects come about that are still on their way. */
  readonly arrive: () => Promise<void>
  /** Resolves when a process that hung for ever was given up. */
  readonly gone: Promise<void>
}

/** More than a lease lasts, and less than the deadline of a table. */
const standstillMs = 120_000
/** A table's deadline is between the two; then its run tidies up and ends, unless it waits where no deadline holds. */
const hangMs = [51 * 60_000, 3_600_000]
const tidyingMs = 50
const throttledCalls = 3

/** Ports for one run in which one call fails in one way; without a fault they only count. */
export function faultyPorts(ports: Ports, fault: Fault | null, time?: FaultyTime): FaultyRun {
  const calls: PortCall[] = []
  const underWay: (() => Promise<unknown>)[] = []
  let dead = false
  let struck: PortCall | null = null
  let refusals = 0
  let silent: PortCall | null = null
  let due: (() => Promise<unknown>) | null = null
  let giveUp = () => {}
  const gone = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  const isHit = (call: PortCall) =>
    fault !== null && !struck && (typeof fault.at === 'number' ? calls.length - 1 === fault.at : fault.at(call))
  const standing = () => {
    if (time === undefined) throw new Error('faults in time need a time')
    return time
  }
  const strike = async <T>(kind: FaultKind, call: PortCall, proceed: () => Promise<T>): Promise<T> => {
    switch (kind) {
      case 'die-before':
        dead = true
        throw processEnded()
      case 'die-after':
        dead = true
        await proceed()
        throw processEnded()
      case 'refused':
        throw unavailable(call, { maybeApplied: false })
      case 'throttled':
        refusals = throttledCalls - 1
        throw unavailable(call, { maybeApplied: false })
      case 'outage':
        refusals = Number.POSITIVE_INFINITY
        throw unavailable(call, { maybeApplied: false })
      case 'lost-answer':
        await proceed()
        throw unavailable(call, { maybeApplied: call.writes })
      case 'lost-for-good':
        await proceed()
        silent = call
        throw unavailable(call, { maybeApplied: true })
      case 'half-done':
        await call.half?.()
        throw unavailable(call, { maybeApplied: true })
      case 'cut-short':
        return cutShort(await proceed())
      case 'late-next':
        due = proceed
        throw unavailable(call, { maybeApplied: true })
      case 'late-commit':
        silent = call
        underWay.push(proceed)
        throw unavailable(call, { maybeApplied: true })
      case 'late-end':
      case 'late-run':
        underWay.push(proceed)
        throw unavailable(call, { maybeApplied: true })
      case 'slow':
        await standing().pass(standstillMs)
        return proceed()
      case 'stalled':
        standing().stop()
        await standing().pass(standstillMs)
        standing().wake()
        return proceed()
      case 'hangs':
        underWay.push(proceed)
        await hang(standing())
        dead = true
        giveUp()
        throw processEnded()
    }
  }
  const intercept: Intercept = async (call, proceed) => {
    if (dead) throw processEnded()
    calls.push(call)
    if (isHit(call)) {
      struck = call
      return strike((fault as Fault).kind, call, proceed)
    }
    if (call.port === silent?.port && call.target === silent.target)
      throw unavailable(call, { maybeApplied: call.writes })
    if (refusals > 0 && call.port === struck?.port) {
      refusals--
      throw unavailable(call, { maybeApplied: false })
    }
    try {
      return answerOrDeath(await proceed(), () => dead)
    } finally {
      const arriving = due
      due = null
      await arriving?.()
    }
  }
  return {
    ports: interceptPorts(ports, intercept),
    calls,
    struck: () => struck !== null,
    struckCall: () => struck,
    async arrive() {
      for (const effect of underWay.splice(0)) await effect()
    },
    gone,
  }
}

async function hang({ pass, ended }: FaultyTime): Promise<void> {
  for (const ms of hangMs) {
    await pass(ms)
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, tidyingMs))])
  }
}

/** The faults that make a difference at a call: one that only reads has no effect that could come before, after or late. */
export function faultKinds({ writes, verb, half, port }: PortCall): readonly FaultKind[] {
  if (!writes)
    return [
      'die-before',
      'refused',
      'throttled',
      'outage',
      ...(port !== 'state' && (verb === 'get' || verb === 'fetch') ? (['cut-short'] as const) : []),
      'slow',
      'stalled',
      'hangs',
    ]
  const all = [
    'die-before',
    'die-after',
    'refused',
    'throttled',
    'outage',
    'lost-answer',
    'lost-for-good',
    'late-next',
    'late-end',
    'late-commit',
    'late-run',
    'slow',
    'stalled',
    'hangs',
  ] as const
  return half === undefined ? all : [...all, 'half-done']
}

/** A get's or a fetch's answer with half of its body. */
function cutShort<T>(answer: T): T {
  if (typeof answer !== 'object' || answer === null) return answer
  if ('body' in answer && answer.body instanceof Uint8Array)
    return { ...answer, body: answer.body.slice(0, answer.body.length / 2) }
  if (!('path' in answer && typeof answer.path === 'string')) return answer
  const half = readFileSync(answer.path)
  const cut = half.subarray(0, half.length / 2)
  const sha256 = createHash('sha256').update(cut).digest('hex')
  const path = join(dirname(answer.path), sha256)
  writeFileSync(path, cut)
  return { ...answer, path, sha256: async () => sha256 }
}

/** A process of this test as leases see it: alive until it is ended. Knows of others only those of its own host. */
export function startTestProcess(host = 'test-host'): { readonly holder: Holder; readonly end: () => void } {
  const pid = ++lastPid
  alivePids.add(pid)
  return {
    holder: {
      self: { host, pid, processStartedMs: pid },
      probe: async (lease) => (lease.host !== host ? 'unknown' : alivePids.has(lease.pid) ? 'alive' : 'dead'),
    },
    end: () => alivePids.delete(pid),
  }
}

/** Does work as a process of its own, which has ended when the work has. */
export async function asProcess(ports: Ports, work: (ports: Ports) => Promise<unknown>): Promise<void> {
  const { holder, end } = startTestProcess()
  await work({ ...ports, holder }).finally(end)
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
    deleteMany: (keys) => {
      const half = () => store.deleteMany(keys.slice(0, keys.length / 2))
      const call = { ...writes('delete', keys[0] ?? ''), ...(keys.length > 1 ? { half } : {}) }
      return intercept(call, () => store.deleteMany(keys))
    },
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
