import { statSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './errors.ts'

/** Flags and environment, read once. */
export type Config = {
  readonly landing: ObjectLocation
  readonly lake: ObjectLocation
  readonly state: StateLocation
  /** Make the state's table where it is missing. */
  readonly createState: boolean
  readonly memoryBytes: number
  readonly threads: number | null
  readonly temp: string
  readonly s3: S3Settings
  /** Where tables are published with the view `glue`; null: a database for each schema. */
  readonly glueDatabase: string | null
  readonly cycle: CycleSettings
  readonly verbose: boolean
}

/** How `run` goes about its tables. */
export type CycleSettings = {
  /** Tables at a time in this process, at most. */
  readonly concurrency: number
  readonly deadlineMs: number
  readonly metrics: 'emf' | 'none'
  readonly dispatch: DispatchSettings
}

/** Where tables are worked on that have at least `aboveBytes` of landing to take; smaller ones always in this process. */
export type DispatchSettings =
  | { readonly kind: 'inProcess' }
  | ({ readonly kind: 'ecsTask'; readonly aboveBytes: number } & EcsPlace)
  | { readonly kind: 'glueJob'; readonly aboveBytes: number; readonly jobName: string }

export type EcsPlace = {
  readonly cluster: string
  readonly taskDefinition: string
  /** The container that gets the command. */
  readonly container: string
  readonly subnets: readonly string[]
  readonly securityGroups: readonly string[]
  readonly publicIp: boolean
  /** Tasks together use at most so many vCPUs; null: no limit of ours. */
  readonly vcpuBudget: number | null
}

export type FileLocation = { readonly kind: 'file'; readonly folder: string }
/** `prefix` is empty or ends with a slash. */
export type S3Location = { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }
export type ObjectLocation = FileLocation | S3Location
export type StateLocation = FileLocation | { readonly kind: 'dynamodb'; readonly tableName: string }

/** What the SDK's own variables do not say. */
export type S3Settings = {
  /** Of the objects written into the lake; null: as the bucket says. */
  readonly kmsKeyId: string | null
  /** Account ids; requests fail where another account owns the bucket. */
  readonly landingOwner: string | null
  readonly lakeOwner: string | null
}

export type Flags = {
  readonly landing?: string
  readonly lake?: string
  readonly state?: string
  /** The original's own names of the places. */
  readonly bucket?: string
  readonly prefix?: string
  readonly out_bucket?: string
  readonly out_prefix?: string
  readonly createState?: boolean
  readonly memory?: string
  readonly threads?: string
  readonly temp?: string
  readonly kmsKey?: string
  readonly landingOwner?: string
  readonly lakeOwner?: string
  readonly glueDatabase?: string
  readonly concurrency?: string
  readonly deadline?: string
  readonly metrics?: string
  readonly dispatch?: string
  readonly dispatchAbove?: string
  readonly vcpuBudget?: string
  readonly verbose?: boolean
}

/** The original's name of the table of rows. */
const defaultStateTable = 'DMSCDC_Controller'

/** Throws `UsageError` for anything that is missing or malformed. A flag wins over its variable. */
export function readConfig(flags: Flags, environment: NodeJS.ProcessEnv = process.env): Config {
  const memory = flags.memory ?? environment.DMSCDC_MEMORY ?? null
  const landing = objectLocation('landing', {
    text: flags.landing ?? (flags.bucket === undefined ? environment.DMSCDC_LANDING : undefined),
    bucket: flags.bucket,
    prefix: flags.prefix,
  })
  if (landing.kind === 'file' && !isFolder(landing.folder))
    throw new UsageError(`--landing: there is no folder ${landing.folder}`, 'dmscdc run --help')
  const lake = objectLocation('lake', {
    text: flags.lake ?? (flags.out_bucket === undefined ? environment.DMSCDC_LAKE : undefined),
    bucket: flags.out_bucket,
    prefix: flags.out_prefix,
  })
  if (pathOf(lake).startsWith(pathOf(landing)))
    throw new UsageError(
      `--lake: ${pathOf(lake)} lies in the landing ${pathOf(landing)}, where its folders would be taken for tables`,
      'dmscdc run --lake <a place beside the landing>',
    )
  return {
    landing,
    lake,
    state: stateLocation(flags.state ?? environment.DMSCDC_STATE, landing),
    createState: flags.createState ?? false,
    memoryBytes: memory === null ? totalmem() / 2 : bytesOf(memory),
    threads: threadsOf(flags.threads ?? environment.DMSCDC_THREADS),
    temp: flags.temp ?? environment.DMSCDC_TEMP ?? tmpdir(),
    s3: {
      kmsKeyId: flags.kmsKey ?? environment.DMSCDC_KMS_KEY ?? null,
      landingOwner: accountId('landing-owner', flags.landingOwner ?? environment.DMSCDC_LANDING_OWNER),
      lakeOwner: accountId('lake-owner', flags.lakeOwner ?? environment.DMSCDC_LAKE_OWNER),
    },
    glueDatabase: catalogDatabase(flags.glueDatabase ?? environment.DMSCDC_GLUE_DATABASE),
    cycle: {
      concurrency: concurrencyOf(flags.concurrency ?? environment.DMSCDC_CONCURRENCY),
      deadlineMs: deadlineOf(flags.deadline ?? environment.DMSCDC_DEADLINE),
      metrics: metricsOf(flags.metrics ?? environment.DMSCDC_METRICS),
      dispatch: dispatchOf(flags, environment),
    },
    verbose: flags.verbose ?? false,
  }
}

/** Ends with a slash. */
function pathOf(location: ObjectLocation): string {
  return location.kind === 's3' ? `s3://${location.bucket}/${location.prefix}` : `${location.folder}/`
}

/** The original named each place by a bucket and a prefix. */
const originalNames = { landing: ['bucket', 'prefix'], lake: ['out_bucket', 'out_prefix'] } as const

function objectLocation(
  flag: 'landing' | 'lake',
  said: { readonly text: string | undefined; readonly bucket: string | undefined; readonly prefix: string | undefined },
): ObjectLocation {
  const [bucketFlag, prefixFlag] = originalNames[flag]
  if (said.bucket !== undefined && said.text !== undefined)
    throw new UsageError(`--${flag} and --${bucketFlag} name the same place twice`, 'dmscdc run --help')
  if (said.prefix !== undefined && said.bucket === undefined)
    throw new UsageError(
      `--${prefixFlag} says nothing without --${bucketFlag}`,
      `dmscdc run --${flag} s3://bucket/prefix/`,
    )
  if (said.bucket !== undefined) return s3Location(flag, `s3://${said.bucket}/${said.prefix ?? ''}`)
  return placeOf(flag, required(flag, said.text))
}

/** A place as a flag writes it. Throws `UsageError`. */
export function placeOf(flag: string, text: string): ObjectLocation {
  switch (schemeOf(text)) {
    case null:
    case 'file':
      return fileLocation(flag, text)
    case 's3':
      return s3Location(flag, text)
    default:
      throw unknownScheme(flag, text, 's3://, file:// or a path')
  }
}

/** Where the landing is in S3, the original's table is the default. */
function stateLocation(text: string | undefined, landing: ObjectLocation): StateLocation {
  if ((text === undefined || text === '') && landing.kind === 's3')
    return { kind: 'dynamodb', tableName: defaultStateTable }
  const said = required('state', text)
  switch (schemeOf(said)) {
    case null:
    case 'file':
      return fileLocation('state', said)
    case 'dynamodb': {
      const tableName = said.slice('dynamodb://'.length).replace(/\/$/u, '') || defaultStateTable
      if (!/^[\w.-]{3,255}$/u.test(tableName))
        throw new UsageError(
          `--state: "${tableName}" is no name of a DynamoDB table, which has 3 to 255 letters, digits, _ . or -`,
          `dmscdc run --state dynamodb://${defaultStateTable}`,
        )
      return { kind: 'dynamodb', tableName }
    }
    default:
      throw unknownScheme('state', said, 'dynamodb://, file:// or a path')
  }
}

function required(flag: string, text: string | undefined): string {
  if (text !== undefined && text !== '') return text
  throw new UsageError(
    `--${flag} is missing, and so is DMSCDC_${flag.toUpperCase()}`,
    `dmscdc run --${flag} ${flag === 'state' ? `dynamodb://${defaultStateTable}` : `s3://bucket/${flag}/`}, or a folder`,
  )
}

function schemeOf(text: string): string | null {
  return /^([a-z][a-z0-9+.-]*):\/\//iu.exec(text)?.[1]?.toLowerCase() ?? null
}

function unknownScheme(flag: string, text: string, expected: string): UsageError {
  const scheme = schemeOf(text) ?? ''
  return new UsageError(
    `--${flag}: found scheme ${scheme}://, expected ${expected}`,
    `dmscdc run --${flag} file:///path/to/${flag}`,
  )
}

function fileLocation(flag: string, text: string): FileLocation {
  return { kind: 'file', folder: schemeOf(text) === null ? resolve(text) : folderOfUrl(flag, text) }
}

function s3Location(flag: string, text: string): S3Location {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]*)\/?(.*)$/isu.exec(text) ?? []
  const prefix = rest.replace(/\/+$/u, '')
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u.test(bucket))
    throw new UsageError(
      `--${flag}: found bucket "${bucket}", expected a bucket's name`,
      `dmscdc run --${flag} s3://bucket/prefix/`,
    )
  if (prefix !== '' && prefix.split('/').some((part) => part === '' || part === '.' || part === '..'))
    throw new UsageError(
      `--${flag}: found prefix "${prefix}", expected names with one slash between them`,
      `dmscdc run --${flag} s3://${bucket}/prefix/`,
    )
  return { kind: 's3', bucket, prefix: prefix === '' ? '' : `${prefix}/` }
}

