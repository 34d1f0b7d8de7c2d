import { literal } from '../../src/engine/sql.ts'
import { checkpointReadSql } from '../../src/lake/checkpoint-sql.ts'
import { deltaViewPrefix, manifestPrefix, parseLogKey, uriOf } from '../../src/lake/keys.ts'
import { folderOf } from '../../src/lake/manifest.ts'
import { viewRetainMs } from '../../src/lake/retention.ts'
import type { KnownHistory } from './known-history.ts'
import { stateText } from './known-history.ts'
import { dataKeyOf, dataPaths, isWritten, type LogFile, type LogVersion, place, readLog } from './lake-log.ts'
import type { RememberingEngine } from './remembering-engine.ts'
import { catalogName, localCopy, sha256Of, type World } from './world.ts'

/** Looks at a world between the calls that change it, as readers would. */
export type Auditor = {
  /** Looks once; `what` was done just before. */
  readonly look: (world: World, what: string) => Promise<void>
  /** All that was wrong at any look. `history`: what its states may have been. */
  readonly findings: (history: KnownHistory) => Promise<readonly string[]>
}

/** What a reader found at one moment: the files of the whole table, or of the partition with one value of `p`. */
type Sighting = { readonly reader: string; readonly files: readonly LogFile[]; readonly partition?: string | null }

/**
 * Holds of every moment: an entry of the log never changes and never goes; the data folder holds only what the log
 * knows, with the bytes that it knows; what a published view names is there; a Delta view never goes back, and keeps what its
 * readers of before still read. What a view shows is compared with the history at the end, each state once.
 */
export function auditor(begin: { readonly lake: World['lake'] }, reader: RowReader): Auditor {
  const problems = new Set<string>()
  const checkpoints = new Map<string, { readonly body: Uint8Array; readonly listed: readonly string[] }>()
  const sightings = new Map<string, Sighting>()
  const bodies = new Map<number, Uint8Array>()
  const before = new Set(dataPaths(begin.lake))
  const manifests = new Map<string, string[]>()
  let viewVersion = -1
  const say = (problem: string, what: string) => problems.add(`${problem}, after ${what}`)
  const sight = (sighting: Sighting) => {
    const text = JSON.stringify([sighting.reader, sighting.partition, sighting.files.map(({ path }) => path).sort()])
    if (sightings.has(text)) return
    sightings.set(text, sighting)
  }

  const look: Auditor['look'] = async (world, what) => {
    const tell = (problem: string) => say(problem, what)
    const log = logOf(world, tell)
    if (log === null) return
    for (const [version, body] of bodies) {
      const now = log[version]?.body
      if (now === undefined) tell(`version ${String(version)} of the log is gone`)
      else if (now !== body && Buffer.compare(now, body) !== 0)
        tell(`version ${String(version)} of the log was overwritten`)
    }
    for (const { version, body } of log) if (!bodies.has(version)) bodies.set(version, body)
    const known = new Map(log.flatMap(({ live }) => [...live.values()]).map((file) => [file.path, file]))
    for (const path of dataPaths(world.lake)) {
      const file = known.get(path)
      if (file === undefined && !before.has(path)) tell(`the folder holds ${path}, which no commit lists`)
      if (file !== undefined && !holds(world, file))
        tell(`the folder holds ${path} with other bytes than were committed`)
    }
    for (const [key, { body }] of world.lake) {
      const version = /_delta_log\/(\d{20})\.checkpoint\.parquet$/u.exec(key)?.[1]
      if (version === undefined) continue
      checkpoints.set(sha256Of(body), { body, listed: [...(log[Number(version)]?.live.keys() ?? [])].sort() })
    }
    for (const path of dataPaths(world.lake))
      reader.learn((world.lake.get(dataKeyOf(path)) as { body: Uint8Array }).body)
    if (what.startsWith('delete ')) lookForGaps(world, log, what.split(' ').slice(1), tell)
    const wanted = publishOf(world)
    if (wanted.includes('delta')) viewVersion = lookAtDelta(world, log, viewVersion, { tell, sight })
    else viewVersion = -1
    if (wanted.includes('manifest')) {
      lookAtManifests(world, known, { tell, sight })
      lookBack(world, log.at(-1), manifests, tell)
    } else manifests.clear()
    if (wanted.includes('glue')) await lookAtCatalog(world, tell)
  }
  return {
    look,
    async findings(history) {
      for (const { reader: who, files, partition } of sightings.values()) {
        const state = stateText(await reader.rowsOf(files))
        const states = partition === undefined ? history.states : history.statesOf(partition)
        if (!states.has(state)) problems.add(`a reader of ${who} saw what the table never was: ${state || 'no row'}`)
      }
      for (const { body, listed } of checkpoints.values())
        if (JSON.stringify(await reader.checkpointPaths(body)) !== JSON.stringify(listed))
          problems.add('a checkpoint lists other files than the log')
      return [...problems]
    },
  }
}

