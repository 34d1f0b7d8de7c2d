import type { EngineSession } from '../engine/engine.ts'
import { DmscdcError } from '../errors.ts'
import { aroundCalls } from '../objects/object-store.ts'
import type { Ports } from '../ports.ts'
import type { StateStore } from '../state/state-store.ts'

export type Deadline = {
  /** The ports for one table: calls that do not come back, or begin later, fail when the time is up. */
  readonly ports: Ports
  /** Runs the clock. While it stands, as at the beginning, no time passes. */
  start(): void
  stop(): void
  /** Whether the time was up before `stop`. */
  passed(): boolean
  /** Rejects when even the time to tidy up is over. */
  readonly overdue: Promise<never>
}

/** The time to tidy up: to delete what was staged, and to release the lease. */
const graceMsMin = 2_000
const graceMsMax = 60_000

/**
 * A deadline of `ms` for one table's run. When it passes, the landing and the engine fail (a statement under way is
 * interrupted), so that the run ends by its own way for failures; a little later the lake and the state fail too.
 */
export function tableDeadline(ports: Ports, ms: number, hint: string): Deadline {
  const graceMs = Math.min(graceMsMax, Math.max(graceMsMin, ms / 10))
  const [work, tidying] = [gate(), gate()]
  const error: TimeUp = (maybeApplied) =>
    new DmscdcError('unavailable', `run took longer than its deadline of ${durationText(ms)}`, { hint, maybeApplied })
  let passed = false
  let cancel = () => {}
  const overdue = new Promise<never>((_, reject) => tidying.onClosed(reject))
  overdue.catch(() => {})
  return {
    ports: {
      ...ports,
      landing: aroundCalls(ports.landing, work.pass),
      lake: aroundCalls(ports.lake, tidying.pass),
      state: gatedState(ports.state, tidying),
      engine: () => work.pass(() => ports.engine()).then((engine) => gatedEngine(engine, work)),
    },
    start() {
      cancel()
      cancel = ports.clock.after(ms, () => {
        passed = true
        work.close(error)
        cancel = ports.clock.after(graceMs, () => tidying.close(error))
      })
    },
    stop: () => cancel(),
    passed: () => passed,
    overdue,
  }
}

type TimeUp = (maybeApplied: boolean) => DmscdcError

type Gate = {
  /** The call's answer, or an error where the gate closes first: then the call may have its effect yet. */
  pass<T>(call: () => Promise<T>): Promise<T>
  onClosed(told: (error: DmscdcError) => void): () => void
  close(error: TimeUp): void
}

function gate(): Gate {
  const told = new Set<(error: DmscdcError) => void>()
  let closed: TimeUp | null = null
  const onClosed: Gate['onClosed'] = (listener) => {
    told.add(listener)
    return () => told.delete(listener)
  }
  return {
    onClosed,
    async pass(call) {
      if (closed !== null) throw closed(false)
      return new Promise((resolve, reject) => {
        const forget = onClosed(reject)
        call().then(resolve, reject).finally(forget)
      })
    },
    close(error) {
      closed = error
      for (const listener of told) listener(error(true))
    },
  }
}

function gatedState(state: StateStore, { pass }: Gate): StateStore {
  return {
    url: state.url,
    list: () => pass(() => state.list()),
    get: (id) => pass(() => state.get(id)),
    register: (id, row) => pass(() => state.register(id, row)),
    update: (id, change, condition) => pass(() => state.update(id, change, condition)),
  }
}

function gatedEngine(engine: Awaited<ReturnType<Ports['engine']>>, work: Gate) {
  return {
    openSession: () => work.pass(() => engine.openSession()).then((session) => gatedSession(session, work)),
    close: () => engine.close(),
  }
}

/** A session is closed only when no statement of it is under way any more. */
function gatedSession(session: EngineSession, work: Gate): EngineSession {
  const underWay = new Set<Promise<unknown>>()
  const forget = work.onClosed(() => session.interrupt())
  const pass = <T>(call: () => Promise<T>) =>
    work.pass(() => {
      const answer = call()
      const ended = answer.catch(() => {}).finally(() => underWay.delete(ended))
      underWay.add(ended)
      return answer
    })
  return {
    run: (sql) => pass(() => session.run(sql)),
    rows: (sql) => pass(() => session.rows(sql)),
    link: (path) => pass(() => session.link(path)),
    footerBytesMax: session.footerBytesMax,
    footerBytesOf: (path) => pass(() => session.footerBytesOf(path)),
    write: (request, onFinished) => pass(() => session.write(request, onFinished)),
    writeAside: (request) => pass(() => session.writeAside(request)),
    encode: (requests) => pass(() => session.encode(requests)),
    spill: (request) => pass(() => session.spill(request)),
    readBytes: (path, span) => pass(() => session.readBytes(path, span)),
    hashSpans: (path, spans) => pass(() => session.hashSpans(path, spans)),
    concatenate: (groups) => pass(() => session.concatenate(groups)),
    extend: (first, tailFile) => pass(() => session.extend(first, tailFile)),
    writeText: (name, text) => pass(() => session.writeText(name, text)),
    frameCsv: (request) => pass(() => session.frameCsv(request)),
    scratchPath: (name) => pass(() => session.scratchPath(name)),
    sizeOf: (path) => pass(() => session.sizeOf(path)),
    reset: () => pass(() => session.reset()),
    interrupt: () => session.interrupt(),
    async close() {
      forget()
      const closing = Promise.all(underWay).then(() => session.close())
      if (underWay.size === 0) await closing
      else closing.catch(() => {})
    },
  }
}

function durationText(ms: number): string {
  return ms % 60_000 === 0 ? `${String(ms / 60_000)} minutes` : `${String(ms / 1000)} seconds`
}
