import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  EncodeRequest,
  Engine,
  EngineSession,
  ScratchPiece,
  WriteRequest,
  WrittenFile,
} from '../../src/engine/engine.ts'
import { limits } from '../../src/limits.ts'

/** An engine for very many runs that differ little, and the bytes of the scratch files that its sessions wrote. */
export type RememberingEngine = Engine & {
  bytesOf(scratchFile: string): Promise<Uint8Array>
  /** Statements that were answered from memory, and those that the engine answered. */
  readonly counts: { remembered: number; answered: number }
}

/**
 * The given engine behind a memory: what a session answers depends on nothing but what it was told since it was opened or
 * reset, so a statement after a history that was seen before gets the answer of then. Where a history is new, a
 * session of the engine is brought to where it stands and goes on. Files that sessions link to must be named by their
 * content and never change. What sessions write is kept in `folder` under the name of its content.
 */
export function rememberingEngine(engine: Engine, folder: string): RememberingEngine {
  mkdirSync(folder, { recursive: true })
  const memory: Memory = { answers: new Map(), idle: [], counts: { remembered: 0, answered: 0 }, engine, folder }
  const written = new Map<string, () => Promise<Uint8Array>>()
  const bytes = new Map<string, Uint8Array>()
  let opened = 0
  return {
    counts: memory.counts,
    openSession: async () => openRemembering(memory, `/remembered/${String(++opened)}/`, written),
    async bytesOf(scratchFile) {
      const known = bytes.get(scratchFile) ?? (await written.get(scratchFile)?.())
      if (known !== undefined) return known
      const read = readFileSync(scratchFile)
      bytes.set(scratchFile, read)
      return read
    },
    async close() {
      for (const session of memory.idle) await session.close()
      await engine.close()
    },
  }
}

type Memory = {
  /** By the history that ends with the statement. */
  readonly answers: Map<string, Answer>
  readonly idle: EngineSession[]
  readonly counts: { remembered: number; answered: number }
  readonly engine: Engine
  readonly folder: string
}
type Answer = { readonly value: string } | { readonly thrown: unknown }
/** How a session of the engine is told again what this one was told. */
type Told = (real: EngineSession) => Promise<void>