type Telling = { readonly tell: (problem: string) => void; readonly sight: (sighting: Sighting) => void }

function logOf(world: World, tell: (problem: string) => void): readonly LogVersion[] | null {
  try {
    return readLog(world.lake)
  } catch (thrown) {
    tell(thrown instanceof Error ? thrown.message : String(thrown))
    return null
  }
}

/** What the operator wants published, and the row says was. A view that is being taken off may be half away. */
function publishOf({ rows }: World): readonly string[] {
  const row = JSON.parse(rows.get('s.t')?.text ?? '{}') as { readonly Publish?: string }
  return (row.Publish ?? '').split(',')
}

function holds({ lake }: World, { path, segments }: LogFile): boolean {
  const stored = lake.get(dataKeyOf(path))
  return stored !== undefined && isWritten(stored.body, segments)
}

/** A superseded file goes from its folder only when what supersedes it there is in place: no reader of the folder misses rows. */
function lookForGaps(
  world: World,
  log: readonly LogVersion[],
  keys: readonly string[],
  tell: (problem: string) => void,
): void {
  const removed = new Set(log.flatMap((version) => version.removed.map(({ path }) => dataKeyOf(path))))
  const folders = new Set(keys.filter((key) => removed.has(key)).map(folderOf))
  for (const file of log.at(-1)?.live.values() ?? [])
    if (folders.has(folderOf(dataKeyOf(file.path))) && !holds(world, file))
      tell(`${file.path} is not in its place, and what it supersedes is gone`)
}

/** Returns the version that the view shows now; −1 without a view. */
function lookAtDelta(world: World, log: readonly LogVersion[], seen: number, { tell, sight }: Telling): number {
  const prefix = deltaViewPrefix(place)
  const found = [...world.lake].flatMap(([key, { body }]) => {
    const parsed = parseLogKey(prefix, key)
    return parsed === null ? [] : [{ ...parsed, body }]
  })
  const entries = found.filter(({ kind }) => kind === 'entry')
  const head = Math.max(-1, ...entries.map(({ version }) => version))
  if (head < seen) tell(`the Delta view went back from version ${String(seen)} to ${String(head)}`)
  if (head < 0) return head
  const checkpoints = found.filter(({ kind, version }) => kind === 'checkpoint' && version <= head)
  const base = Math.max(0, ...checkpoints.map(({ version }) => version))
  const versions = new Set(entries.map(({ version }) => version))
  for (let version = base; version <= head; version++)
    if (!versions.has(version)) tell(`the Delta view has no version ${String(version)}`)
  for (const { version, body } of entries) {
    const own = log[version]?.body
    if (own === undefined || Buffer.compare(own, body) !== 0)
      tell(`version ${String(version)} of the Delta view is not the log's`)
  }
  const files = [...(log[head]?.live.values() ?? [])]
  for (const file of files) if (!holds(world, file)) tell(`the Delta view lists ${file.path}, which is not there`)
  sight({ reader: `the Delta view at version ${String(head)}`, files })
  const kept = log.filter(({ version }) => version > Math.min(...versions) && version <= head)
  for (const { path, deletedAtMs } of kept.flatMap(({ removed }) => removed))
    if (deletedAtMs + viewRetainMs > world.nowMs && !world.lake.has(dataKeyOf(path)))
      tell(`${path} is gone, which readers of the Delta view may still read`)
  return head
}

function lookAtManifests(world: World, known: ReadonlyMap<string, LogFile>, { tell, sight }: Telling): void {
  const prefix = manifestPrefix(place)
  const root = uriOf('lake-bucket/', place.dataPrefix)
  for (const [key, { body }] of world.lake) {
    if (!key.startsWith(prefix)) continue
    const folder = key.slice(prefix.length, -'manifest'.length)
    const files = Buffer.from(body)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => {
        const file = known.get(line.slice(root.length))
        if (line.startsWith(`${root}${folder}`) && file !== undefined && holds(world, file)) return [file]
        tell(`the manifest of ${folder || 'the table'} names ${line}, which is not there`)
        return []
      })
    const value = /^p=(.*)\/$/u.exec(folder)?.[1]
    const partition = value === undefined ? {} : { partition: value === '__HIVE_DEFAULT_PARTITION__' ? null : value }
    sight({ reader: `the manifest of ${folder || 'the table'}`, files, ...partition })
  }
}

/**
 * Data files are never named twice, so a manifest that says again what it once said was put back; unless the head says so too: a file
 * that was begun beside others lost its last row.
 */