function accountId(flag: string, text: string | undefined): string | null {
  if (text === undefined || text === '') return null
  if (/^\d{12}$/u.test(text)) return text
  throw new UsageError(`--${flag}: found "${text}", expected the 12 digits of an AWS account`, 'dmscdc run --help')
}

function catalogDatabase(text: string | undefined): string | null {
  if (text === undefined || text === '') return null
  if (/^[\w-]{1,255}$/u.test(text)) return text.toLowerCase()
  throw new UsageError(
    `--glue-database: found "${text}", expected a name of letters, digits, _ and -`,
    'dmscdc run --glue-database lake',
  )
}

function folderOfUrl(flag: string, text: string): string {
  try {
    return resolve(fileURLToPath(text))
  } catch {
    throw new UsageError(
      `--${flag}: ${text} is no file URL of this machine`,
      `dmscdc run --${flag} file:///path/to/${flag}`,
    )
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function threadsOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (!/^[1-9]\d{0,3}$/u.test(text))
    throw new UsageError(`--threads: found "${text}", expected a whole number from 1`, 'dmscdc run --threads 2')
  return Number(text)
}

/** Much of a small table's run is waiting for answers, so a core bears several. */
const tablesPerCore = 4
const concurrencyDefaultMax = 16

function concurrencyOf(text: string | undefined): number {
  if (text === undefined) return Math.min(concurrencyDefaultMax, tablesPerCore * availableParallelism())
  if (/^[1-9]\d{0,4}$/u.test(text)) return Number(text)
  throw new UsageError(`--concurrency: found "${text}", expected a whole number from 1`, 'dmscdc run --concurrency 4')
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** `90s`, `50m`, `2h` or `1h30m`, at most a day. Default: less than the hour between two runs. */
function deadlineOf(text: string | undefined): number {
  if (text === undefined) return 50 * 60_000
  const parts = [...text.matchAll(/(\d+)([smh])/gu)]
  const ms = parts.reduce((sum, [, digits, unit = '']) => sum + Number(digits) * (unitMs[unit] ?? 0), 0)
  if (/^(?:\d+[smh])+$/u.test(text) && ms > 0 && ms <= 86_400_000) return ms
  throw new UsageError(
    `--deadline: found "${text}", expected a time up to a day, as 50m or 2h`,
    'dmscdc run --deadline 50m',
  )
}

function metricsOf(text: string | undefined): 'emf' | 'none' {
  if (text === undefined || text === '' || text === 'none') return 'none'
  if (text === 'emf') return 'emf'
  throw new UsageError(`--metrics: found "${text}", expected emf or none`, 'dmscdc run --metrics emf')
}

/** A Glue job per table takes all of them; an ECS task is for those that would press on the others here. */
const aboveDefault = { ecsTask: '1GB', glueJob: '0' } as const

function dispatchOf(flags: Flags, environment: NodeJS.ProcessEnv): DispatchSettings {
  const kind = flags.dispatch ?? environment.DMSCDC_DISPATCH ?? ''
  if (kind === '' || kind === 'inProcess') return { kind: 'inProcess' }
  if (kind !== 'ecsTask' && kind !== 'glueJob')
    throw new UsageError(`--dispatch: found "${kind}", expected inProcess, ecsTask or glueJob`, 'dmscdc run --help')
  const aboveBytes = aboveOf(flags.dispatchAbove ?? environment.DMSCDC_DISPATCH_ABOVE ?? aboveDefault[kind])
  const named = (name: string): string => {
    const value = environment[name]
    if (value !== undefined && value !== '') return value
    throw new UsageError(
      `--dispatch ${kind}: the variable ${name} is missing`,
      `set ${name}, or dmscdc run --dispatch inProcess`,
    )
  }
  if (kind === 'glueJob') return { kind, aboveBytes, jobName: named('DMSCDC_GLUE_JOB') }
  const listed = (text: string | undefined) => (text ?? '').split(',').flatMap((part) => part.trim() || [])
  return {
    kind,
    aboveBytes,
    cluster: named('DMSCDC_ECS_CLUSTER'),
    taskDefinition: named('DMSCDC_ECS_TASK_DEFINITION'),
    container: environment.DMSCDC_ECS_CONTAINER || 'dmscdc',
    subnets: listed(named('DMSCDC_ECS_SUBNETS')),
    securityGroups: listed(environment.DMSCDC_ECS_SECURITY_GROUPS),
    publicIp: environment.DMSCDC_ECS_PUBLIC_IP === 'true',
    vcpuBudget: vcpusOf(flags.vcpuBudget ?? environment.DMSCDC_VCPU_BUDGET),
  }
}

function aboveOf(text: string): number {
  const bytes = text === '0' ? 0 : sizeOf(text)
  if (bytes >= 0) return bytes
  throw new UsageError(
    `--dispatch-above: found "${text}", expected a size as 1GB or 500MB, or 0`,
    'dmscdc run --dispatch-above 1GB',
  )
}

function vcpusOf(text: string | undefined): number | null {
  if (text === undefined || text === '') return null
  if (/^\d+(?:\.\d+)?$/u.test(text) && Number(text) > 0) return Number(text)
  throw new UsageError(`--vcpu-budget: found "${text}", expected a number of vCPUs`, 'dmscdc run --vcpu-budget 64')
}

const unitBytes: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** Not a number for text that is no size. */
function sizeOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]i?b)$/iu.exec(text)
  return Number(match?.[1]) * (unitBytes[match?.[2]?.toUpperCase() ?? ''] ?? Number.NaN)
}

function bytesOf(text: string): number {
  const bytes = sizeOf(text)
  if (!(bytes >= 64e6))
    throw new UsageError(
      `--memory: found "${text}", expected at least 64MB, as in 512MB or 4GB`,
      'dmscdc run --memory 512MB',
    )
  return bytes
}
