import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ulid } from 'ulid'
import type { Catalog } from './catalog/catalog.ts'
import { systemClock } from './clock.ts'
import type { Config, ObjectLocation } from './config.ts'
import type { Dispatcher } from './dispatch/dispatcher.ts'
import { inProcess } from './dispatch/in-process.ts'
import type { Engine } from './engine/engine.ts'
import { defaultWriteCosts, s3WriteCosts } from './load-incremental/choose-write.ts'
import type { Log } from './log.ts'
import { fileObjects } from './objects/file-objects.ts'
import type { ObjectStore } from './objects/object-store.ts'
import { processMark } from './own-process.ts'
import type { CatalogPort, Ports } from './ports.ts'
import type { OpenSource } from './source/source.ts'
import type { SourceLocation } from './source/source-location.ts'
import { fileState } from './state/file-state.ts'
import { processHolder } from './state/holder.ts'
import type { StateStore } from './state/state-store.ts'

export type System = {
  readonly ports: Ports
  /** Where a cycle's tables are worked on. */
  dispatcher(runId: string): Promise<Dispatcher>
  /** Of this process, on other ports: what may be had of memory and time is what a run may have. */
  dispatcherHere(ports: Ports): Dispatcher
  /** The database that a table is held against. */
  source(location: SourceLocation): OpenSource
  close(): Promise<void>
}

/** The composition root: which adapter stands behind which port. What is not used (engine, AWS SDK) is not even loaded. */
export async function openSystem(
  config: Config,
  log: Log,
  /** Places besides landing and lake that are read. */
  others: readonly ObjectLocation[] = [],
): Promise<System> {
  const scratch = scratchFolder(config.temp)
  const { landing, lake, state } = await openStores(config, scratch.path).catch(async (thrown: unknown) => {
    await scratch.remove()
    throw thrown
  })
  let engine: Promise<Engine> | null = null
  const ports: Ports = {
    landing,
    lake,
    state,
    catalog: config.lake.kind === 's3' ? openCatalogWhenAsked(config.glueDatabase) : null,
    engine: () => {
      engine ??= openEngine(config, [config.landing, config.lake, ...others], scratch.path)
      return engine
    },
    clock: systemClock,
    log,
    newId: () => ulid(),
    holder: processHolder(),
    batchBytesMax: config.memoryBytes / 2,
    writeCosts: config.lake.kind === 's3' ? s3WriteCosts : defaultWriteCosts,
  }
  return {
    ports,
    dispatcher: (runId) => openDispatcher(config, ports, runId),
    dispatcherHere: (other) => dispatcherHere(config, other),
    source: (location) => openSource(config, scratch.path, location),
    async close() {
      await (await engine?.catch(() => null))?.close()
      await scratch.remove()
    },
  }
}

function openSource(config: Config, scratch: () => Promise<string>, location: SourceLocation): OpenSource {
  if (location.kind === 'mysql')
    return async ({ id }) => {
      const { mysqlSource } = await import('./source/mysql-source.ts')
      return mysqlSource(location, location.table ?? { database: id.schema, table: id.table })
    }
  return async (table) => {
    const { place } = location
    const { filesSource } = await import('./source/files-source.ts')
    const stores = await openObjects({ ...config, landing: place, s3: { ...config.s3, landingOwner: null } }, scratch)
    return filesSource(
      stores.landing,
      place.kind === 's3' ? `s3://${place.bucket}/${place.prefix}` : place.folder,
    )(table)
  }
}

/** The SDK's advice on Node versions is for who builds on it; on our users' stderr it would hide the error. */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

async function openDispatcher({ cycle, memoryBytes }: Config, ports: Ports, runId: string): Promise<Dispatcher> {
  const { dispatch, ...limits } = cycle
  if (dispatch.kind === 'inProcess') return dispatcherHere({ cycle, memoryBytes }, ports)
  const [{ withElsewhere }, elsewhere] = await Promise.all([
    import('./dispatch/elsewhere.ts'),
    dispatch.kind === 'ecsTask'
      ? import('./dispatch/ecs-tasks.ts').then(({ ecsTasks }) => ecsTasks(dispatch, { runId, clock: ports.clock }))
      : import('./dispatch/glue-jobs.ts').then(({ glueJobs }) => glueJobs(dispatch.jobName, { clock: ports.clock })),
  ])
  return withElsewhere(ports, { ...limits, memoryBytes, elsewhere, aboveBytes: dispatch.aboveBytes })
}