function lookBack(
  { lake }: World,
  head: LogVersion | undefined,
  said: Map<string, string[]>,
  tell: (problem: string) => void,
): void {
  for (const [key, { body }] of lake) {
    if (!key.startsWith(manifestPrefix(place))) continue
    const [text, before] = [Buffer.from(body).toString(), said.get(key) ?? []]
    if (text === before.at(-1)) continue
    const folder = key.slice(manifestPrefix(place).length, -'manifest'.length)
    if (text !== '' && before.includes(text) && linesOf(text) !== linesOf(manifestOf(head, folder)))
      tell(`the manifest ${key} went back to what it said before`)
    said.set(key, [...before, text])
  }
}

function manifestOf(head: LogVersion | undefined, folder: string): string {
  const paths = [...(head?.live.keys() ?? [])].filter((path) => folderOf(path) === folder)
  return paths.map((path) => `${uriOf('lake-bucket/', place.dataPrefix)}${path}\n`).join('')
}

const linesOf = (text: string) => text.split('\n').sort().join('\n')

/** What the catalog points at is there to be read. */
async function lookAtCatalog(world: World, tell: (problem: string) => void): Promise<void> {
  const catalog = await world.catalog.open()
  const table = await catalog.getTable(catalogName)
  if (table === null) return
  if (table.format === 'delta' && ![...world.lake.keys()].some((key) => key.startsWith(deltaViewPrefix(place))))
    tell('the catalog points at a Delta view that is not there')
  if (table.format !== 'symlink') return
  const partitions = await catalog.listPartitions(catalogName)
  const locations = table.partitionKeys.length === 0 ? [table.location] : partitions.map(({ location }) => location)
  for (const location of locations)
    if (!world.lake.has(`${location.slice('s3://lake-bucket/'.length)}manifest`))
      tell(`the catalog points at ${location}, where no manifest is`)
}

// ---- rows ---------------------------------------------------------------------------------------------------------

type Row = { readonly [column: string]: string | null }

/** Reads committed files and checkpoints, each once however often it is seen. */
export type RowReader = {
  /** Bytes that it may be asked for. */
  readonly learn: (body: Uint8Array) => void
  readonly rowsOf: (files: readonly LogFile[]) => Promise<readonly Row[]>
  /** The deletions that these files keep in mind, but for when they were taken. */
  readonly deletionsIn: (bodies: readonly Uint8Array[]) => Promise<readonly string[]>
  /** The paths of the files that a checkpoint lists, in order. */
  readonly checkpointPaths: (body: Uint8Array) => Promise<readonly string[]>
}

/** `scratch` is where the engine reads files that are named by their content. */
export async function rowReader(engine: RememberingEngine, scratch: string): Promise<RowReader> {
  const session = await engine.openSession()
  const bodies = new Map<string, Uint8Array>()
  const written = new Map<string, Uint8Array>()
  const bodyOf = (segments: string) => {
    const found = written.get(segments) ?? [...bodies.values()].find((body) => isWritten(body, segments))
    if (found !== undefined) written.set(segments, found)
    return found
  }
  const known = new Map<string, Promise<unknown>>()
  let last: Promise<unknown> = Promise.resolve()
  /** One at a time, for they share a session. */
  const once = <T>(body: Uint8Array, ask: (path: string) => Promise<T>): Promise<T> => {
    const sha256 = sha256Of(body)
    const work = async () => {
      await session.reset()
      return ask(await session.link(localCopy(scratch, body)))
    }
    const answer = known.get(sha256) ?? last.then(work, work)
    known.set(sha256, answer)
    last = answer
    return answer as Promise<T>
  }
  const rows = (path: string) =>
    session.rows(`select columns(*)::varchar from read_parquet(${literal(path)}, hive_partitioning = false)`)
  return {
    learn(body) {
      bodies.set(sha256Of(body), body)
    },
    async rowsOf(files) {
      const all: Row[] = []
      for (const { segments, partition } of files) {
        const body = bodyOf(segments)
        if (body === undefined) continue
        for (const { Op: _, ...row } of await once(body, rows)) all.push({ ...(row as Row), ...partition })
      }
      return all
    },
    async deletionsIn(bodies) {
      const all: string[] = []
      for (const body of bodies)
        for (const { ms: _, ...deletion } of await once(body, rows)) all.push(JSON.stringify(deletion))
      return all.sort()
    },
    checkpointPaths: (body) =>
      once(body, async (path) => {
        const lines = await session.rows(checkpointReadSql(path))
        const actions = lines.map(
          ({ line }) => JSON.parse(String(line)) as { readonly add?: { readonly path: string } },
        )
        return actions.flatMap(({ add }) => (add === undefined ? [] : [decodeURIComponent(add.path)])).sort()
      }),
  }
}
