import { systemClock } from '../../src/clock.ts'
import { DmscdcError } from '../../src/errors.ts'
import { defaultWriteCosts } from '../../src/load-incremental/choose-write.ts'
import type { Log } from '../../src/log.ts'
import type { ObjectInfo, ObjectStore, PutBody } from '../../src/objects/object-store.ts'
import type { Ports } from '../../src/ports.ts'
import { processTable } from '../../src/process-table/process-table.ts'
import { workUntilIdle } from '../../src/process-table/work.ts'
import type { Liveness } from '../../src/state/lease.ts'
import type { StateRow, StateStore } from '../../src/state/state-store.ts'
import { pretendToMerge } from './pretended-work.ts'
import { type Call, etagOf, type Found, type Value } from './world.ts'

/** What happens to a run: one of its calls comes back, or its timer for the renewal of the lease fires. */
export type Happening =
  | { readonly kind: 'answer'; readonly at: number; readonly value: Value }
  /** `maybeApplied` as a store would say it. */
  | { readonly kind: 'failure'; readonly at: number; readonly maybeApplied: boolean }
  | { readonly kind: 'renewal' }

export type Setting = {
  readonly landing: ObjectStore
  readonly id: { readonly schema: string; readonly table: string }
  /** The name of the run, with which all its ids begin, and its process. */
  readonly name: string
  readonly pid: number
}

export type Outcome = { readonly status: string; readonly error: string | null }

/** A run in the midst of its work: the code itself, waiting for what it asked. */
export type Instance = {
  /** By their number: the calls that it waits for. */
  readonly waiting: ReadonlyMap<number, Call>
  /** The versions that it says it has committed. */
  readonly committed: readonly number[]
  readonly renews: () => boolean
  readonly outcome: () => Outcome | null
  /** Lets something happen at a time, and the run go on until it waits again. */
  readonly happen: (what: Happening, nowMs: number) => Promise<void>
}

export const placeOfLanding = 'landing/'
const placeOfLake = 'lake/'

/**
 * A run of the real code (`processTable`: lease, finish, decide, commit, sweep, mirror) over ports that answer nothing by
 * themselves. All it knows of the world it was answered, so the same answers in the same order always lead to the same state.
 */
export async function startInstance(setting: Setting, startMs: number): Promise<Instance> {
  let nowMs = startMs
  let outcome: Outcome | null = null
  let calls = 0
  let ids = 0
  let renewal: (() => Promise<void>) | null = null
  const waiting = new Map<number, Call>()
  const committed: number[] = []
  const settle = new Map<number, { resolve: (value: Value) => void; reject: (error: Error) => void }>()
  const ask = (call: Call) =>
    new Promise<Value>((resolve, reject) => {
      waiting.set(calls, call)
      settle.set(calls++, { resolve, reject })
    })
  const clock: Ports['clock'] = {
    ...systemClock,
    nowMs: () => nowMs,
    sleep: async (ms) => {
      await ask({ verb: 'sleep', ms })
    },
    every: (_, task) => {
      let underWay: Promise<void> | null = null
      renewal = () => {
        underWay ??= task()
          .catch(() => {})
          .finally(() => {
            underWay = null
          })
        return underWay
      }
      return async () => {
        renewal = null
        await underWay
      }
    },
  }
  const ports: Ports = {
    landing: setting.landing,
    lake: askedObjects(ask),
    state: askedState(ask, setting),
    catalog: null,
    engine: async () => ({ openSession: async () => noSession, close: async () => {} }),
    clock,
    log: listening((version) => committed.push(version)),
    newId: () => `${setting.name}${String(++ids)}`,
    holder: {
      self: { host: 'host', pid: setting.pid, processStartedMs: 0 },
      probe: async ({ pid }) => (await ask({ verb: 'probe', pid })) as Liveness,
    },
    batchBytesMax: 1,
    writeCosts: defaultWriteCosts,
  }
  run(ports, setting.id).then(
    (ended) => {
      outcome = ended
    },
    (thrown: unknown) => {
      outcome = { status: 'failed', error: `a defect of the model: ${String(thrown)}` }
    },
  )
  await quiet()
  return {
    waiting,
    committed,
    renews: () => renewal !== null,
    outcome: () => outcome,
    async happen(what, at) {
      nowMs = at
      if (what.kind === 'renewal') void renewal?.()
      else {
        const { resolve, reject } = settle.get(what.at) as { resolve: (v: Value) => void; reject: (e: Error) => void }
        waiting.delete(what.at)
        settle.delete(what.at)
        if (what.kind === 'answer') resolve(what.value)
        else reject(trouble(what.maybeApplied))
      }
      await quiet()
    },
  }
}