/** Paths that this session names begin with `root`; the engine's own stand in `realPaths` once a session of it follows. */
async function openRemembering(
  memory: Memory,
  root: string,
  written: Map<string, () => Promise<Uint8Array>>,
): Promise<EngineSession> {
  let history = ''
  let told: Told[] = []
  let names = 0
  let realPaths = new Map<string, string>()
  let real: EngineSession | null = null

  const extend = (what: string) => {
    history = createHash('sha1').update(history).update('\n').update(what.replaceAll(root, '/*/')).digest('base64')
  }
  const caughtUp = async (): Promise<EngineSession> => {
    if (real !== null) return real
    real = memory.idle.pop() ?? (await memory.engine.openSession())
    for (const tell of told) await tell(real)
    return real
  }
  const name = (what: string, make: (session: EngineSession) => Promise<string>) => {
    const path = `${root}${String(++names)}`
    const tell: Told = async (session) => {
      realPaths.set(path, await make(session))
    }
    extend(what)
    told.push(tell)
    return { path, tell }
  }
  /** One after the other, in the order in which they are asked: then the same run asks the same, however long an answer takes. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const answer = last.then(work)
    last = answer.catch(() => {})
    return answer
  }
  let last: Promise<unknown> = Promise.resolve()
  const named = (what: string, make: (session: EngineSession) => Promise<string>) =>
    inTurn(async () => {
      const { path, tell } = name(what, make)
      if (real !== null) await tell(real)
      return path
    })
  const inReal = (text: string) => text.replace(new RegExp(`${root}\\d+`, 'gu'), (path) => realPaths.get(path) ?? path)
  const inOurs = (text: string) =>
    [...realPaths].reduceRight((found, [ours, theirs]) => found.replaceAll(theirs, ours), text)

  /** Asks the engine only what it was not asked before. The answer is JSON, with our paths less their root. */
  const ask = <T>(what: string, asked: (session: EngineSession) => Promise<T>) => inTurn(() => askNext(what, asked))
  const askNext = async <T>(what: string, asked: (session: EngineSession) => Promise<T>): Promise<T> => {
    extend(what)
    const known = memory.answers.get(history)
    memory.counts[known === undefined ? 'answered' : 'remembered']++
    const at = history
    if (known === undefined) {
      const session = await caughtUp()
      const answer: Answer = await asked(session).then(
        (value) => ({ value: inOurs(JSON.stringify(value ?? null)).replaceAll(root, '/*/') }),
        (thrown: unknown) => ({ thrown }),
      )
      memory.answers.set(at, answer)
    }
    told.push(async (session) => {
      await asked(session).catch(() => {})
    })
    const answer = memory.answers.get(at) as Answer
    if ('thrown' in answer) throw answer.thrown
    return JSON.parse(answer.value.replaceAll('/*/', root)) as T
  }
  const forget = () => {
    history = ''
    told = []
    names = 0
    realPaths = new Map()
  }
  const giveBack = async () => {
    const session = real
    real = null
    if (session === null) return
    await session.reset()
    memory.idle.push(session)
  }

  return {
    run: (sql) => ask(`run ${sql}`, (session) => session.run(inReal(sql))),
    rows: (sql) => ask(`rows ${sql}`, (session) => session.rows(inReal(sql))),
    link: (localPath) => named(`link ${localPath}`, (session) => session.link(localPath)),
    write: async (request) => {
      const what = JSON.stringify({ ...request, fieldIds: [...request.fieldIds] })
      const files = await ask(`write ${what}`, async (session) => {
        const answer = await session.write({ ...request, select: inReal(request.select) } satisfies WriteRequest)
        return answer.map((file) => keep(file, memory.folder))
      })
      return files.map((file) => ({ ...file, statistics: new Map(file.statistics) }))
    },
    writeAside: async (request) => {
      const file = await ask(`write aside ${textOf([request])}`, async (session) => {
        const answer = await session.writeAside({ ...request, select: inReal(request.select) })
        return answer && keep(answer, memory.folder)
      })
      return file && { ...file, statistics: new Map(file.statistics) }
    },
    encode: (requests) =>
      ask(`encode ${textOf(requests)}`, async (session) => {
        const files = await session.encode(requests.map((request) => ({ ...request, select: inReal(request.select) })))
        return files.map((file) => file && { ...file, scratchFile: keepAs(file.scratchFile, memory.folder) })
      }),
    spill: (request) =>
      ask(`spill ${JSON.stringify(request)}`, async (session) => {
        const files = await session.spill({ ...request, select: inReal(request.select) })
        return files.map((file) => ({ ...file, scratchFile: keepAs(file.scratchFile, memory.folder) }))
      }),
    async readBytes(path, span) {
      const text = await ask(`bytes ${path} ${JSON.stringify(span)}`, async (session) =>
        Buffer.from(await session.readBytes(inReal(path), span)).toString('base64'),
      )
      return Buffer.from(text, 'base64')
    },
    hashSpans: (path, spans) =>
      ask(`hashes ${path} ${JSON.stringify(spans)}`, (session) => session.hashSpans(inReal(path), spans)),
    concatenate: (groups) =>
      ask(`concatenate ${JSON.stringify(groups.map((pieces) => pieces.map(pieceText)))}`, async (session) => {
        const joined = await session.concatenate(groups)
        return { ...joined, scratchFile: keepAs(joined.scratchFile, memory.folder) }
      }),
    extend: (first, tailFile) =>
      ask(`extend ${JSON.stringify(first)} ${tailFile}`, async (session) =>
        keepAs(await session.extend({ ...first, path: inReal(first.path) }, tailFile), memory.folder),
      ),
    writeText: (kind, text) => named(`text ${kind} ${text}`, (session) => session.writeText(kind, text)),
    async scratchPath(kind) {
      const path = await named(`scratch ${kind}`, (session) => session.scratchPath(kind))
      written.set(path, async () => {
        const kept = await ask(`keep ${path}`, async () => keepAs(inReal(path), memory.folder))
        return readFileSync(kept)
      })
      return path
    },
    sizeOf: (path) => ask(`size ${path}`, (session) => session.sizeOf(inReal(path))),
    footerBytesMax: limits.footerBytes,
    footerBytesOf: (path) => ask(`footer ${path}`, (session) => session.footerBytesOf(inReal(path))),
    frameCsv: (request) =>
      ask(`csv ${JSON.stringify(request)}`, (session) => session.frameCsv({ ...request, path: inReal(request.path) })),
    reset: () =>
      inTurn(async () => {
        await giveBack()
        forget()
      }),
    interrupt: () => real?.interrupt(),
    close: () => inTurn(giveBack),
  }
}

function keep(file: WrittenFile, folder: string) {
  return { ...file, scratchFile: keepAs(file.scratchFile, folder), statistics: [...file.statistics] }
}

const textOf = (requests: readonly (WriteRequest | EncodeRequest)[]) =>
  JSON.stringify(requests.map((request) => ({ ...request, fieldIds: [...request.fieldIds] })))

/** Pieces of files are of what was encoded, which is named by its content. */
const pieceText = (piece: ScratchPiece) =>
  piece instanceof Uint8Array ? Buffer.from(piece).toString('base64') : JSON.stringify(piece)

function keepAs(path: string, folder: string): string {
  const kept = join(folder, createHash('sha256').update(readFileSync(path)).digest('hex'))
  if (!existsSync(kept)) copyFileSync(path, kept)
  return kept
}