function dispatcherHere({ cycle, memoryBytes }: Pick<Config, 'cycle' | 'memoryBytes'>, ports: Ports): Dispatcher {
  const { dispatch: _, ...limits } = cycle
  return inProcess(ports, { ...limits, memoryBytes })
}

/**
 * DuckDB's allocator reads its settings as the library is loaded. By itself it keeps what was freed for each thread that asked, and a
 * statement may run on any of some threads of Node's: the process grew by a quarter of a gigabyte.
 */
async function openEngine(
  config: Config,
  places: readonly ObjectLocation[],
  scratch: () => Promise<string>,
): Promise<Engine> {
  process.env.DUCKDB_JE_MALLOC_CONF ??= 'narenas:1'
  const { duckdbEngine } = await import('./engine/duckdb-engine.ts')
  const folders = places.flatMap((place) => (place.kind === 'file' ? [place.folder] : []))
  return duckdbEngine({
    memoryBytes: config.memoryBytes,
    threads: config.threads,
    temp: config.temp,
    readable: folders.length === places.length ? folders : [...folders, await scratch()],
  })
}

async function openStores(
  config: Config,
  scratch: () => Promise<string>,
): Promise<ObjectStores & { state: StateStore }> {
  const stores = await openObjects(config, scratch)
  return { ...stores, state: await openState(config, stores.landing) }
}

type ObjectStores = { readonly landing: ObjectStore; readonly lake: ObjectStore }

async function openObjects(config: Config, scratch: () => Promise<string>): Promise<ObjectStores> {
  const { landing, lake, s3 } = config
  if (landing.kind === 'file' && lake.kind === 'file')
    return { landing: fileObjects(landing.folder), lake: fileObjects(lake.folder) }
  const [{ endpointName, s3Client }, { s3Objects }, { provenObjects }] = await Promise.all([
    import('./objects/s3-client.ts'),
    import('./objects/s3-objects.ts'),
    import('./objects/proven-objects.ts'),
  ])
  const client = s3Client()
  const scratchDir = await scratch()
  const open = (location: ObjectLocation, owner: string | null): ObjectStore =>
    location.kind === 'file'
      ? fileObjects(location.folder)
      : s3Objects(client, {
          bucket: location.bucket,
          prefix: location.prefix,
          scratchDir,
          ...(s3.kmsKeyId === null ? {} : { sse: 'aws:kms', kmsKeyId: s3.kmsKeyId }),
          ...(owner === null ? {} : { expectedBucketOwner: owner }),
        })
  const lakeStore = open(lake, s3.lakeOwner)
  const proof = { store: lakeStore, endpoint: () => endpointName(client) ?? 'S3', newId: () => ulid() }
  return {
    landing: open(landing, s3.landingOwner),
    lake: lake.kind === 's3' ? provenObjects(proof) : lakeStore,
  }
}

async function openState({ state, createState }: Config, landing: ObjectStore): Promise<StateStore> {
  if (state.kind === 'file') return fileState({ dir: state.folder, landingPlace: landing.place })
  const [{ dynamodbState }, { createStateTable }] = await Promise.all([
    import('./state/dynamodb-state.ts'),
    import('./state/dynamodb-table.ts'),
  ])
  if (createState) await createStateTable({ tableName: state.tableName })
  return dynamodbState({ tableName: state.tableName, landingPlace: landing.place })
}

function openCatalogWhenAsked(database: string | null): CatalogPort {
  let catalog: Promise<Catalog> | null = null
  const load = async () => {
    const { glueCatalog, glueClient } = await import('./catalog/glue-catalog.ts')
    return glueCatalog(glueClient())
  }
  return {
    database,
    open() {
      catalog ??= load()
      return catalog
    },
  }
}

/** Local copies of objects; the engine removes the folders of dead processes by their name. Made when it is first asked for. */
function scratchFolder(temp: string): { path(): Promise<string>; remove(): Promise<void> } {
  let made: Promise<string> | null = null
  const make = async () => {
    await mkdir(temp, { recursive: true })
    return realpath(await mkdtemp(join(temp, `dmscdc-work-${processMark()}-`)))
  }
  return {
    path() {
      made ??= make()
      return made
    },
    async remove() {
      if (made !== null) await rm(await made, { recursive: true, force: true })
    },
  }
}