async function run(ports: Ports, id: Setting['id']): Promise<Outcome> {
  const item = await ports.state.get(id).catch(() => null)
  if (item === null) return { status: 'failed', error: 'unavailable: its row cannot be read' }
  const { status, error } = await processTable(ports, item, undefined, (table, totals) =>
    workUntilIdle(table, totals, pretendToMerge),
  )
  return { status, error: error === null ? null : `${error.kind}: ${error.message}` }
}

/** Nothing here waits for anything but answers, so all that can go on has gone on when the next turn of the event loop comes. */
const quiet = () => new Promise<void>((resolve) => setImmediate(resolve))

function trouble(maybeApplied: boolean): DmscdcError {
  return new DmscdcError('unavailable', 'model: the call failed', { hint: 'run again', maybeApplied })
}

function listening(onCommit: (version: number) => void): Log {
  return {
    debug() {},
    warn() {},
    info({ version }, message) {
      if (message === 'committed') onCommit(Number(version))
    },
  }
}

type Ask = (call: Call) => Promise<Value>

function askedObjects(ask: Ask): ObjectStore {
  return {
    url: `s3://${placeOfLake}`,
    place: placeOfLake,
    list: async ({ prefix, after = '' }) => {
      const found = (await ask({ verb: 'list', prefix, after })) as readonly Found[]
      return { objects: found.map(infoOf), folders: [], next: null }
    },
    head: async (key) => {
      const found = (await ask({ verb: 'head', key })) as Found | null
      return found && infoOf(found)
    },
    get: async (key) => {
      const found = (await ask({ verb: 'get', key })) as Found | null
      return found && { body: Buffer.from(found.body), info: infoOf(found) }
    },
    put: async (key, body, condition) => {
      const outcome = await ask({ verb: 'put', key, body: textOf(body), condition })
      return outcome === 'stored' ? { kind: 'stored', etag: etagOf(textOf(body)) } : { kind: 'precondition-failed' }
    },
    copy: async (from, to) => (await ask({ verb: 'copy', from, to })) as 'copied' | 'missing',
    putSpliced: () => Promise.reject(new Error('the model splices no data file')),
    deleteMany: async (keys) => {
      await ask({ verb: 'delete', keys })
    },
    fetch: () => Promise.reject(new Error('the model reads no data file')),
  }
}

function askedState(ask: Ask, { id }: Setting): StateStore {
  const path = `${placeOfLanding}${id.schema}/${id.table}/`
  const notAsked = () => Promise.reject(new Error('the model has one row'))
  return {
    url: 'memory://state/',
    list: notAsked,
    register: notAsked,
    get: async () => ({ id, path, row: (await ask({ verb: 'read-row' })) as StateRow, damage: null }),
    update: async (_, change, condition) =>
      (await ask({ verb: 'write-row', change, condition })) as 'updated' | 'condition-failed',
  }
}

function infoOf({ key, body }: Found): ObjectInfo {
  return { key, sizeBytes: body.length, modifiedMs: 0, etag: etagOf(body) }
}

/** What a commit cost is no part of the model: a run that tried twice would else make another entry. */
function textOf(body: PutBody): string {
  if (!(body instanceof Uint8Array)) throw new Error('the model stages no file of an engine')
  return Buffer.from(body)
    .toString()
    .replace(/"requests":\{[^}]*\}/u, '"requests":{}')
}

const noSession = new Proxy({} as Awaited<ReturnType<Awaited<ReturnType<Ports['engine']>>['openSession']>>, {
  get: (_, verb) =>
    verb === 'close' ? async () => {} : verb === 'then' ? undefined : () => Promise.reject(new Error('no engine')),
})
